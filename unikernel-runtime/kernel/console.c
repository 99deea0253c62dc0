// SPDX-License-Identifier: ISC
/*
 * The console ring. Each side owns the index it advances: out_prod and in_cons
 * are ours, out_cons and in_prod the host's. The host raises HV_PORT_CONSOLE
 * after it has moved either of its own.
 */
#include "unikernel-runtime/kernel/console.h"
#include "unikernel-runtime/kernel/event.h"
#include "unikernel-runtime/kernel/hypercall.h"

#include <string.h>

#define ring ((struct hv_console *)(HV_WINDOW_VA + HV_CONSOLE_OFFSET))

static uint32_t index_of_host(const uint32_t *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static uint32_t smaller(uint32_t a, size_t b)
{
    return a < b ? a : b;
}

static uint32_t out_room(void)
{
    return HV_CONSOLE_OUT - (ring->out_prod - index_of_host(&ring->out_cons));
}

void console_write(const char *data, size_t len)
{
    while (len) {
        if (!out_room()) {
            events_mask();
            while (!out_room())
                event_block();
            events_unmask();
        }
        uint32_t at = ring->out_prod % HV_CONSOLE_OUT;
        uint32_t n = smaller(out_room(), len);
        n = smaller(n, HV_CONSOLE_OUT - at);
        memcpy(ring->out + at, data, n);
        __atomic_store_n(&ring->out_prod, ring->out_prod + n, __ATOMIC_RELEASE);
        data += n;
        len -= n;
        hv_notify(HV_PORT_CONSOLE);
    }
}

static uint32_t in_ready(void)
{
    return index_of_host(&ring->in_prod) - ring->in_cons;
}

size_t console_read(char *data, size_t len)
{
    if (!len)
        return 0;
    events_mask();
    // The end first: what was sent before it is then already visible.
    while (!index_of_host(&ring->in_eof) && !in_ready())
        event_block();
    events_unmask();

    uint32_t at = ring->in_cons % HV_CONSOLE_IN;
    uint32_t n = smaller(in_ready(), len);
    n = smaller(n, HV_CONSOLE_IN - at);
    if (n) {
        memcpy(data, ring->in + at, n);
        __atomic_store_n(&ring->in_cons, ring->in_cons + n, __ATOMIC_RELEASE);
        hv_notify(HV_PORT_CONSOLE);
    }
    return n;
}
