// SPDX-License-Identifier: ISC
// The keeper's files, beside its journal in the role's own folder:
//
//     blobs/CUSTOMER/NAME   images, initrds and source bundles, 64 hex digits
//                           each; NAME is a hash of the contents, or of what
//                           determines them. Never shared between customers:
//                           that would tell one what another has.
//     logs/ID.console       written by the domain's monitor, bounded by it
//     logs/ID.build         written by the build's compiler
//     cores/NAME.core       the last core of an operator's domain of this name;
//                           ID.running while it runs. CORES_MAX of them
//
// A blob is written beside (blobs/CUSTOMER/.NUMBER; what is left of those is
// deleted at start), synced and renamed; once store_keep returned it survives a
// power cut. One that is there is never written again.
#ifndef KEEPER_STORE_H
#define KEEPER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "node-agent/agent/msg.h"
#include "node-agent/keeper/limits.h"

struct store {
    int blobs, logs, cores; // folders
    uint64_t bytes;  // of all blobs
    uint64_t max_bytes;
    uint64_t drafts; // made so far, for their names
    // Whose consoles' files are empty and ready to be used again. After a
    // restart they stay, empty, until their submissions are forgotten.
    sub_id_t spare[CONSOLE_SPARES_MAX];
    uint32_t nspares;
};

// Relative to the working folder.
int store_open(struct store *st, uint64_t max_bytes, struct err *e);
void store_close(struct store *st);

// Room for `len` more bytes? -ENOSPC with a sentence.
int store_room(const struct store *st, uint64_t len, struct err *e);

// Is it there? Marks it as used now.
bool store_has(struct store *st, const key_id_t *customer,
               const uint8_t name[32]);

// A blob being written: open a draft, write to its fd, then keep or drop it.
struct draft {
    int fd;
    int folder; // its customer's
    uint64_t number;
};
int store_draft(struct store *st, struct draft *d, const key_id_t *customer,
                struct err *e);
int store_keep(struct store *st, struct draft *d, const uint8_t name[32],
               struct err *e);
void store_drop(struct draft *d);

// All at once from memory; nothing to do when it is there.
int store_put(struct store *st, const key_id_t *customer,
              const uint8_t name[32], const void *data, size_t len,
              struct err *e);

// Open for reading; or -errno.
int store_get(struct store *st, const key_id_t *customer,
              const uint8_t name[32], struct err *e);

// A new, empty log, open for appending; and an old one for reading (with
// `make` an empty one is made if there is none).
int store_log_new(struct store *st, const sub_id_t *id, enum log_kind kind,
                  struct err *e);
// The log of the one before goes on.
int store_log_more(struct store *st, const sub_id_t *id, enum log_kind kind,
                   struct err *e);
int store_log_open(struct store *st, const sub_id_t *id, enum log_kind kind,
                   bool make, struct err *e);

// A new, empty console in a file that was another's before; and giving one
// back for that. Only where nobody has either of them open.
int store_log_used(struct store *st, const sub_id_t *id, struct err *e);
void store_log_reuse(struct store *st, const sub_id_t *id);

// Deletes a submission's logs.
void store_log_drop(struct store *st, const sub_id_t *id);

// An empty file for a core of this run, open for writing.
int store_core_new(struct store *st, const sub_id_t *id, struct err *e);

// The domain of this run is over: what its monitor has written of a core is
// kept as cores/NAME.core, in the place of an older one. False: nothing.
bool store_core_keep(struct store *st, const sub_id_t *id, const char *name);

// What one customer has in it.
uint64_t store_bytes_of(const struct store *st, const key_id_t *customer);

// Bytes left on the file system.
uint64_t store_free(const struct store *st);

// Deletes blobs not used for keep_s, and newer ones, oldest first, down to
// three quarters of max_bytes, unless `used` says that they are needed.
void store_sweep(struct store *st, uint64_t keep_s,
                 bool (*used)(void *arg, const key_id_t *customer,
                              const uint8_t name[32]),
                 void *arg);

#endif
