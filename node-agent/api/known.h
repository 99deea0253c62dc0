// SPDX-License-Identifier: ISC
// Who has an account: the ledger knows. That a key has one is remembered for
// a while; that it has none is not, since the operator may open it any time.

#ifndef API_KNOWN_H
#define API_KNOWN_H

#include <pthread.h>
#include <stdint.h>

#include "node-agent/agent/msg.h"
#include "node-agent/api/mux.h"

#define KNOWN_MAX 1024u

struct known {
    pthread_mutex_t lock;
    uint64_t changes; // how often some key was forgotten
    struct {
        key_id_t key, account;
        uint64_t until_ns; // monotonic; 0: free
    } entry[KNOWN_MAX];
};
#define KNOWN_INIT                                                             \
    {                                                                          \
        .lock = PTHREAD_MUTEX_INITIALIZER                                      \
    }

// 0: the key has an account, which may have been opened with another one.
// Otherwise the HTTP status of the refusal (404, or 503 when the ledger does
// not say) and one sentence.
unsigned known_check(struct known *k, struct mux *keeper, struct mux *ledger,
                     const key_id_t *key, key_id_t *account, struct err *e);

// Whose account the key signs for, whether there is one or not. 403: it was
// revoked.
unsigned known_account(struct known *k, struct mux *keeper, const key_id_t *key,
                       key_id_t *account, struct err *e);

// Something changed about this key: the keeper tells each role that remembers
// keys, whichever of them it was asked by.
void known_forget(struct known *k, const key_id_t *key);

// Does the ledger have an account that was opened with this key? 200, 404, or
// 503 with a sentence: it does not say.
unsigned known_opened(struct mux *ledger, const key_id_t *key, struct err *e);

#endif
