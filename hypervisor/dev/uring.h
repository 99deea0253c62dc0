// SPDX-License-Identifier: ISC
/*
 * The io_urings of a monitor: one for all its disks, one for the frames of all
 * its interfaces. What goes through a ring is out of the sight of a seccomp
 * filter, so they are made, restricted and enabled while the slot is made; the
 * filter afterwards lets them be entered, and neither made nor changed. They
 * take what the filter allows as system calls too: reads, writes, and that of
 * disks fsync and fallocate.
 *
 * Made in the monitor's own process: Linux forbids handing a ring through a
 * socket, and a ring with one known user saves work at each completion.
 */
#ifndef DEV_URING_H
#define DEV_URING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define URING_ENTRIES 128 // submitted at once; more takes another call
// Threads of the kernel that do what cannot be done without waiting, of each
// of its two kinds. They count as the monitor's.
#define URING_WORKERS 2

struct uring {
    int fd;             // -1: there is none
    int event_fd;       // readable, once, when there is something to reap;
                        // -1 for frames, which are waited for by nobody
    unsigned tail;      // of the submission ring: ours
    unsigned pending;   // queued, not yet submitted
    unsigned in_flight; // requests queued and not yet reaped
    unsigned *sq_head, *sq_tail, *sq_flags;
    unsigned *cq_head, *cq_tail, *cq_flags;
    unsigned sq_mask, cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
};

enum uring_use { URING_DISKS, URING_FRAMES };

int uring_make(struct uring *, enum uring_use, struct err *);

// An entry to fill in, zeroed.
struct io_uring_sqe *uring_sqe(struct uring *);

// Hands over what was queued, if anything was.
void uring_submit(struct uring *);

// Is there anything to reap? No system call.
bool uring_ready(const struct uring *);

// Whether completions count event_fd up; off from the start.
void uring_announce(struct uring *, bool on);

// Calls `done` for each completion.
void uring_reap(struct uring *, void (*done)(uint64_t user_data, int32_t res));

#endif
