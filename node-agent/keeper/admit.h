// SPDX-License-Identifier: ISC
// Admission: is this bundle what its customer signed, is it meant for us, and
// can this node do what it asks? The API has looked at it before; its word is
// not taken, since it is the role that strangers talk to.
#ifndef KEEPER_ADMIT_H
#define KEEPER_ADMIT_H

#include "lib/err.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/agent/role.h"
#include "node-agent/bundle/bundle.h"
#include "node-agent/keeper/store.h"
#include "node-agent/keeper/sub.h"

struct admission {
    int fd;
    const uint8_t *data; // the whole bundle, mapped
    size_t len;
    struct bundle_reader *reader;
    const struct manifest *manifest;
    uint8_t digest[DIGEST_BYTES]; // of the manifest
    sub_id_t id;
};

// Maps the sealed memfd, which is the admission's from now on, and verifies
// the bundle from end to end. NULL: *status is 422 with a sentence for the
// customer, 503 when it is our fault, or 0 when the descriptor is not sealed
// (the API broke the rules).
struct admission *admission_new(int fd, uint64_t len, const uint8_t node[32],
                                unsigned *status, struct err *e);
void admission_free(struct admission *a); // NULL is fine

// Audience, time, and what this node offers. 0 or -errno with a sentence.
int admission_check(const struct admission *a, const struct node_config *cfg,
                    uint64_t now_s, struct err *e);

// What the journal keeps of it.
void admission_describe(const struct admission *a, struct sub *s);

// Puts what will be needed later into the store: a source bundle or an image,
// and the data files as an initrd. Sets names in *s.
int admission_store(const struct admission *a, struct store *st, struct sub *s,
                    struct err *e);

#endif
