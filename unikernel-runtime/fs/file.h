// SPDX-License-Identifier: ISC
/*
 * Open files: one table of operations per kind, and file descriptors.
 *
 * Everything here returns 0 or more, or -errno; libc/ turns that into errno.
 */
#ifndef RT_FILE_H
#define RT_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file;
struct stat;
struct dirent;
struct iovec;
struct flock;
struct vnode;

// Something that wants to know when a file has changed in what `poll` says.
// Called with the scheduler locked, as event handlers are.
struct watch {
    struct watch *next;
    void (*changed)(struct watch *w);
};

// Takes all watches off a file whose last descriptor is gone; null while
// there are none in the program.
extern void (*file_unwatch)(struct file *f);

// A null operation is one that this kind of file refuses (see file.c).
struct file_ops {
    // Files with a position (that is, with `seek`) take it from *pos and
    // move it.
    ssize_t (*read)(struct file *f, void *data, size_t len, off_t *pos);
    ssize_t (*write)(struct file *f, const void *data, size_t len, off_t *pos);
    // The same for `len` bytes in `n` places at once; null: one after another.
    ssize_t (*read_parts)(struct file *f, const struct iovec *parts, int n,
                          size_t len);
    ssize_t (*write_parts)(struct file *f, const struct iovec *parts, int n,
                           size_t len);
    // Up to `len` bytes of `in`, which has a position, from *pos, which it
    // moves; null: they are read and written.
    ssize_t (*send_file)(struct file *f, struct file *in, off_t *pos,
                         size_t len);
    // A number that no other contents of any file have, so that a copy of
    // these can be told from what they became. Null: that is not known.
    uint64_t (*version)(struct file *f);
    // Where `offset` counted by `whence` is, or an error; `pos` is moved by
    // the caller. Files without it have no position.
    off_t (*seek)(struct file *f, off_t offset, int whence);
    int (*stat)(struct file *f, struct stat *st);
    int (*truncate)(struct file *f, off_t len);
    // The entry at `pos`, 1; or 0 past the last one.
    int (*readdir)(struct file *f, struct dirent *entry);
    // POLLIN, POLLOUT, POLLHUP, POLLERR, as they hold now; the scheduler is
    // locked. Null: always readable and writable.
    short (*poll)(struct file *f);
    int announces; // it calls file_changed() whenever that has changed
    void (*close)(struct file *f); // the last descriptor is gone
    // A descriptor is closed, perhaps not the last: close's result.
    int (*flush)(struct file *f);
    // What of the tree of names it is open on, without a reference.
    struct vnode *(*vnode)(struct file *f);
    // Locks: fcntl's, and of flock (LOCK_SH, LOCK_EX, LOCK_UN), never waiting.
    // Null: nobody outside the domain could hold one.
    int (*record_lock)(struct file *f, int command, struct flock *lock);
    int (*flock)(struct file *f, int operation);
    // Of a device node: before a descriptor is made for its object. Null: yes.
    int (*open)(void *object, int flags);
    // `data`: what is needed to read it, no more. Null: nothing to wait for.
    int (*sync)(struct file *f, int data);
    int (*control)(struct file *f, unsigned long request, void *argument);
};

// What descriptors point at; those made by dup share one.
struct file {
    const struct file_ops *ops;
    unsigned refs; // descriptors and calls under way; the scheduler's lock
    int flags;     // O_*, as opened and as changed by F_SETFL
    int locked;    // it holds a lock of flock (file_lock.h)
    off_t pos;
    void *object;          // the kind's own
    struct watch *watches; // the scheduler's lock
};

#define FD_MAX 16384

// As many as fit in an fd_set; more only for a program that asks (setrlimit).
#define FD_LIMIT 1024
extern int fd_limit;

// The file behind a descriptor, or NULL; it stays until fd_put.
struct file *fd_get(int fd);
void fd_put(struct file *f);

// A new file on the lowest free descriptor that is `min` or more.
int fd_open(const struct file_ops *ops, void *object, int flags);
// The same; *file is set before anybody can use the descriptor.
int fd_open_file(const struct file_ops *ops, void *object, int flags,
                 struct file **file);
int fd_dup(int fd, int min);
int fd_dup_onto(int fd, int onto);
int fd_close(int fd);

// Scheduler locked: what `poll` says has changed (perhaps).
void file_changed(struct file *f);

ssize_t file_read(struct file *f, void *data, size_t len);
ssize_t file_write(struct file *f, const void *data, size_t len);
ssize_t file_read_at(struct file *f, void *data, size_t len, off_t pos);
ssize_t file_write_at(struct file *f, const void *data, size_t len, off_t pos);
// For what cannot take a file itself: reads a piece of it, of len bytes at
// most, and gives it to `put`. What that took of it, 0 at the file's end, or
// -errno.
ssize_t file_put_piece(struct file *f, off_t pos, size_t len,
                       ssize_t (*put)(void *to, const void *piece, size_t n),
                       void *to);
off_t file_seek(struct file *f, off_t offset, int whence);
int file_stat(struct file *f, struct stat *st);
int file_truncate(struct file *f, off_t len);
int file_readdir(struct file *f, struct dirent *entry);
int file_sync(struct file *f, int data);
// NULL: it is not open on anything that has a name.
struct vnode *file_vnode(struct file *f);
int file_control(struct file *f, unsigned long request, void *argument);

#endif
