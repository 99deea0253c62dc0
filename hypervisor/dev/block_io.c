// SPDX-License-Identifier: ISC
// Requests of the block back end as system calls; see block_io.h.

#include "hypervisor/dev/block_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#include "hypervisor/dev/block.h"

// For what a file opened with O_DIRECT cannot take from where it is. No
// driver of ours ever needs it.
static uint8_t bounce[BLOCK_DATA_MAX] __attribute__((aligned(HV_PAGE)));

static bool aligned(const struct block_request *r, uint32_t align_bytes)
{
    uintptr_t bits = 0;

    for (unsigned i = 0; i < r->niov; i++)
        bits |= (uintptr_t)r->iov[i].iov_base | r->iov[i].iov_len;
    return align_bytes == 0 || (bits & (align_bytes - 1)) == 0;
}

static void bounce_copy(const struct block_request *r, bool in)
{
    uint8_t *at = bounce;

    for (unsigned i = 0; i < r->niov; i++) {
        if (in)
            memcpy(at, r->iov[i].iov_base, r->iov[i].iov_len);
        else
            memcpy(r->iov[i].iov_base, at, r->iov[i].iov_len);
        at += r->iov[i].iov_len;
    }
}

static ssize_t move(int fd, const struct block_request *r, uint32_t align)
{
    const struct iovec whole = {bounce, r->len};
    bool straight = aligned(r, align), write = r->op == BLOCK_WRITE;
    const struct iovec *iov = straight ? r->iov : &whole;
    int n = straight ? (int)r->niov : 1;
    ssize_t done;

    if (!straight && write)
        bounce_copy(r, true);
    done =
        write ? pwritev(fd, iov, n, r->offset) : preadv(fd, iov, n, r->offset);
    if (!straight && !write && done == (ssize_t)r->len)
        bounce_copy(r, false);
    return done;
}

static int zero(int fd, const struct block_request *r)
{
    const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

    if (r->op == BLOCK_ZERO &&
        fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, r->offset,
                  r->len) == 0)
        return 0;
    return fallocate(fd, punch, r->offset, r->len);
}

void block_submit(struct device *d, struct block_request *r,
                  uint32_t align_bytes)
{
    int64_t result;

    switch (r->op) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        result = move(d->fd[0], r, align_bytes);
        break;
    case BLOCK_FLUSH:
        result = fdatasync(d->fd[0]);
        break;
    default:
        result = zero(d->fd[0], r);
    }
    r->done(r, result < 0 ? -errno : result);
}
