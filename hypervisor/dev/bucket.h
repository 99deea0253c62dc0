// SPDX-License-Identifier: ISC
/*
 * Token buckets. One holds up to `burst` tokens and gains `rate` of them a
 * second. While it is not empty a request may take any number; what it takes
 * beyond the rest is a debt that time pays off, so that the long-term rate
 * holds for requests of any size.
 *
 * Times are CLOCK_MONOTONIC in nanoseconds.
 */
#ifndef DEV_BUCKET_H
#define DEV_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint64_t rate;     // tokens a second; 0: no limit
    uint64_t burst_ns; // the time in which an empty one fills up
    uint64_t full_ns;  // when it will be full
};

// burst 0: a tenth of a second's tokens. Starts full.
void bucket_init(struct bucket *, uint64_t rate, uint64_t burst);

// Is there a token at `now_ns`?
bool bucket_open(const struct bucket *, uint64_t now_ns);
void bucket_take(struct bucket *, uint64_t tokens, uint64_t now_ns);

// When there will be one; 0 if there is no limit.
uint64_t bucket_opens_ns(const struct bucket *);

#endif
