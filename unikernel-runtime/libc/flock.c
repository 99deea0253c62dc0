// SPDX-License-Identifier: ISC
/*
 * Advisory locks. Those of fcntl belong to processes, of which there is one:
 * it never waits for itself, so they need no memory. Those of flock belong to
 * open files, and are kept by the file tree's nodes while there are any.
 */
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/file_lock.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int flock(int fd, int operation)
{
    struct file *f = fd_get(fd);
    if (!f)
        return result(-EBADF);
    int nowait = operation & LOCK_NB, r;
    switch (operation & ~LOCK_NB) {
    case LOCK_SH:
        r = file_lock_take(f, 0, nowait);
        break;
    case LOCK_EX:
        r = file_lock_take(f, 1, nowait);
        break;
    case LOCK_UN:
        file_lock_drop(f);
        r = 0;
        break;
    default:
        r = -EINVAL;
    }
    fd_put(f);
    return result(r);
}

int lockf(int fd, int command, off_t len)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len};
    switch (command) {
    case F_ULOCK:
        lock.l_type = F_UNLCK;
        return fcntl(fd, F_SETLK, &lock);
    case F_LOCK:
        return fcntl(fd, F_SETLKW, &lock);
    case F_TLOCK:
        return fcntl(fd, F_SETLK, &lock);
    case F_TEST: // nobody else could hold one
        return fcntl(fd, F_GETLK, &lock);
    default:
        return result(-EINVAL);
    }
}
