// SPDX-License-Identifier: ISC
// Paths relative to an open folder.
#ifndef RT_LIBC_AT_H
#define RT_LIBC_AT_H

#include "unikernel-runtime/fs/vfs.h"

// Where a path seen from the folder `fd` begins, with a reference: 0 or an
// error. AT_FDCWD and absolute paths will do.
int start_at(int fd, const char *path, struct vnode **out);

// What is at the path, with a reference.
int find_at(int fd, const char *path, int follow, struct vnode **out);

#endif
