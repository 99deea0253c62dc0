// SPDX-License-Identifier: ISC
// How much of its quota a volume uses; contract.h says what counts.
#ifndef FS_QUOTA_H
#define FS_QUOTA_H

#include "hypervisor/fs/fs.h"

// Before anything is served: counts the volume behind the folder, unless
// somebody has. Waits for whoever is at it.
int quota_count(struct fs *, int root_fd);

// What a file takes up (its share, if it has several names).
int64_t quota_cost(const struct stat *);
int64_t quota_cost_of_len(uint64_t len);

// -ENOSPC: it would be too much; nothing is taken then. Negative numbers give
// back and always work.
int quota_take(struct fs *, int64_t bytes, int64_t files);

/*
 * Between these nobody else who serves the volume changes the length of that
 * file.
 */
void quota_lock(struct fs *, uint64_t ino);
void quota_unlock(struct fs *, uint64_t ino);

#endif
