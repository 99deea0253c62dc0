// SPDX-License-Identifier: ISC
// Memory that uploads under way take: bounded for all of them together, for
// one customer and for one address, so that nobody keeps the others out.

#ifndef API_SPOOL_H
#define API_SPOOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

// One upload's part.
struct spool_item {
    struct spool_item *next, **prev;
    char address[64];
    uint8_t customer[32];
    bool has_customer;
    uint64_t bytes;
};

struct spool {
    pthread_mutex_t lock;
    struct spool_item *list;
    uint64_t bytes;
};
#define SPOOL_INIT                                                             \
    {                                                                          \
        .lock = PTHREAD_MUTEX_INITIALIZER                                      \
    }

// peer: as connections name it, "ADDRESS port N" or "uid N pid M". Of an IPv6
// address the first 64 bits count: the rest is the peer's to choose.
void spool_enter(struct spool *s, struct spool_item *it, const char *peer);
void spool_leave(struct spool *s, struct spool_item *it);

// Counts len more bytes, or none. The HTTP status of the refusal and one
// sentence; 0: there is room. From spool_customer on they are that customer's,
// with what came before.
unsigned spool_take(struct spool *s, struct spool_item *it, uint64_t len,
                    struct err *e);
unsigned spool_customer(struct spool *s, struct spool_item *it,
                        const uint8_t customer[32], struct err *e);

uint64_t spool_bytes(struct spool *s);

#endif
