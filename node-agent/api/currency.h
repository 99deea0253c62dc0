// SPDX-License-Identifier: ISC
// In which currency an account is: the ledger knows, and it never changes, so
// an answer is remembered until another account takes its place.

#ifndef API_CURRENCY_H
#define API_CURRENCY_H

#include <pthread.h>

#include "node-agent/agent/msg.h"
#include "node-agent/api/mux.h"

#define CURRENCIES_MAX 1024u

struct currencies {
    pthread_mutex_t lock;
    struct {
        key_id_t account;
        char currency[8]; // "": free
    } entry[CURRENCIES_MAX];
};
#define CURRENCIES_INIT                                                        \
    {                                                                          \
        .lock = PTHREAD_MUTEX_INITIALIZER                                      \
    }

// `otherwise` when the ledger does not say.
void currency_of(struct currencies *c, struct mux *ledger,
                 const key_id_t *account, const char *otherwise, char out[8]);

#endif
