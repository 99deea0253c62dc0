// SPDX-License-Identifier: ISC
// A disk for SQLite whose power can be cut: a VFS that keeps files in memory,
// what was synced apart from what was only written.
//
// At a cut, of what was not synced each write is kept, dropped, kept in part or
// left as rubbish, each on its own, so also in another order than it was made;
// a file that was never synced may be gone. From then on every call fails until
// the power is back.
#ifndef TESTS_UNIT_POWERCUT_H
#define TESTS_UNIT_POWERCUT_H

#include <stdbool.h>
#include <stdint.h>

// Registers the disk as SQLite's default VFS. `seed` decides what survives.
void powercut_init(uint64_t seed);

// Cuts the power at the n-th writing operation from now (write, truncate,
// sync, delete), in the middle of it; 0: never.
void powercut_after(uint64_t operations);
bool powercut_happened(void);

// Operations so far; what became of what was not synced, over all cuts.
struct powercut_counts {
    uint64_t operations, syncs, cuts;
    uint64_t kept, dropped, torn;
};
struct powercut_counts powercut_counts(void);

// The power is back: files hold what survived. All must have been closed.
void powercut_restore(void);

// A new, empty disk.
void powercut_wipe(void);

#endif
