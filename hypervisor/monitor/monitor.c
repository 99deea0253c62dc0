// SPDX-License-Identifier: ISC
/*
 * The monitor's loop, and what the guest asks of it. See monitor.h; what the
 * shared words mean is in hv.h.
 *
 * Nothing here waits for anything but in epoll_wait: a slow sink, an absent
 * controller and a silent guest are all states, not calls that block.
 */
#include "hypervisor/monitor/monitor.h"

#include <sys/epoll.h>
#include <sys/param.h>
#include <unistd.h>

#include "hypervisor/monitor/controller.h"
#include "hypervisor/monitor/debug.h"
#include "hypervisor/monitor/dump.h"
#include "hypervisor/monitor/end.h"
#include "hypervisor/monitor/event.h"
#include "hypervisor/monitor/stack.h"
#include "hypervisor/monitor/trace.h"
#include "hypervisor/monitor/watch.h"
#include "lib/clock.h"

// A prepared guest has something to say sooner than a core that has gone to
// sleep would be awake again; it is waited for, busily, no longer than this.
#define FIRST_WORDS_NS 40000

static void timer_arm(struct monitor *m)
{
    uint64_t real_ns = m->domain.shared->vcpu[0].timer_ns;

    watch_timer(m->timer_fd,
                real_ns ? guest_clock_mono_ns(&m->clock, real_ns) : UINT64_MAX);
}

static void answer_runstate(struct monitor *m)
{
    struct hv_shared_info *s = m->domain.shared;
    uint32_t seq = __atomic_load_n(&s->runstate_seq, __ATOMIC_ACQUIRE);

    if (seq == s->runstate_ack)
        return;
    s->virtual_ns = m->domain.engine->cpu_ns(&m->domain) - m->cpu_base_ns;
    __atomic_store_n(&s->runstate_ack, seq, __ATOMIC_RELEASE);
    m->domain.engine->answer(&m->domain);
}

static void console_move(struct monitor *m)
{
    bool was_full = m->console.sink_full;

    if (console_output(&m->console) < 0)
        end(m, HVC_CRASH, 0, "broke the console ring");
    if (m->console.sink_full && !was_full)
        watch(m->epoll_fd, m->console.sink_fd, WATCH_SINK, EPOLLOUT);
    if (!m->console.sink_full && was_full)
        unwatch(m->epoll_fd, m->console.sink_fd);
}

static void source_read(struct monitor *m)
{
    if (console_input(&m->console) < 0)
        end(m, HVC_CRASH, 0, "broke the console ring");
}

// Watches the input's source while the ring has room; a source that cannot
// be watched is read at once.
static void source_watch(struct monitor *m)
{
    while (console_wants_input(&m->console) && !m->cause) {
        if (m->source_watched)
            return;
        m->source_watched =
            watch(m->epoll_fd, m->console.source_fd, WATCH_SOURCE, EPOLLIN);
        if (!m->source_watched)
            source_read(m);
    }
    if (m->source_watched)
        unwatch(m->epoll_fd, m->console.source_fd);
    m->source_watched = false;
}

// ----------------------------------------------------------------- parking

// Between two requests to park: one that came at a bad moment is not heard.
#define ASK_AGAIN_MS 2
// What a guest did that rang no bell is traced after this long at most.
#define TRACE_MS 50

static void guest_parked(struct monitor *m)
{
    struct engine_stop stop;

    if (!m->domain.engine->parked(&m->domain, &stop) || m->cause)
        return;
    if (!debug_stopped(m, &stop) && !dump_stopped(m, &stop) &&
        m->domain.order == 0)
        end(m, HVC_CRASH, 0, "the guest parked itself");
}

static int loop_wait_ms(const struct monitor *m)
{
    if (debug_waits(m) || dump_waits(m))
        return ASK_AGAIN_MS;
    if (m->pair.bound)
        return PAIR_MS;
    return trace_active() ? TRACE_MS : -1;
}

// The back ends' word on what the guest has done.
static void devices_judge(struct monitor *m, const char *broken)
{
    if (broken)
        end(m, HVC_CRASH, 0, "broke a rule of its devices: %s", broken);
}

static void guest_notified(struct monitor *m, uint64_t ports)
{
    guest_clock_sync(&m->clock, &m->domain.shared->time);
    if (ports & 1u << HV_PORT_CONSOLE)
        console_move(m);
    if (ports & 1u << HV_PORT_TIMER)
        timer_arm(m);
    if (ports & 1u << HV_PORT_CONTROL)
        answer_runstate(m);
    if (ports >> HV_PORT_DEVICE)
        devices_judge(m, devices_notified(&m->devices, ports));
    if (!end_as_said(m))
        guest_parked(m);
}

static void timer_fired(struct monitor *m)
{
    uint64_t times;

    if (read(m->timer_fd, &times, sizeof(times)) != sizeof(times))
        return;
    guest_clock_sync(&m->clock, &m->domain.shared->time);
    event_raise(&m->domain, 0, HV_PORT_TIMER);
}

// ----------------------------------------------------------------- loop

static void dispatch(struct monitor *m, uint32_t what, uint32_t events)
{
    if (what >= WATCH_DEVICE) {
        if (!m->cause)
            devices_judge(
                m, devices_ready(&m->devices, what - WATCH_DEVICE, events));
        return;
    }
    switch ((enum watch)what) {
    case WATCH_LISTEN:
        controller_accept(m);
        break;
    case WATCH_CONTROL:
        controller_spoke(m);
        m->deep = true;
        break;
    case WATCH_DOORBELL: // edge-triggered: not read; see event_take
        break;
    case WATCH_EXIT:
        end_finish(m);
    case WATCH_TIMER:
        timer_fired(m);
        break;
    case WATCH_LEASE:
        watch_timer(m->lease_fd, UINT64_MAX);
        end(m, HVC_LEASE_LAPSED, 0, "its lease was not renewed");
        break;
    case WATCH_SINK:
        console_move(m);
        break;
    case WATCH_SOURCE:
        source_read(m);
        break;
    case WATCH_DEBUG:
        debug_spoke(m);
        break;
    case WATCH_STREAM:
        dump_flush(m);
        break;
    case WATCH_TRACE:
        trace_flush(m);
        if (events & (EPOLLRDHUP | EPOLLHUP))
            trace_gone(m);
        break;
    case WATCH_DEVICE:
        break;
    }
}

// The guest or its disks have something for us.
static bool wanted(const struct monitor *m)
{
    return event_waiting(&m->domain) || devices_ready_now(&m->devices);
}

// Is there somebody at work for us who does not need this core for it? A disk
// with a request, while the guest sleeps or runs elsewhere; a guest elsewhere.
// A guest that sleeps waits for others, and that can take any time.
static bool expects(const struct monitor *m)
{
    const struct hv_vcpu_info *v = &m->domain.shared->vcpu[0];

    if (__atomic_load_n(&v->blocked, __ATOMIC_RELAXED))
        return devices_in_flight(&m->devices);
    return __atomic_load_n(&v->core, __ATOMIC_RELAXED) !=
           (uint32_t)sched_getcpu();
}

static void spin(struct monitor *m, uint64_t most_ns)
{
    uint64_t end_ns = clock_mono_ns() + most_ns;

    while (!wanted(m) && expects(m) && clock_mono_ns() < end_ns)
        __builtin_ia32_pause();
}

// Looks at the descriptors, and sleeps if there is nothing to do.
static int doze(struct monitor *m, struct epoll_event *ev, int max)
{
    uint64_t due_ns = devices_due_ns(&m->devices), now_ns;
    struct timespec t = {0};

    if (!event_sleep(&m->domain) || devices_ready_now(&m->devices))
        return epoll_wait(m->epoll_fd, ev, max, 0);
    if (due_ns == UINT64_MAX)
        return epoll_wait(m->epoll_fd, ev, max, loop_wait_ms(m));
    now_ns = clock_mono_ns();
    if (loop_wait_ms(m) >= 0)
        due_ns = MIN(due_ns, now_ns + (uint64_t)loop_wait_ms(m) * 1000000u);
    if (due_ns > now_ns) {
        t.tv_sec = (due_ns - now_ns) / 1000000000u;
        t.tv_nsec = (due_ns - now_ns) % 1000000000u;
    }
    return epoll_pwait2(m->epoll_fd, ev, max, &t, NULL);
}

// Waits until there is something to do. Returns how many events came.
static int await(struct monitor *m, struct epoll_event *ev, int max)
{
    bool busy = devices_were_busy(&m->devices);
    struct spin *s = &m->spin[devices_in_flight(&m->devices)];
    uint64_t start_ns = busy ? clock_mono_ns() : 0;
    int n = 0;

    if (busy && spin_wanted(s))
        spin(m, s->most_ns);
    if (!busy || !wanted(m) || !spin_may_skip(s)) {
        devices_sleep(&m->devices, true);
        n = doze(m, ev, max);
        devices_sleep(&m->devices, false);
    }
    if (busy)
        spin_learn(s, clock_mono_ns() - start_ns);
    return n;
}

static void devices_turn(struct monitor *m)
{
    if (devices_ready_now(&m->devices) && !m->cause)
        devices_judge(m, devices_reap(&m->devices));
    if (devices_due_ns(&m->devices) != UINT64_MAX && !m->cause)
        devices_judge(m, devices_tick(&m->devices, clock_mono_ns()));
}

__attribute__((noreturn)) void monitor_run(struct monitor *m)
{
    struct epoll_event ev[8];

    watch(m->epoll_fd, m->domain.doorbell_fd, WATCH_DOORBELL,
          EPOLLIN | EPOLLET);
    watch(m->epoll_fd, m->domain.exit_fd, WATCH_EXIT, EPOLLIN);
    watch(m->epoll_fd, m->timer_fd, WATCH_TIMER, EPOLLIN);
    watch(m->epoll_fd, m->lease_fd, WATCH_LEASE, EPOLLIN);
    watch(m->epoll_fd, m->listen_fd, WATCH_LISTEN, EPOLLIN);
    if (m->conn_fd >= 0)
        controller_greet(m);
    else
        watch_timer(m->lease_fd, clock_mono_ns() + CONTROLLER_ORPHAN_NS);
    for (;;) {
        uint64_t ports;
        int n;

        if (m->just_let_go)
            event_spin(&m->domain, FIRST_WORDS_NS);
        m->just_let_go = false;
        n = await(m, ev, 8);
        ports = event_take(&m->domain);

        if (trace_active())
            trace_turn(m);
        if (m->state == HVC_RUNNING)
            guest_notified(m, ports);
        if (n == 0 && (debug_waits(m) || dump_waits(m)))
            m->domain.engine->park(&m->domain, m->domain.order);
        for (int i = 0; i < n; i++)
            dispatch(m, ev[i].data.u32, ev[i].events);
        if (m->deep && m->state == HVC_RUNNING)
            stack_trim();
        m->deep = false;
        if (m->state == HVC_RUNNING) {
            devices_turn(m);
            controller_devices_turn(m);
            pair_turn(&m->pair, &m->domain,
                      m->page->net_rx_packets + m->page->net_tx_packets +
                          m->page->disk_reads + m->page->disk_writes);
            source_watch(m);
            controller_input_turn(m);
        }
    }
}
