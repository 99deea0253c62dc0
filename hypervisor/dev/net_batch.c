// SPDX-License-Identifier: ISC
// Many frames in one system call; see net_batch.h.

#include "hypervisor/dev/net_batch.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hypervisor/dev/device.h"

/*
 * Where frames are read to. A processor copies slowly from one address to
 * another that lies a little behind it modulo 4096. The kernel's frames begin
 * near multiples of 2048, so these begin in the middle between such.
 */
#define IN_AT     1024u
#define IN_STRIDE (34 * 2048u)
_Static_assert(IN_AT + NET_BATCH_LEN <= IN_STRIDE, "the largest frame fits");

static uint8_t in[NET_BATCH_IN][IN_STRIDE] DEVICE_MEMORY
    __attribute__((aligned(HV_PAGE)));

static struct {
    unsigned n;
    uint32_t len[NET_BATCH_OUT];
    struct net_copy copy[NET_BATCH_OUT];
} out DEVICE_MEMORY;

// What became of each request in the ring.
static int32_t result[NET_BATCH_OUT];
_Static_assert(NET_BATCH_IN <= NET_BATCH_OUT, "results of both");
_Static_assert(NET_BATCH_OUT <= URING_ENTRIES, "one call");

static void done(uint64_t i, int32_t r)
{
    result[i] = r;
}

static void queue(struct uring *u, unsigned i, uint8_t op, int fd,
                  const void *at, uint32_t len)
{
    struct io_uring_sqe *s = uring_sqe(u);

    s->opcode = op;
    s->fd = fd;
    s->addr = (uintptr_t)at;
    s->len = len;
    s->rw_flags = RWF_NOWAIT; // done, or failed, when the call returns
    s->user_data = i;
    result[i] = -EAGAIN;
}

// All of a batch has one outcome if the kernel does not know such requests for
// TAPs (before 6.4): then they go singly from now on, these too.
static bool finish(struct uring *u)
{
    uring_submit(u);
    uring_reap(u, done);
    if (u->in_flight == 0 && result[0] != -EOPNOTSUPP)
        return true;
    u->fd = -1;
    return false;
}

const uint8_t *net_batch_in(unsigned i)
{
    return in[i] + IN_AT;
}

static ssize_t read_one(int fd, unsigned i)
{
    ssize_t r = read(fd, in[i] + IN_AT, NET_BATCH_LEN);

    if (r < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return r;
}

static int read_singly(int fd, unsigned most, uint32_t *len)
{
    unsigned n;

    for (n = 0; n < most; n++) {
        ssize_t r = read_one(fd, n);

        if (r < 0 && n == 0)
            return r;
        if (r <= 0)
            break;
        len[n] = r;
    }
    return n;
}

int net_batch_read(struct uring *u, int fd, unsigned most,
                   uint32_t len[NET_BATCH_IN])
{
    unsigned n = 0;

    if (most == 1 || u->fd < 0)
        return read_singly(fd, most, len);
    for (unsigned i = 0; i < most; i++)
        queue(u, i, IORING_OP_READ, fd, in[i] + IN_AT, NET_BATCH_LEN);
    if (!finish(u))
        return read_singly(fd, most, len);
    // One that came while others were not answered lies behind a gap.
    for (unsigned i = 0; i < most; i++) {
        if (result[i] <= 0)
            continue;
        if (i != n)
            memcpy(in[n] + IN_AT, in[i] + IN_AT, result[i]);
        len[n++] = result[i];
    }
    if (n == 0 && result[0] < 0 && result[0] != -EAGAIN && result[0] != -EINTR)
        return result[0];
    return n;
}

struct net_copy *net_batch_out(void)
{
    return &out.copy[out.n];
}

void net_batch_add(struct uring *u, int fd, uint32_t len)
{
    out.len[out.n++] = len;
    if (out.n == NET_BATCH_OUT)
        net_batch_send(u, fd);
}

static void send_singly(int fd)
{
    for (unsigned i = 0; i < out.n; i++) {
        ssize_t r = write(fd, &out.copy[i], out.len[i]);

        (void)r;
    }
}

void net_batch_send(struct uring *u, int fd)
{
    if (out.n > 1 && u->fd >= 0) {
        for (unsigned i = 0; i < out.n; i++)
            queue(u, i, IORING_OP_WRITE, fd, &out.copy[i], out.len[i]);
        if (!finish(u))
            send_singly(fd);
    } else {
        send_singly(fd);
    }
    out.n = 0;
}
