// SPDX-License-Identifier: ISC
// Traces; see trace.h.

#include "hypervisor/monitor/trace.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <x86intrin.h>

#include "hypervisor/engine/trace_ring.h"
#include "hypervisor/monitor/event.h"
#include "hypervisor/monitor/stream.h"
#include "hypervisor/monitor/watch.h"
#include "lib/clock.h"

#define LINE_MAX_LEN 128
// Room for a line and what was missed before it; as much is kept for the last.
#define LINE_ROOM (2 * LINE_MAX_LEN)
// How long the last lines may wait for a slow reader.
#define FINISH_MS 2000

// The one trace of this process.
static struct trace {
    bool open, watches, ending;
    int fd;
    struct domain *domain;
    uint32_t number; // of the last record taken
    uint64_t missed; // lines that found no room, not yet said
    size_t len, sent;
    char out[65536];
} traced;

bool trace_active(void)
{
    return traced.open;
}

// ---------------------------------------------------------------------- lines

// The domain's real clock; its parameters are the host's own.
static uint64_t real_ns(uint64_t tsc)
{
    const struct hv_time t = traced.domain->shared->time;
    const uint64_t ticks = tsc - t.tsc_base;

    return t.base_ns +
           (uint64_t)((unsigned __int128)ticks * t.mul >> (t.shift & 63));
}

__attribute__((format(printf, 2, 3))) static void line(uint64_t tsc,
                                                       const char *fmt, ...)
{
    const uint64_t ns = real_ns(tsc);
    size_t room;
    va_list ap;
    int n;

    if (traced.sent && sizeof(traced.out) - traced.len < 2 * LINE_ROOM) {
        memmove(traced.out, traced.out + traced.sent, traced.len - traced.sent);
        traced.len -= traced.sent;
        traced.sent = 0;
    }
    room = sizeof(traced.out) - traced.len;
    if (room < (traced.ending ? LINE_ROOM : 2 * LINE_ROOM)) {
        traced.missed++;
        return;
    }
    if (traced.missed)
        traced.len += (size_t)snprintf(traced.out + traced.len, LINE_MAX_LEN,
                                       "%lu missed\n", traced.missed);
    traced.missed = 0;
    traced.len += (size_t)snprintf(traced.out + traced.len, 32, "%lu.%09lu ",
                                   ns / 1000000000u, ns % 1000000000u);
    va_start(ap, fmt);
    n = vsnprintf(traced.out + traced.len, LINE_MAX_LEN - 32, fmt, ap);
    va_end(ap);
    traced.len += (size_t)(n < LINE_MAX_LEN - 32 ? n : LINE_MAX_LEN - 33);
    traced.out[traced.len++] = '\n';
}

static void line_call(const struct trace_record *r)
{
    static const char *const memory[] = {"populate", "release", "protect"};

    switch (r->what - TRACE_CALL) {
    case HV_CALL_BLOCK:
        line(r->tsc, "block");
        break;
    case HV_CALL_NOTIFY:
        line(r->tsc, "notify port %lu", r->a);
        break;
    case HV_CALL_TIMER:
        line(r->tsc, r->a ? "timer %lu.%09lu" : "timer off", r->a / 1000000000u,
             r->a % 1000000000u);
        break;
    case HV_CALL_MEMORY:
        line(r->tsc, "memory %s %#lx", r->a < 3 ? memory[r->a] : "?", r->b);
        break;
    case HV_CALL_SHUTDOWN:
        line(r->tsc, "shutdown reason %lu status %lu", r->a, r->b);
        break;
    case HV_CALL_SETUP:
        line(r->tsc, "setup %s %#lx", r->a ? "trap" : "upcall", r->b);
        break;
    case HV_CALL_RUNSTATE:
        line(r->tsc, "runstate");
        break;
    default:
        line(r->tsc, "call %u", r->what);
    }
}

static void record_take(const struct trace_record *r)
{
    if (r->what == TRACE_UPCALL)
        line(r->tsc, "upcall pending %#lx", r->a);
    else if (r->what == TRACE_TRAP)
        line(r->tsc, "trap %lu at %#lx", r->a, r->b);
    else
        line_call(r);
}

// -------------------------------------------------------- what the host does

static void event_line(unsigned port)
{
    line(__rdtsc(), "event port %u", port);
}

static void request_line(unsigned device, unsigned type, uint64_t at,
                         uint64_t len)
{
    line(__rdtsc(), "device %u request type %u at %lu, %lu bytes", device, type,
         at, len);
}

static void frame_line(unsigned device, bool out, uint64_t len,
                       const char *why_not)
{
    line(__rdtsc(),
         why_not ? "device %u %s %lu bytes refused: %s"
                 : "device %u %s %lu bytes",
         device, out ? "out" : "in", len, why_not);
}

// ----------------------------------------------------------------- the stream

static void trace_close(struct monitor *m)
{
    unwatch(m->epoll_fd, traced.fd);
    close(traced.fd);
    traced.open = false;
    event_traced = NULL;
    event_request_traced = NULL;
    event_frame_traced = NULL;
    m->domain.traced = false;
    __atomic_store_n(&trace_ring_of(m->domain.shared)->on, 0, __ATOMIC_SEQ_CST);
}

void trace_gone(struct monitor *m)
{
    if (traced.open)
        trace_close(m);
}

void trace_flush(struct monitor *m)
{
    bool waits;

    if (!traced.open)
        return;
    while (traced.sent < traced.len) {
        ssize_t n = stream_send(traced.fd, traced.out + traced.sent,
                                traced.len - traced.sent);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            trace_close(m);
            return;
        }
        traced.sent += (size_t)n;
    }
    waits = traced.sent < traced.len;
    if (!waits)
        traced.sent = traced.len = 0;
    if (waits == traced.watches)
        return;
    traced.watches = waits;
    unwatch(m->epoll_fd, traced.fd);
    watch(m->epoll_fd, traced.fd, WATCH_TRACE, waits ? EPOLLOUT : EPOLLRDHUP);
}

void trace_turn(struct monitor *m)
{
    const struct trace_ring *t = trace_ring_of(m->domain.shared);
    uint32_t last = __atomic_load_n(&t->number, __ATOMIC_ACQUIRE);

    if (!traced.open)
        return;
    if (last - traced.number > TRACE_RECORDS) {
        traced.missed += last - traced.number - TRACE_RECORDS;
        traced.number = last - TRACE_RECORDS;
    }
    while (traced.number != last) {
        const struct trace_record *at =
            &t->record[++traced.number % TRACE_RECORDS];
        const struct trace_record r = *(const volatile struct trace_record *)at;

        if (r.number == traced.number)
            record_take(&r);
        else
            traced.missed++; // written over, or not yet whole
    }
    trace_flush(m);
}

int trace_attach(struct monitor *m, int fd)
{
    struct trace_ring *t = trace_ring_of(m->domain.shared);

    if (traced.open)
        return -EBUSY;
    memset(&traced, 0, offsetof(struct trace, out));
    traced.open = true;
    traced.fd = fd;
    traced.domain = &m->domain;
    traced.number = t->number;
    watch(m->epoll_fd, fd, WATCH_TRACE, EPOLLRDHUP);
    event_traced = event_line;
    event_request_traced = request_line;
    event_frame_traced = frame_line;
    m->domain.traced = true;
    __atomic_store_n(&t->on, 1, __ATOMIC_SEQ_CST);
    return 0;
}

void trace_ended(struct monitor *m)
{
    if (!traced.open)
        return;
    trace_turn(m);
    if (!traced.open)
        return;
    traced.ending = true;
    line(__rdtsc(), "over");
    trace_flush(m);
    const uint64_t until_ns = clock_mono_ns() + FINISH_MS * 1000000ull;
    while (traced.open && traced.len) {
        struct pollfd p = {.fd = traced.fd, .events = POLLOUT};
        const uint64_t now_ns = clock_mono_ns();

        if (now_ns >= until_ns ||
            poll(&p, 1, (int)((until_ns - now_ns) / 1000000) + 1) <= 0)
            return;
        trace_flush(m);
    }
}
