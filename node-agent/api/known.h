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
    struct {
        key_id_t key;
        uint64_t until_ns; // monotonic; 0: free
        char currency[8];  // of the account, which never changes
    } entry[KNOWN_MAX];
};
#define KNOWN_INIT                                                             \
    {                                                                          \
        .lock = PTHREAD_MUTEX_INITIALIZER                                      \
    }

// 0: the key has an account. Otherwise the HTTP status of the refusal (404, or
// 503 when the ledger does not say) and one sentence.
unsigned known_check(struct known *k, struct mux *ledger, const key_id_t *key,
                     struct err *e);

// The currency of the key's account; `otherwise` when the ledger does not say.
void known_currency(struct known *k, struct mux *ledger, const key_id_t *key,
                    const char *otherwise, char out[8]);

#endif
