// SPDX-License-Identifier: ISC
// Core files on request and of crashes; see dump.h.

#include "hypervisor/monitor/dump.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "hypervisor/monitor/core.h"
#include "hypervisor/monitor/debug.h"
#include "hypervisor/monitor/end.h"
#include "hypervisor/monitor/report.h"
#include "hypervisor/monitor/stream.h"
#include "hypervisor/monitor/watch.h"
#include "lib/log.h"

// The one dump of this process.
static struct dump {
    bool open;
    bool begun; // the guest is parked and looked at
    bool last;  // of a guest that is over by its own word, for whoever
                // wants its registers: to the file, for the report
    int fd;
    uint64_t at;      // of the file: what was read of it
    size_t len, sent; // of piece
    uint8_t piece[65536];
} dump;

unsigned dump_signal(uint32_t vector)
{
    switch (vector) {
    case 1: // #DB, #BP
    case 3:
        return SIGTRAP;
    case 0: // #DE, #MF, #XM
    case 16:
    case 19:
        return SIGFPE;
    case 6: // #UD
        return SIGILL;
    default:
        return vector < 32 ? SIGSEGV : SIGSYS;
    }
}

bool dump_active(void)
{
    return dump.open;
}

bool dump_waits(const struct monitor *m)
{
    (void)m;
    return (dump.open || dump.last) && !dump.begun;
}

static void dump_close(struct monitor *m)
{
    const struct engine *engine = m->domain.engine;
    struct engine_stop s;

    unwatch(m->epoll_fd, dump.fd);
    close(dump.fd);
    dump.open = false;
    engine->park(&m->domain, 0);
    if (m->paused)
        engine->pause(&m->domain, true);
    if (engine->parked(&m->domain, &s))
        engine->release(&m->domain, PARK_GO_ON);
}

// The next piece. False: there is none.
static bool dump_fill(struct monitor *m)
{
    dump.len = dump.sent = 0;
    while (dump.len < sizeof(dump.piece)) {
        ssize_t n = core_read(&m->domain, dump.at, dump.piece + dump.len,
                              sizeof(dump.piece) - dump.len);

        if (n <= 0)
            break;
        dump.at += (uint64_t)n;
        dump.len += (size_t)n;
    }
    return dump.len > 0;
}

void dump_flush(struct monitor *m)
{
    if (!dump.open || !dump.begun) {
        // Nothing is awaited from it: it has gone.
        if (dump.open)
            dump_close(m);
        return;
    }
    while (dump.sent < dump.len || dump_fill(m)) {
        ssize_t n =
            stream_send(dump.fd, dump.piece + dump.sent, dump.len - dump.sent);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0)
            break;
        dump.sent += (size_t)n;
    }
    dump_close(m);
}

int dump_attach(struct monitor *m, int fd)
{
    if (dump.open || debug_active())
        return -EBUSY;
    dump.open = true;
    dump.begun = false;
    dump.fd = fd;
    dump.at = dump.len = dump.sent = 0;
    watch(m->epoll_fd, fd, WATCH_STREAM, 0); // that it goes is always told
    m->domain.engine->park(&m->domain, PARK_STOP);
    if (m->paused)
        m->domain.engine->pause(&m->domain, false);
    return 0;
}

static bool core_wanted(const struct monitor *m, uint32_t end)
{
    return m->core_fd >= 0 && m->core_ends & end;
}

static void end_save(struct monitor *m, uint32_t end, unsigned signal)
{
    struct err e = {0};

    if (!core_wanted(m, end))
        return;
    if (core_save(&m->domain, signal, m->core_fd, m->core_bytes_max, &e) < 0)
        log_warn("no core: %s", e.text);
    close(m->core_fd);
    m->core_fd = -1;
}

// It gave up, and where it did is known now.
static void crash_report(struct monitor *m)
{
    static struct hv_cpu cpu;
    char text[HVC_TEXT_MAX] = "the guest gave up";

    end_save(m, HVC_CORE_CRASH, SIGABRT);
    if (m->domain.engine->capture(&m->domain, &cpu) == 0)
        report_crash(&m->domain, m->image_fd, &cpu.regs, text, sizeof(text));
    end(m, HVC_CRASH, m->domain.shared->shutdown_status, "%s", text);
}

// Where a guest was that is over by its own word is known now.
static void last_look(struct monitor *m)
{
    const struct hv_shared_info *s = m->domain.shared;
    uint32_t reason = __atomic_load_n(&s->shutdown_reason, __ATOMIC_ACQUIRE);

    if (reason != HV_SHUTDOWN_POWEROFF && reason != HV_SHUTDOWN_REBOOT) {
        crash_report(m);
        return;
    }
    end_save(
        m, reason == HV_SHUTDOWN_POWEROFF ? HVC_CORE_POWEROFF : HVC_CORE_REBOOT,
        0);
    end_by_word(m, reason);
}

bool dump_stopped(struct monitor *m, const struct engine_stop *s)
{
    struct err e = {0};

    (void)s;
    if (dump.last && !dump.begun) {
        dump.begun = true;
        last_look(m);
        return true;
    }
    if (!dump.open)
        return false;
    if (dump.begun)
        return true;
    if (core_make(&m->domain, 0, &e) < 0) {
        dump_close(m);
        return true;
    }
    dump.begun = true;
    unwatch(m->epoll_fd, dump.fd);
    watch(m->epoll_fd, dump.fd, WATCH_STREAM, EPOLLOUT);
    return true;
}

void dump_trap(struct monitor *m)
{
    end_save(m, HVC_CORE_CRASH, dump_signal(m->domain.shared->trap.vector));
}

bool dump_last(struct monitor *m, uint32_t reason)
{
    if ((reason == HV_SHUTDOWN_POWEROFF &&
         !core_wanted(m, HVC_CORE_POWEROFF)) ||
        (reason == HV_SHUTDOWN_REBOOT && !core_wanted(m, HVC_CORE_REBOOT)))
        return false;
    if (!dump.last) {
        dump.last = true;
        dump.begun = false;
        m->domain.engine->park(&m->domain, PARK_STOP);
    }
    return true;
}
