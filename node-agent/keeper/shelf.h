// SPDX-License-Identifier: ISC
// Descriptors that outlive this keeper: they lie as messages in a queue of a
// socket pair, both ends of which the supervisor hands to each keeper. Nobody
// else has them. What is on it is known by going round: each message is taken,
// and put behind the others again if it is still wanted.
#ifndef KEEPER_SHELF_H
#define KEEPER_SHELF_H

#include <stdbool.h>
#include <stdint.h>

struct shelf {
    int put_fd, take_fd; // -1: there is none
};

// Takes the descriptors.
void shelf_open(struct shelf *s, const int fds[2]);
void shelf_close(struct shelf *s);

// Puts n descriptors there, which stay the caller's; id is above 0. 0 or
// -errno: there is no room, or no shelf.
int shelf_put(struct shelf *s, int64_t id, const int *fds, uint32_t n);

// Goes round once. `keep` says of each set whether it stays; it may duplicate
// its descriptors, which are closed afterwards. 0, or 1: there was not even
// room to go round, and nothing stayed. A kill amid it loses one set at most.
int shelf_turn(struct shelf *s,
               bool (*keep)(void *arg, int64_t id, const int *fds, uint32_t n),
               void *arg);

#endif
