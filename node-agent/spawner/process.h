// SPDX-License-Identifier: ISC
/* Processes of which we have the number or a handle (pidfd). */
#ifndef SPAWNER_PROCESS_H
#define SPAWNER_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * What tells a process from another one that gets its number later: since
 * Linux 6.9 each has an inode of its own, which no other will have until the
 * machine is started anew; before that, when it was started. `pidfd` is its
 * handle. 0 if it is not there.
 */
uint64_t process_born(pid_t pid, int pidfd);

/* A handle of the process with this number that was born so; -ESRCH if it is
 * gone (or a zombie that nobody has collected). */
int process_open(pid_t pid, uint64_t born);

/* The number, as we see it, of the process that this is a handle of; -1: it is
 * gone, or that is no pidfd. */
pid_t process_number(int pidfd);

#endif
