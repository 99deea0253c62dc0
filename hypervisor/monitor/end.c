// SPDX-License-Identifier: ISC
// How a domain ends; see end.h.

#include "hypervisor/monitor/end.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hypervisor/engine/plan.h"
#include "hypervisor/monitor/debug.h"
#include "hypervisor/monitor/dump.h"
#include "hypervisor/monitor/linger.h"
#include "hypervisor/monitor/report.h"
#include "hypervisor/monitor/trace.h"
#include "lib/clock.h"
#include "lib/sock.h"

void end(struct monitor *m, enum hvc_cause cause, uint32_t status,
         const char *fmt, ...)
{
    va_list ap;

    if (m->cause)
        return;
    m->cause = cause;
    m->status = status;
    va_start(ap, fmt);
    vsnprintf(m->text, sizeof(m->text), fmt, ap);
    va_end(ap);
    m->domain.engine->stop(&m->domain);
}

static void report_trap(struct monitor *m)
{
    const bool syscall = m->domain.shared->trap.vector == PLAN_VECTOR_SYSCALL;
    char text[HVC_TEXT_MAX];

    if (m->cause)
        return;
    report_write(&m->domain, m->image_fd, text, sizeof(text));
    end(m, syscall ? HVC_SYSCALL : HVC_TRAP, 0, "%s", text);
}

void end_by_word(struct monitor *m, uint32_t reason)
{
    const uint32_t status = m->domain.shared->shutdown_status;

    switch (reason) {
    case HV_SHUTDOWN_POWEROFF:
        end(m, HVC_POWEROFF, status & 0xff, "%s", "");
        break;
    case HV_SHUTDOWN_REBOOT:
        end(m, HVC_REBOOT, 0, "%s", "");
        break;
    case HV_SHUTDOWN_SUSPEND:
        end(m, HVC_SUSPEND, 0, "%s", "");
        break;
    default:
        end(m, HVC_CRASH, status, "the guest gave up");
    }
}

bool end_as_said(struct monitor *m)
{
    struct hv_shared_info *s = m->domain.shared;
    uint32_t reason = __atomic_load_n(&s->shutdown_reason, __ATOMIC_ACQUIRE);
    const bool alive = !m->cause && !m->gone;

    if (__atomic_load_n(&s->trap.valid, __ATOMIC_ACQUIRE)) {
        if (alive)
            dump_trap(m);
        report_trap(m);
        return true;
    }
    if (reason == 0 ||
        (reason != HV_SHUTDOWN_SUSPEND && alive && dump_last(m, reason)))
        return false;
    end_by_word(m, reason);
    return true;
}

// The guest is gone. Unless we know why: what did the engine see?
static void end_as_seen(struct monitor *m, const struct engine_exit *x)
{
    if (x->end == ENGINE_FAILED) {
        end(m, HVC_REFUSED, x->code, "the guest process could not be set up");
    } else if (x->end == ENGINE_SIGNALLED) {
        if (x->code == SIGSYS)
            end(m, HVC_SYSCALL, 0, "tried a system call of the host");
        else if (x->code == SIGSEGV || x->code == SIGILL || x->code == SIGBUS)
            end(m, HVC_TRAP, 0, "trapped where no trap can be delivered");
        else
            end(m, HVC_KILLED, x->code, "killed by signal %d", x->code);
    } else if (!end_as_said(m)) {
        end(m, HVC_CRASH, 0, "the guest ended without saying why");
    }
}

static void page_finish(struct monitor *m)
{
    struct hvc_page *p = m->page;

    p->ended_mono_ns = clock_mono_ns();
    p->cause = m->cause;
    p->status = m->status;
    p->text_len = strnlen(m->text, sizeof(p->text) - 1);
    memcpy(p->text, m->text, p->text_len);
    __atomic_store_n(&p->state, HVC_DEAD, __ATOMIC_RELEASE);
}

// False: there is nobody to tell.
static bool tell_exited(struct monitor *m)
{
    struct hvc_exited x = {
        .head = {.type = HVC_EXITED}, .cause = m->cause, .status = m->status};

    x.text_len = strlen(m->text);
    memcpy(x.text, m->text, x.text_len);
    x.head.size = offsetof(struct hvc_exited, text) + x.text_len;
    return m->conn_fd >= 0 &&
           sock_send(m->conn_fd, &x, x.head.size, NULL, 0) == 0;
}

__attribute__((noreturn)) void end_finish(struct monitor *m)
{
    struct engine_exit x;

    m->gone = true;
    m->domain.engine->reap(&m->domain, &x);
    end_as_seen(m, &x);
    if (m->state == HVC_RUNNING)
        console_finish(&m->console);
    debug_ended(m);
    trace_ended(m);
    page_finish(m);
    if (!tell_exited(m) && m->state == HVC_RUNNING && m->devices.n &&
        m->listen_fd >= 0) {
        linger(m);
        tell_exited(m);
    }
    _exit(0);
}
