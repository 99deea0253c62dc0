// SPDX-License-Identifier: ISC
// The node's identity: an Ed25519 key in state_dir/identity, in minisign's
// formats, made at the first start. It signs certificates for subkeys and
// nothing else, and only the supervisor reads it.

#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include <stddef.h>
#include "billing/receipts_key.h"
#include "lib/err.h"
#include "node-agent/agent/role.h"

// The ledger's: the key that signs batches, and what payment providers sign
// webhooks with.
#define PAYMENT_SECRET_BYTES_MAX 64
struct ledger_secret {
    struct receipts_key receipts;
    uint32_t payment_len; // 0: none
    uint8_t payment[PAYMENT_SECRET_BYTES_MAX];
};

// What roles get of it, as sealed memfds: the ledger a struct ledger_secret,
// its key newly made and certified; the keeper a struct secrets_key, which is the same
// at every start (state_dir/identity/secrets.key), or no service could begin
// again.
struct identity_fds {
    int receipts, secrets;
};

// Reads the key, or makes it; fills cfg->node_id, secrets_key and its
// signature.
int identity_open(struct node_config *cfg, struct identity_fds *fds,
                  struct err *e);

// A new receipts key, certified for the time that it is now: a machine whose
// clock was wrong at the start would keep one that is never valid. When it
// fails, fds are as they were.
int identity_renew(const struct node_config *cfg, struct identity_fds *fds,
                   struct err *e);

// A sealed memfd with these bytes.
int memfd_sealed(const char *name, const void *data, size_t len, struct err *e);

#endif
