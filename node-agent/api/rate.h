// SPDX-License-Identifier: ISC
// How often somebody may ask: so many requests a second on the whole, and a
// burst of two seconds' worth at once.
//
// Who asks is remembered in a table of fixed size, by a keyed hash, so that
// nobody can aim at another's place. When there are more of them than places,
// whoever asked the least is forgotten: never to his harm.

#ifndef API_RATE_H
#define API_RATE_H

#include <stddef.h>
#include <stdint.h>

struct rate;

// per_s 0: no limit. NULL: no memory.
struct rate *rate_new(uint32_t places, uint32_t per_s);
void rate_free(struct rate *r);

// One asks for `cost` requests at once. 0: granted and counted; else nothing
// is counted, and this many seconds from now it may be.
unsigned rate_take(struct rate *r, const void *who, size_t len, unsigned cost,
                   uint64_t now_ns);

// Counts without asking, as far as the burst goes.
void rate_fine(struct rate *r, const void *who, size_t len, unsigned cost,
               uint64_t now_ns);

#endif
