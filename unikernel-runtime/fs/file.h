// SPDX-License-Identifier: ISC
/*
 * Open files: one table of operations per kind, and file descriptors.
 *
 * Everything here returns 0 or more, or -errno; libc/ turns that into errno.
 */
#ifndef RT_FILE_H
#define RT_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct file;
struct stat;
struct dirent;

// A null operation is one that this kind of file refuses (see file.c).
struct file_ops {
    ssize_t (*read)(struct file *f, void *data, size_t len);
    ssize_t (*write)(struct file *f, const void *data, size_t len);
    // Where `offset` counted by `whence` is, or an error; `pos` is moved by
    // the caller. Files without it have no position.
    off_t (*seek)(struct file *f, off_t offset, int whence);
    int (*stat)(struct file *f, struct stat *st);
    int (*truncate)(struct file *f, off_t len);
    // The entry at `pos`, 1; or 0 past the last one.
    int (*readdir)(struct file *f, struct dirent *entry);
    void (*close)(struct file *f); // the last descriptor is gone
};

// What descriptors point at; those made by dup share one.
struct file {
    const struct file_ops *ops;
    unsigned refs;
    int flags; // O_*, as opened and as changed by F_SETFL
    off_t pos;
    void *object; // the kind's own
};

// As many as fit in an fd_set.
#define FD_MAX 1024

// The file behind a descriptor, or NULL.
struct file *fd_get(int fd);

// A new file on the lowest free descriptor that is `min` or more.
int fd_open(const struct file_ops *ops, void *object, int flags);
int fd_dup(int fd, int min);
int fd_dup_onto(int fd, int onto);
int fd_close(int fd);

ssize_t file_read(struct file *f, void *data, size_t len);
ssize_t file_write(struct file *f, const void *data, size_t len);
off_t file_seek(struct file *f, off_t offset, int whence);
int file_stat(struct file *f, struct stat *st);
int file_truncate(struct file *f, off_t len);
int file_readdir(struct file *f, struct dirent *entry);

#endif
