// SPDX-License-Identifier: ISC
// Frames; see frame.h.

#include "node-agent/volume/frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "node-agent/volume/contract.h"

// Both descriptors' kinds (pipe, socket) may write less than asked.
static int write_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int frame_send(int fd, const void *data, size_t len)
{
    const char *at = data;
    int r;

    do {
        uint32_t n = len < VOLUME_FRAME_MAX ? (uint32_t)len : VOLUME_FRAME_MAX;
        uint32_t head = htole32(n);

        r = write_all(fd, &head, sizeof(head));
        if (r == 0 && n) {
            r = write_all(fd, at, n);
            at += n;
            len -= n;
        }
    } while (r == 0 && len);
    return r;
}

static ssize_t read_some(int fd, void *data, size_t len)
{
    ssize_t n;

    do
        n = read(fd, data, len);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t frame_recv(int fd, struct frame_in *in, void *data, size_t max)
{
    uint8_t head[4];
    size_t have = 0;
    ssize_t n;

    if (in->good)
        return 0;
    while (in->left == 0 && have < sizeof(head)) {
        n = read_some(fd, head + have, sizeof(head) - have);
        if (n <= 0)
            return n;
        have += (size_t)n;
        if (have < sizeof(head))
            continue;
        in->left = (uint32_t)head[0] | (uint32_t)head[1] << 8 |
                   (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
        if (in->left > VOLUME_FRAME_MAX)
            return -EPROTO;
        in->good = in->left == 0;
        if (in->good)
            return 0;
    }
    n = read_some(fd, data, in->left < max ? in->left : max);
    if (n > 0)
        in->left -= (uint32_t)n;
    return n;
}
