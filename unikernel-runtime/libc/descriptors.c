// SPDX-License-Identifier: ISC
// System calls of POSIX that take a file descriptor.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

int close(int fd)
{
    return result(fd_close(fd));
}

int dup(int fd)
{
    return result(fd_dup(fd, 0));
}

int dup2(int fd, int onto)
{
    return result(fd_dup_onto(fd, onto));
}

_READ_WRITE_RETURN_TYPE read(int fd, void *data, size_t len)
{
    struct file *f = fd_get(fd);
    return result(f ? file_read(f, data, len) : -EBADF);
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *data, size_t len)
{
    struct file *f = fd_get(fd);
    return result(f ? file_write(f, data, len) : -EBADF);
}

off_t lseek(int fd, off_t offset, int whence)
{
    struct file *f = fd_get(fd);
    return result(f ? file_seek(f, offset, whence) : -EBADF);
}

// Runs `transfer` with the position at `offset`, then puts it back.
#define AT_OFFSET(fd, offset, transfer)                                        \
    do {                                                                       \
        struct file *f = fd_get(fd);                                           \
        if (!f)                                                                \
            return result(-EBADF);                                             \
        off_t before = f->pos;                                                 \
        off_t at = file_seek(f, offset, SEEK_SET);                             \
        if (at < 0)                                                            \
            return result(at);                                                 \
        ssize_t r = transfer;                                                  \
        f->pos = before;                                                       \
        return result(r);                                                      \
    } while (0)

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
    AT_OFFSET(fd, offset, file_read(f, data, len));
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    AT_OFFSET(fd, offset, file_write(f, data, len));
}

int fstat(int fd, struct stat *st)
{
    struct file *f = fd_get(fd);
    return result(f ? file_stat(f, st) : -EBADF);
}

int isatty(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return 0;
    if (S_ISCHR(st.st_mode))
        return 1;
    errno = ENOTTY;
    return 0;
}

int ftruncate(int fd, off_t len)
{
    struct file *f = fd_get(fd);
    return result(f ? file_truncate(f, len) : -EBADF);
}

// Files are in memory: there is nothing to wait for.
int fsync(int fd)
{
    return result(fd_get(fd) ? 0 : -EBADF);
}

int fdatasync(int fd)
{
    return fsync(fd);
}

int fchdir(int fd)
{
    struct file *f = fd_get(fd);
    struct node *n = f ? ramfs_node(f) : NULL;
    return result(!f ? -EBADF : n ? ramfs_chdir(n) : -ENOTDIR);
}

int fchmod(int fd, mode_t mode)
{
    struct file *f = fd_get(fd);
    struct node *n = f ? ramfs_node(f) : NULL;
    if (!n)
        return result(f ? -EINVAL : -EBADF);
    n->mode = (n->mode & S_IFMT) | (mode & 07777);
    return 0;
}

#define SETTABLE_FLAGS (O_APPEND | O_NONBLOCK)

int fcntl(int fd, int command, ...)
{
    va_list ap;
    va_start(ap, command);
    int arg = va_arg(ap, int);
    va_end(ap);

    struct file *f = fd_get(fd);
    if (!f)
        return result(-EBADF);
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return result(fd_dup(fd, arg));
    case F_GETFD: // nothing is ever executed, so nothing is closed by it
    case F_SETFD:
        return 0;
    case F_GETFL:
        return f->flags;
    case F_SETFL:
        f->flags = (f->flags & ~SETTABLE_FLAGS) | (arg & SETTABLE_FLAGS);
        return 0;
    default:
        return result(-EINVAL);
    }
}
