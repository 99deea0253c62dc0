// SPDX-License-Identifier: ISC
// Whole reads and writes; see io.h.

#include "lib/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"

ssize_t read_full(int fd, void *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = read(fd, (char *)data + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += n;
    }
    return done;
}

ssize_t pread_full(int fd, void *data, size_t len, off_t at)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (char *)data + done, len - done, at + done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += n;
    }
    return done;
}

ssize_t rolling_read(int fd, void *data, size_t len, uint64_t *at)
{
    for (;;) {
        off_t start = lseek(fd, (off_t)*at, SEEK_DATA);
        ssize_t n;

        if (start < 0) // nothing more, or a file system without holes
            return errno == ENXIO ? 0 : pread_full(fd, data, len, (off_t)*at);
        n = pread_full(fd, data, len, start);
        *at = (uint64_t)start;
        if (n <= 0 || lseek(fd, start, SEEK_DATA) == start)
            return n; // otherwise it went while it was read
    }
}

int write_full(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= n;
    }
    return 0;
}

int pwrite_full(int fd, const void *data, size_t len, off_t at)
{
    const char *p = data;

    while (len) {
        ssize_t n = pwrite(fd, p, len, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        at += n;
        len -= n;
    }
    return 0;
}

int fd_read(int fd, const char *name, struct buf *b, struct err *e)
{
    char piece[16384];
    ssize_t n;

    while ((n = read_full(fd, piece, sizeof(piece))) > 0) {
        int r = buf_add(b, piece, n);

        if (r == -E2BIG)
            return err_set(e, E2BIG, "%s is larger than the %zu bytes allowed",
                           name, b->max);
        if (r < 0)
            return err_set(e, -r, "%s: no memory", name);
    }
    if (n < 0) {
        errno = -n;
        return err_errno(e, "%s", name);
    }
    return 0;
}

int file_read(const char *path, struct buf *b, struct err *e)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return err_errno(e, "%s", path);
    return fd_read(fd, path, b, e);
}

int dir_sync_of(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    cleanup_close int fd = -1;

    if (slash == path)
        snprintf(dir, sizeof(dir), "/");
    else
        snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1,
                 slash ? path : ".");
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return -errno;
    return 0;
}

int file_write_durable(const char *path, const void *data, size_t len,
                       mode_t mode, struct err *e)
{
    char beside[PATH_MAX];
    cleanup_close int fd = -1;
    int r;

    if (snprintf(beside, sizeof(beside), "%s.%d.tmp", path, (int)getpid()) >=
        (int)sizeof(beside))
        return err_set(e, ENAMETOOLONG, "%s: the path is too long", path);
    unlink(beside);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return err_errno(e, "%s", beside);
    r = write_full(fd, data, len);
    if (r < 0) {
        errno = -r;
        goto fail;
    }
    if (fsync(fd) < 0 || rename(beside, path) < 0)
        goto fail;
    r = dir_sync_of(path);
    if (r < 0) {
        errno = -r;
        return err_errno(e, "syncing the folder of %s", path);
    }
    return 0;
fail:
    r = err_errno(e, "writing %s", path);
    unlink(beside);
    return r;
}

int dir_make(const char *path, mode_t mode, struct err *e)
{
    char part[PATH_MAX];

    if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
        return err_set(e, ENAMETOOLONG, "%s: the path is too long", path);
    for (char *p = part + 1;; p++) {
        char c = *p;

        if (c != '/' && c != 0)
            continue;
        *p = 0;
        if (mkdir(part, mode) < 0 && errno != EEXIST)
            return err_errno(e, "making the folder %s", part);
        *p = c;
        if (!c)
            return 0;
    }
}

int fds_place(int *fds, int from, int end)
{
    // First all out of the way, then each to its place.
    for (int i = from; i < end; i++)
        if (fds[i] >= 0 && (fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, end)) < 0)
            return -errno;
    for (int i = from; i < end; i++) {
        if (fds[i] < 0)
            close(i);
        else if (dup2(fds[i], i) < 0)
            return -errno;
    }
    return 0;
}
