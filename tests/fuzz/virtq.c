// SPDX-License-Identifier: ISC
// A virtqueue whose window is the input, with the queue's place in its first
// bytes. What is taken must lie inside the window, and taking must end.

#include "hypervisor/dev/virtq.c"

#include <stdlib.h>

#define WINDOW_MAX 16384

static void check_inside(const struct virtq *q, const struct iovec *v,
                         unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t at = (uint8_t *)v[i].iov_base - q->window;

        if (v[i].iov_len == 0 || at > q->window_len ||
            v[i].iov_len > q->window_len - at)
            abort();
        // Reading it is what a back end does.
        if (((volatile uint8_t *)v[i].iov_base)[v[i].iov_len - 1] == 1)
            ((volatile uint8_t *)v[i].iov_base)[0] = 1;
    }
}

static void serve(struct virtq *q, uint8_t seed)
{
    static struct virtq_chain c;
    unsigned most = 3 * q->size;

    while (most-- && virtq_take(q, &c) == 1) {
        uint8_t head[16], *status;

        if (c.nout + c.nin == 0 || c.nout + c.nin > HV_CHAIN_MAX ||
            c.head >= q->size || virtq_in_flight(q) > q->size)
            abort();
        check_inside(q, c.out, c.nout);
        check_inside(q, c.in, c.nin);
        if (virtq_pull(&c, head, sizeof(head)) && virtq_len(c.out, c.nout) > 0)
            check_inside(q, c.out, c.nout);
        status = virtq_last_byte(&c);
        if (status)
            *status = seed;
        if (seed & 1)
            virtq_put(q, c.head, seed);
    }
    virtq_wants_event(q);
    virtq_arm(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct hv_queue h;
    struct virtq q;
    uint8_t *window;

    if (len < sizeof(h) + 2 || len > WINDOW_MAX)
        return 0;
    memcpy(&h, data, sizeof(h));
    // Its own allocation: a byte beyond is found out.
    window = aligned_alloc(16, (len + 15) & ~15ul);
    memset(window, 0, (len + 15) & ~15ul);
    memcpy(window, data, len);
    if (virtq_open(&q, window, len, &h, data[len - 1] & 1) == 0) {
        for (unsigned i = 0; i < 4 && !q.broken; i++)
            serve(&q, data[len - 2] + i);
    } else if (!q.broken) {
        abort();
    }
    free(window);
    return 0;
}
