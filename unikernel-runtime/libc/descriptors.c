// SPDX-License-Identifier: ISC
// System calls of POSIX that take a file descriptor.
#include "unikernel-runtime/fs/device.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/file_lock.h"
#include "unikernel-runtime/fs/pipe.h"
#include "unikernel-runtime/fs/vfs.h"
#include "unikernel-runtime/kernel/end.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <reent.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

int close(int fd)
{
    cancel_test();
    return result(fd_close(fd));
}

int dup(int fd)
{
    return result(fd_dup(fd, 0));
}

int dup3(int fd, int onto, int flags)
{
    if (fd == onto || flags & ~O_CLOEXEC)
        return result(-EINVAL);
    return result(fd_dup_onto(fd, onto));
}

int dup2(int fd, int onto)
{
    return result(fd_dup_onto(fd, onto));
}

// The result of `call`, in which the file behind `fd` is `f`.
#define WITH_FILE(fd, call)                                                    \
    do {                                                                       \
        struct file *f = fd_get(fd);                                           \
        if (!f)                                                                \
            return result(-EBADF);                                             \
        long r = call;                                                         \
        fd_put(f);                                                             \
        return result(r);                                                      \
    } while (0)

// The same for calls that may wait.
#define WITH_FILE_POINT(fd, call)                                              \
    do {                                                                       \
        uint8_t before = cancel_enter();                                       \
        struct file *f = fd_get(fd);                                           \
        if (!f)                                                                \
            return result(cancel_leave(before, -EBADF));                       \
        long r = call;                                                         \
        fd_put(f);                                                             \
        return result(cancel_leave(before, r));                                \
    } while (0)

_READ_WRITE_RETURN_TYPE read(int fd, void *data, size_t len)
{
    WITH_FILE_POINT(fd, file_read(f, data, len));
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *data, size_t len)
{
    WITH_FILE_POINT(fd, file_write(f, data, len));
}

/*
 * What stdio calls, with the lock of its FILE held: no cancellation points, as
 * a thread that ended there would leave the lock behind.
 */
_ssize_t _read_r(struct _reent *reent, int fd, void *data, size_t len)
{
    (void)reent;
    WITH_FILE(fd, file_read(f, data, len));
}

_ssize_t _write_r(struct _reent *reent, int fd, const void *data, size_t len)
{
    (void)reent;
    WITH_FILE(fd, file_write(f, data, len));
}

int _close_r(struct _reent *reent, int fd)
{
    (void)reent;
    return result(fd_close(fd));
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
    WITH_FILE_POINT(fd, file_read_at(f, data, len, offset));
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    WITH_FILE_POINT(fd, file_write_at(f, data, len, offset));
}

off_t lseek(int fd, off_t offset, int whence)
{
    WITH_FILE(fd, file_seek(f, offset, whence));
}

int fstat(int fd, struct stat *st)
{
    WITH_FILE(fd, file_stat(f, st));
}

int isatty(int fd)
{
    struct file *f = fd_get(fd);
    if (!f)
        return result(-EBADF) + 1;
    int is = f->ops == &device_console_ops;
    fd_put(f);
    return is ? 1 : result(-ENOTTY) + 1;
}

int ftruncate(int fd, off_t len)
{
    WITH_FILE(fd, file_truncate(f, len));
}

int fsync(int fd)
{
    WITH_FILE_POINT(fd, file_sync(f, 0));
}

int fdatasync(int fd)
{
    WITH_FILE_POINT(fd, file_sync(f, 1));
}

// Begun, as POSIX says: what is written behind goes to the host.
void sync(void)
{
    if (end_write)
        end_write();
}

int posix_fadvise(int fd, off_t offset, off_t len, int advice)
{
    (void)offset;
    struct file *f = fd_get(fd);
    if (!f)
        return EBADF;
    int pipe = !f->ops->seek;
    fd_put(f);
    if (pipe)
        return ESPIPE;
    return len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE
               ? EINVAL
               : 0;
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    struct stat st;
    off_t end;
    if (offset < 0 || len <= 0)
        return EINVAL;
    if (__builtin_add_overflow(offset, len, &end))
        return EFBIG;
    if (fstat(fd, &st) < 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return S_ISFIFO(st.st_mode) ? ESPIPE : ENODEV;
    return st.st_size >= end || ftruncate(fd, end) == 0 ? 0 : errno;
}

static int file_chdir(struct file *f)
{
    struct vnode *v = file_vnode(f);
    return v ? vfs_chdir(v) : -ENOTDIR;
}

int fchdir(int fd)
{
    WITH_FILE(fd, file_chdir(f));
}

static int file_chmod(struct file *f, mode_t mode)
{
    const struct vfs_change c = {.what = VFS_MODE, .mode = mode & 07777};
    struct vnode *v = file_vnode(f);
    return v ? vfs_change(v, f, &c) : -EINVAL;
}

int fchmod(int fd, mode_t mode)
{
    WITH_FILE(fd, file_chmod(f, mode));
}

#define SETTABLE_FLAGS (O_APPEND | O_NONBLOCK)

static int record_lock_ask(struct file *f, int command, struct flock *lock)
{
    for (unsigned n = 0;; n++) {
        int r = f->ops->record_lock(f, command, lock);
        if (r != -EAGAIN || command != F_SETLKW)
            return r;
        r = lock_pause(n);
        if (r < 0)
            return r;
    }
}

/*
 * Locks of parts of files are between processes, and there is one: it gets
 * whatever it asks for, and finds no other's in the way; unless other domains
 * share the file.
 */
static int record_lock(struct file *f, int command, struct flock *lock)
{
    int writes = (f->flags & O_ACCMODE) != O_RDONLY;
    int reads = (f->flags & O_ACCMODE) != O_WRONLY;
    if (lock->l_whence != SEEK_SET && lock->l_whence != SEEK_CUR &&
        lock->l_whence != SEEK_END)
        return -EINVAL;
    if (lock->l_type != F_RDLCK && lock->l_type != F_WRLCK &&
        lock->l_type != F_UNLCK)
        return -EINVAL;
    if (command != F_GETLK && ((lock->l_type == F_WRLCK && !writes) ||
                               (lock->l_type == F_RDLCK && !reads)))
        return -EBADF;
    if (f->ops->record_lock)
        return record_lock_ask(f, command, lock);
    if (command == F_GETLK)
        lock->l_type = F_UNLCK;
    return 0;
}

static int descriptor_control(struct file *f, int fd, int command, long arg)
{
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return fd_dup(fd, arg);
    case F_GETFD: // nothing is ever executed, so nothing is closed by it
    case F_SETFD:
        return 0;
    case F_GETFL:
        return f->flags;
    case F_SETFL:
        f->flags = (f->flags & ~SETTABLE_FLAGS) | (arg & SETTABLE_FLAGS);
        return 0;
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
        return record_lock(f, command, (struct flock *)arg);
    default:
        return -EINVAL;
    }
}

int fcntl(int fd, int command, ...)
{
    va_list ap;
    va_start(ap, command);
    long arg = va_arg(ap, long); // an int's upper half is not looked at
    va_end(ap);
    WITH_FILE_POINT(fd, descriptor_control(f, fd, command, arg));
}

int pipe2(int fds[2], int flags)
{
    if (flags & ~(O_NONBLOCK | O_CLOEXEC))
        return result(-EINVAL);
    return result(pipe_open(fds, flags));
}

int pipe(int fds[2])
{
    return pipe2(fds, 0);
}
