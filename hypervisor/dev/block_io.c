// SPDX-License-Identifier: ISC
// How requests reach the file; see block_io.h.

#include "hypervisor/dev/block_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#include "hypervisor/dev/block.h"

// For what a file opened with O_DIRECT cannot take from where it is. No
// driver of ours ever needs it.
static uint8_t bounce[BLOCK_DATA_MAX] DEVICE_MEMORY
    __attribute__((aligned(HV_PAGE)));

static bool aligned(const struct block_request *r)
{
    uintptr_t bits = 0;

    for (unsigned i = 0; i < r->niov; i++)
        bits |= (uintptr_t)r->iov[i].iov_base | r->iov[i].iov_len;
    return r->align_bytes == 0 || (bits & (r->align_bytes - 1)) == 0;
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

// ---------------------------------------------------- calls that wait

static ssize_t move(const struct block_request *r)
{
    const struct iovec whole = {bounce, r->len};
    bool straight = aligned(r), write = r->op == BLOCK_WRITE;
    const struct iovec *iov = straight ? r->iov : &whole;
    int n = straight ? (int)r->niov : 1;
    ssize_t done;

    if (!straight && write)
        bounce_copy(r, true);
    done = write ? pwritev(r->fd, iov, n, r->offset)
                 : preadv(r->fd, iov, n, r->offset);
    if (!straight && !write && done == (ssize_t)r->len)
        bounce_copy(r, false);
    return done;
}

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO  (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

// Zeroes by a hole are as good where there is no other way.
static int clear(const struct block_request *r)
{
    if (r->op == BLOCK_ZERO && fallocate(r->fd, ZERO, r->offset, r->len) == 0)
        return 0;
    return fallocate(r->fd, PUNCH, r->offset, r->len);
}

static void do_now(struct block_request *r)
{
    int64_t result;

    switch (r->op) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        result = move(r);
        break;
    case BLOCK_FLUSH:
        result = fdatasync(r->fd);
        break;
    default:
        result = clear(r);
    }
    r->done(r, result < 0 ? -errno : result);
}

// ----------------------------------------------------------- the ring

static void queue_move(struct io_uring_sqe *s, const struct block_request *r)
{
    bool write = r->op == BLOCK_WRITE;

    s->off = r->offset;
    if (r->niov == 1) {
        s->opcode = write ? IORING_OP_WRITE : IORING_OP_READ;
        s->addr = (uintptr_t)r->iov[0].iov_base;
        s->len = r->iov[0].iov_len;
    } else {
        s->opcode = write ? IORING_OP_WRITEV : IORING_OP_READV;
        s->addr = (uintptr_t)r->iov;
        s->len = r->niov;
    }
}

static void queue(struct uring *u, struct block_request *r)
{
    struct io_uring_sqe *s = uring_sqe(u);

    s->fd = r->fd;
    s->user_data = (uintptr_t)r;
    switch (r->op) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        queue_move(s, r);
        break;
    case BLOCK_FLUSH:
        s->opcode = IORING_OP_FSYNC;
        s->fsync_flags = IORING_FSYNC_DATASYNC;
        break;
    default:
        s->opcode = IORING_OP_FALLOCATE;
        s->off = r->offset;
        s->addr = r->len;
        s->len = r->op == BLOCK_ZERO ? ZERO : PUNCH;
    }
}

void block_completed(uint64_t user_data, int32_t result)
{
    struct block_request *r = (struct block_request *)(uintptr_t)user_data;

    // Without a worker, or a file system that knows only the other way.
    if (result == -ECANCELED || result == -EAGAIN ||
        (result == -EOPNOTSUPP && r->op == BLOCK_ZERO))
        do_now(r);
    else
        r->done(r, result);
}

void block_submit(struct uring *u, struct block_request *r)
{
    if (u->fd < 0 || !aligned(r))
        do_now(r);
    else
        queue(u, r);
}
