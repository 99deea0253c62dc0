// SPDX-License-Identifier: ISC
/*
 * The console ring. Each side owns the index it advances: out_prod and in_cons
 * are ours, out_cons and in_prod the host's. The host raises HV_PORT_CONSOLE
 * after it has moved either of its own.
 */
#include "unikernel-runtime/kernel/console.h"
#include "unikernel-runtime/kernel/event.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>
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

// Puts what fits; returns how much that was.
static uint32_t out_put(const char *data, size_t len)
{
    uint32_t at = ring->out_prod % HV_CONSOLE_OUT;
    uint32_t n = smaller(out_room(), len);
    n = smaller(n, HV_CONSOLE_OUT - at);
    memcpy(ring->out + at, data, n);
    __atomic_store_n(&ring->out_prod, ring->out_prod + n, __ATOMIC_RELEASE);
    if (n)
        hv_notify(HV_PORT_CONSOLE);
    return n;
}

static struct lock out_lock, in_lock;

static void out_put_all(const char *data, size_t len)
{
    while (len) {
        uint32_t n = out_put(data, len);
        data += n;
        len -= n;
        if (n)
            continue;
        events_mask();
        while (!out_room())
            event_wait(HV_PORT_CONSOLE);
        events_unmask();
    }
}

void console_write(const char *data, size_t len)
{
    lock_take(&out_lock);
    out_put_all(data, len);
    lock_give(&out_lock);
}

uint32_t console_files_max(void)
{
    return index_of_host(&ring->files_max);
}

void console_files_begin(void)
{
    lock_take(&out_lock); // for good
    ring->files_from = ring->out_prod;
    __atomic_store_n(&ring->files, 1, __ATOMIC_RELEASE);
}

void console_files_write(const char *data, size_t len)
{
    out_put_all(data, len);
}

void console_write_last(const char *data, size_t len)
{
    events_mask();
    while (len) {
        uint32_t n = out_put(data, len);
        data += n;
        len -= n;
        if (!n)
            event_block();
    }
}

static uint32_t in_ready(void)
{
    return index_of_host(&ring->in_prod) - ring->in_cons;
}

// The end first: what was sent before it is then already visible.
static int in_wanting(void)
{
    return !index_of_host(&ring->in_eof) && !in_ready();
}

int console_readable(void)
{
    return !in_wanting();
}

static uint32_t in_get(char *data, size_t len)
{
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

ssize_t console_read(char *data, size_t len)
{
    if (!len)
        return 0;
    for (;;) {
        int r = 0;
        events_mask();
        while (r != -EINTR && in_wanting())
            r = event_wait_point(HV_PORT_CONSOLE);
        events_unmask();
        if (wait_was_broken(r))
            return r;
        if (r == -EINTR)
            continue;

        // Another reader may have been faster.
        lock_take(&in_lock);
        int ready = !in_wanting();
        uint32_t n = in_get(data, len);
        lock_give(&in_lock);
        if (ready)
            return n;
    }
}
