// SPDX-License-Identifier: ISC
/*
 * Calls that wait for a disk are made by helper threads. A job is a request
 * with everything it needs; a helper makes its one call and nothing else, and
 * the main thread answers.
 */
#ifndef FS_JOB_H
#define FS_JOB_H

#include "hypervisor/fs/handle.h"
#include "hypervisor/fs/message.h"

enum job_kind { JOB_SYNC, JOB_DATASYNC, JOB_READ };

// Starts the helpers; returns the eventfd that says that jobs are done, or a
// negative code. They must be there before system calls are closed.
int jobs_start(void);

// Hands a request to them: MESSAGE_LATER; -ENOBUFS: all are busy, so do it
// yourself.
int job_begin(struct message *, enum job_kind, struct handle *, uint64_t offset,
              size_t len);

// Answers what is done. `put` gives a request back to its ring.
void jobs_reap(struct fs *, void (*put)(struct message *, int64_t len));

#endif
