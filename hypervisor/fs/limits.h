// SPDX-License-Identifier: ISC
// What one guest can make a back end hold.
#ifndef FS_LIMITS_H
#define FS_LIMITS_H

#include <stdint.h>

// Names the guest knows: each costs about 100 bytes. Ours forgets those that it
// does not use.
#define FS_NODES_MAX 65536u
// Open files and folders; and folders known, which are descriptors too. What
// RLIMIT_NOFILE allows may be less.
#define FS_HANDLES_MAX 4096u
#define FS_FDS_MAX     8192u

// Data of one request; the guest is told.
#define FS_DATA_MAX (256u * 1024)
// A request's arguments, without data: two names, or a link's target and its
// name, and a struct.
#define FS_ARGS_MAX 8192u
// Entries of a folder in one answer.
#define FS_LIST_MAX 32768u
// A symbolic link's target, as of Linux.
#define FS_TARGET_MAX 4095u
#define FS_NAME_MAX   255u
#define FS_FILE_MAX ((uint64_t)INT64_MAX / 2) // sums of two fit
// Folders in folders: whoever has to remove or back up a volume walks them.
#define FS_DEPTH_MAX 128u

// Calls that may take long are made by threads, so that others need not wait.
#define FS_HELPERS  4u
#define FS_JOBS_MAX 64u

// How long requests are looked out for, before it sleeps, while that pays.
#define FS_SPIN_NS 50000u

#endif
