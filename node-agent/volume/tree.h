// SPDX-License-Identifier: ISC
// Walking a volume's files: by descriptors, never through a symbolic link.
#ifndef VOLUME_TREE_H
#define VOLUME_TREE_H

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>
#include "lib/err.h"

// Folders in folders: FS_DEPTH_MAX of the back end, which lets no guest make
// more. Each is a descriptor while something below it is worked on.
#define TREE_DEPTH_MAX 128

// As hypervisor/fs/contract.h counts.
#define TREE_UNIT 4096u

struct tree_use {
    uint64_t bytes, files;
    uint64_t max_bytes, max_files; // 0: no limit
};

// What a file of this length, or a folder or link (length 0, is_file 0), takes.
uint64_t tree_cost(uint64_t len, int is_file);

// Counts one more; -ENOSPC with a sentence when that is more than there may be.
int tree_take(struct tree_use *use, uint64_t len, int is_file, struct err *e);

// Adds up what is in the folder, without limits.
int tree_count(int dir_fd, struct tree_use *use, struct err *e);

// Removes all that is in the folder.
int tree_empty(int dir_fd, struct err *e);

// Moves all that is in `from` into `to`: folders into folders of that name,
// everything else takes the place of what was there.
int tree_merge(int from_fd, int to_fd, struct err *e);

// Copies all that is in `from` into `to`, which is empty, with the blocks
// shared where the file system can.
int tree_copy(int from_fd, int to_fd, struct tree_use *use, struct err *e);

// A folder's entries but "." and "..": opens, next (NULL: no more, or *r < 0),
// closes. The folder's own descriptor stays the caller's.
DIR *tree_open(int dir_fd, struct err *e);
const struct dirent *tree_next(DIR *d, int *r, struct err *e);

// Opens a folder in a folder; links are refused. -errno as err_errno has it.
int tree_enter(int dir_fd, const char *name, struct err *e);

#endif
