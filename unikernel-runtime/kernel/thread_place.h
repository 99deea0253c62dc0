// SPDX-License-Identifier: ISC
// Where a thread's struct goes; for thread.c and thread_life.c.
#ifndef RT_THREAD_PLACE_H
#define RT_THREAD_PLACE_H

struct thread;

// In `block`, of thread_block_len(): the __thread variables are set up, the
// struct above them, which is returned, is not.
struct thread *thread_place(char *block);

#endif
