// SPDX-License-Identifier: ISC
/*
 * Advisory locks. Those of fcntl belong to processes, of which there is one:
 * it never waits for itself, so they need no memory, except on a volume that
 * other domains share. Those of flock belong to open files (fs/file_lock.h).
 */
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/file_lock.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

// Within the domain first, then among domains. Who has to wait for another
// domain asks again and again, at longer intervals.
static int take(struct file *f, int operation, int nowait)
{
    int r = file_lock_take(f, operation == LOCK_EX, nowait);
    if (r < 0 || !f->ops->flock)
        return r;
    for (unsigned n = 0;; n++) {
        r = f->ops->flock(f, operation);
        if (r != -EAGAIN || nowait)
            break;
        r = lock_pause(n);
        if (r < 0)
            break;
    }
    if (r < 0)
        file_lock_drop(f);
    return r;
}

static void drop(struct file *f)
{
    if (f->ops->flock)
        f->ops->flock(f, LOCK_UN);
    file_lock_drop(f);
}

int flock(int fd, int operation)
{
    struct file *f = fd_get(fd);
    if (!f)
        return result(-EBADF);
    int nowait = operation & LOCK_NB, r;
    switch (operation & ~LOCK_NB) {
    case LOCK_SH:
    case LOCK_EX:
        r = take(f, operation & ~LOCK_NB, nowait);
        break;
    case LOCK_UN:
        drop(f);
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
