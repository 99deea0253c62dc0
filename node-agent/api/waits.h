// SPDX-License-Identifier: ISC
// Requests that wait for something to happen: each holds a thread and a
// connection for as long as it likes, so they are bounded for all customers
// together and for each, and connections remain for those who just ask.

#ifndef API_WAITS_H
#define API_WAITS_H

#include <pthread.h>
#include <stdbool.h>

#include "node-agent/agent/msg.h"

// One request's part.
struct wait_item {
    struct wait_item *next, **prev; // prev NULL: it is not in the list
    key_id_t customer;
};

struct waits {
    pthread_mutex_t lock;
    struct wait_item *list;
};
#define WAITS_INIT                                                             \
    {                                                                          \
        .lock = PTHREAD_MUTEX_INITIALIZER                                      \
    }

// false: there are too many; *mine says whether they are this customer's. An
// item that is in the list already stays.
bool waits_enter(struct waits *w, struct wait_item *it,
                 const key_id_t *customer, bool *mine);

// Also for an item that is not in the list.
void waits_leave(struct waits *w, struct wait_item *it);

#endif
