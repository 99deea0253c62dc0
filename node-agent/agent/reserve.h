// SPDX-License-Identifier: ISC
/*
 * Room on the disk for a database that must go on when there is none left: a
 * file in the working folder, given up when others have filled the disk and
 * made again when there is room. What a role writes then is little (usage
 * records, ends); new work is refused long before.
 */
#ifndef AGENT_RESERVE_H
#define AGENT_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* Hours of a busy node's records. */
#define RESERVE_BYTES (32ull << 20)
/* With less than this left it is given up: a turn's transaction must fit. */
#define RESERVE_LOW (8ull << 20)
/* Once a second at most; a full disk that is not noticed in time costs a
 * generation of roles, whose successors look first of all. */
#define RESERVE_LOOK_NS 1000000000ull

struct reserve {
    int folder; /* -1: no longer looked after */
    bool held;
    uint64_t look_ns; /* CLOCK_MONOTONIC */
};
#define RESERVE_INIT                                                           \
    {                                                                          \
        .folder = -1                                                           \
    }

/* Before the database is opened. Failing is no matter: there is no reserve. */
void reserve_open(struct reserve *r, uint64_t now_ns);
/* In every turn. */
void reserve_look(struct reserve *r, uint64_t now_ns);
void reserve_close(struct reserve *r); /* the file stays */

#endif
