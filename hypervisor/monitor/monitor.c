// SPDX-License-Identifier: ISC
/*
 * The monitor's loop. See monitor.h; what its messages mean is in control.h,
 * what the shared words mean in hv.h.
 *
 * Nothing here waits for anything but in epoll_wait: a slow sink, an absent
 * controller and a silent guest are all states, not calls that block.
 */
#include "hypervisor/monitor/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "hypervisor/monitor/elf.h"
#include "hypervisor/monitor/event.h"
#include "hypervisor/monitor/report.h"
#include "hypervisor/monitor/start_info.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/sock.h"

// A slot that nobody controls any more gives itself up.
#define ORPHAN_NS 60000000000u

enum watch {
    WATCH_LISTEN,
    WATCH_CONTROL,
    WATCH_DOORBELL,
    WATCH_EXIT,
    WATCH_TIMER,
    WATCH_LEASE,
    WATCH_SINK,
    WATCH_SOURCE
};

// False for what cannot be watched because it never waits: files, /dev/null.
static bool watch(struct monitor *m, int fd, enum watch what, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.u32 = what};

    return fd >= 0 && epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static void unwatch(struct monitor *m, int fd)
{
    epoll_ctl(m->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

// An absolute time on CLOCK_MONOTONIC; UINT64_MAX disarms.
static void timer_set(int fd, uint64_t mono_ns)
{
    struct itimerspec t = {0};

    // 0 would disarm too; a time that has passed fires at once.
    if (mono_ns == 0)
        mono_ns = 1;
    if (mono_ns <= INT64_MAX) {
        t.it_value.tv_sec = mono_ns / 1000000000u;
        t.it_value.tv_nsec = mono_ns % 1000000000u;
    }
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL);
}

// ------------------------------------------------------------- the end

__attribute__((format(printf, 4, 5))) static void end(struct monitor *m,
                                                      enum hvc_cause cause,
                                                      uint32_t status,
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
    char text[HVC_TEXT_MAX];

    if (m->cause)
        return;
    report_write(&m->domain, m->image_fd, text, sizeof(text));
    end(m, HVC_TRAP, 0, "%s", text);
}

// What the guest has left in shared_info for its monitor: a trap, or that it
// wants to end. False when there is nothing.
static bool end_as_said(struct monitor *m)
{
    struct hv_shared_info *s = m->domain.shared;
    uint32_t reason = __atomic_load_n(&s->shutdown_reason, __ATOMIC_ACQUIRE);
    uint32_t status = s->shutdown_status;

    if (__atomic_load_n(&s->trap.valid, __ATOMIC_ACQUIRE)) {
        report_trap(m);
        return true;
    }
    switch (reason) {
    case 0:
        return false;
    case HV_SHUTDOWN_POWEROFF:
        end(m, HVC_POWEROFF, status & 0xff, "%s", "");
        return true;
    case HV_SHUTDOWN_REBOOT:
        end(m, HVC_REBOOT, 0, "%s", "");
        return true;
    case HV_SHUTDOWN_SUSPEND:
        end(m, HVC_SUSPEND, 0, "%s", "");
        return true;
    default:
        end(m, HVC_CRASH, status, "the guest gave up");
        return true;
    }
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

static void tell_exited(struct monitor *m)
{
    struct hvc_exited x = {
        .head = {.type = HVC_EXITED}, .cause = m->cause, .status = m->status};

    x.text_len = strlen(m->text);
    memcpy(x.text, m->text, x.text_len);
    x.head.size = offsetof(struct hvc_exited, text) + x.text_len;
    if (m->conn_fd >= 0)
        sock_send(m->conn_fd, &x, x.head.size, NULL, 0);
}

__attribute__((noreturn)) static void guest_ended(struct monitor *m)
{
    struct engine_exit x;

    m->domain.engine->reap(&m->domain, &x);
    end_as_seen(m, &x);
    if (m->state == HVC_RUNNING)
        console_finish(&m->console);
    page_finish(m);
    tell_exited(m);
    _exit(0);
}

// ------------------------------------------------------- from the guest

static void timer_arm(struct monitor *m)
{
    uint64_t real_ns = m->domain.shared->vcpu[0].timer_ns;

    timer_set(m->timer_fd,
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
        watch(m, m->console.sink_fd, WATCH_SINK, EPOLLOUT);
    if (!m->console.sink_full && was_full)
        unwatch(m, m->console.sink_fd);
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
            watch(m, m->console.source_fd, WATCH_SOURCE, EPOLLIN);
        if (!m->source_watched)
            source_read(m);
    }
    if (m->source_watched)
        unwatch(m, m->console.source_fd);
    m->source_watched = false;
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
    end_as_said(m);
}

static void timer_fired(struct monitor *m)
{
    uint64_t times;

    if (read(m->timer_fd, &times, sizeof(times)) != sizeof(times))
        return;
    guest_clock_sync(&m->clock, &m->domain.shared->time);
    event_raise(&m->domain, 0, HV_PORT_TIMER);
}

// --------------------------------------------------- from the controller

static void drop_controller(struct monitor *m)
{
    close(m->conn_fd);
    m->conn_fd = -1;
    if (m->listen_fd < 0)
        end(m, HVC_STOPPED, 0, "its controller has gone");
    else if (m->state != HVC_RUNNING)
        timer_set(m->lease_fd, clock_mono_ns() + ORPHAN_NS);
}

static void say(struct monitor *m, enum hvc_type type)
{
    struct hvc_head head = {type, sizeof(head)};

    sock_send(m->conn_fd, &head, sizeof(head), NULL, 0);
}

static void greet_controller(struct monitor *m)
{
    struct hvc_ready r = {.head = {HVC_READY, sizeof(r)},
                          .version = HVC_VERSION,
                          .state = m->state};

    watch(m, m->conn_fd, WATCH_CONTROL, EPOLLIN);
    if (m->state != HVC_RUNNING)
        timer_set(m->lease_fd, UINT64_MAX);
    if (sock_send(m->conn_fd, &r, sizeof(r), &m->domain.exit_fd, 1) < 0)
        drop_controller(m);
}

static void accept_controller(struct monitor *m)
{
    int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (m->conn_fd >= 0)
        close(m->conn_fd);
    m->conn_fd = fd;
    greet_controller(m);
}

// Before the guest runs: what it must find.
static void starting(struct monitor *m)
{
    m->state = HVC_RUNNING;
    m->page->started_mono_ns = clock_mono_ns();
    guest_clock_start(&m->clock, &m->domain.shared->time,
                      m->page->started_mono_ns);
}

// After: what can be done while it runs.
static void started(struct monitor *m, uint64_t lease_ns)
{
    timer_set(m->lease_fd, lease_ns);
    __atomic_store_n(&m->page->state, HVC_RUNNING, __ATOMIC_RELEASE);
}

static int prepare_check(const struct hvc_prepare *p, const struct image *m,
                         uint64_t initrd_len, struct err *e)
{
    uint64_t missing = m->note.cpu_features & ~cpu_features();

    if (p->memory_kib == 0 || p->memory_kib % (HV_PAGE / 1024) ||
        p->memory_kib > HV_RAM_MAX / 1024)
        return err_set(e, EINVAL, "%lu KiB is no amount of memory it can have",
                       p->memory_kib);
    if (p->memory_kib < m->note.min_memory_kib)
        return err_set(e, ENOMEM, "it needs %lu KiB of memory and gets %lu",
                       m->note.min_memory_kib, p->memory_kib);
    if (m->note.devices & ~(1u << HV_DEV_CONSOLE))
        return err_set(e, ENODEV, "it needs devices the domain does not have");
    if (missing)
        return err_set(e, ENOTSUP,
                       "it needs processor features %#lx that are not here",
                       missing);
    if (initrd_len > HV_INITRD_MAX)
        return err_set(e, EFBIG, "its initrd has more than %lu bytes",
                       HV_INITRD_MAX);
    return start_info_check(p, e);
}

// The descriptors of HVC_PREPARE, by name.
struct offered {
    int image, sink, initrd, source;
};

static int load(struct monitor *m, const struct hvc_prepare *p,
                const struct offered *fd, struct err *e)
{
    struct image image;
    struct stat st = {0};
    struct engine_load l = {.image = &image,
                            .image_fd = fd->image,
                            .initrd_fd = fd->initrd,
                            .ram_len = p->memory_kib * 1024,
                            .go = p->flags & HVC_F_GO};

    if (elf_load(fd->image, &image, e) < 0)
        return err_prefix(e, "image");
    if (fd->initrd >= 0 && (fstat(fd->initrd, &st) < 0 || !S_ISREG(st.st_mode)))
        return err_set(e, EINVAL, "the initrd is not a regular file");
    l.initrd_len = st.st_size;
    if (prepare_check(p, &image, l.initrd_len, e) < 0)
        return -e->code;
    start_info_fill(&m->domain, p, &image, l.initrd_len);
    console_open(&m->console, &m->domain, m->page, fd->sink, fd->source,
                 p->console_bytes_max);
    if (!l.go)
        return m->domain.engine->load(&m->domain, &l, e);
    starting(m);
    if (m->domain.engine->load(&m->domain, &l, e) < 0)
        return -e->code;
    started(m, p->lease_ns);
    return 0;
}

static void on_prepare(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_prepare *p = message;
    size_t n = 2;
    struct offered fd = {.image = fds[0], .sink = fds[1]};
    struct err e = {0};

    fd.initrd = p->flags & HVC_F_INITRD ? fds[n++] : -1;
    fd.source = p->flags & HVC_F_SOURCE ? fds[n++] : -1;
    m->image_fd = fd.image;
    if (load(m, p, &fd, &e) < 0) {
        end(m, HVC_REFUSED, e.code, "%s", e.text);
        return;
    }
    if (fd.initrd >= 0)
        close(fd.initrd);
    if (!(p->flags & HVC_F_GO)) {
        m->state = HVC_LOADED;
        m->page->state = HVC_LOADED;
        say(m, HVC_PREPARED);
    }
    // Descriptors in the message are now the monitor's.
    for (size_t i = 0; i < n; i++)
        fds[i] = -1;
}

static void on_go(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_go *go = message;

    (void)fds;
    starting(m);
    m->domain.engine->go(&m->domain);
    started(m, go->lease_ns);
}

static void on_lease(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_lease *l = message;

    (void)fds;
    timer_set(m->lease_fd, l->lease_ns);
}

static void on_stop(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_stop *s = message;

    (void)fds;
    end(m,
        s->cause >= HVC_POWEROFF && s->cause <= HVC_LOST ? s->cause
                                                         : HVC_STOPPED,
        0, "stopped");
}

static void on_input(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_input *in = message;

    (void)fds;
    if (in->len == 0)
        console_end_input(&m->console);
    else
        console_queue(&m->console, in->data, in->len);
}

union message {
    struct hvc_head head;
    struct hvc_prepare prepare;
    struct hvc_go go;
    struct hvc_lease lease;
    struct hvc_stop stop;
    struct hvc_input input;
};

#define IN(state) (1u << (state))

// Which message is taken in which state, how long it is, with how many
// descriptors. Anything else costs the controller its connection.
static const struct accepted {
    enum hvc_type type;
    unsigned states;
    size_t least, most;
    void (*handle)(struct monitor *, const void *, int *fds);
} accepted[] = {
    {HVC_PREPARE, IN(HVC_PARKED), offsetof(struct hvc_prepare, cmdline),
     sizeof(struct hvc_prepare), on_prepare},
    {HVC_GO, IN(HVC_LOADED), sizeof(struct hvc_go), sizeof(struct hvc_go),
     on_go},
    {HVC_LEASE, IN(HVC_RUNNING), sizeof(struct hvc_lease),
     sizeof(struct hvc_lease), on_lease},
    {HVC_STOP, IN(HVC_PARKED) | IN(HVC_LOADED) | IN(HVC_RUNNING),
     sizeof(struct hvc_stop), sizeof(struct hvc_stop), on_stop},
    {HVC_INPUT, IN(HVC_LOADED) | IN(HVC_RUNNING),
     offsetof(struct hvc_input, data), sizeof(struct hvc_input), on_input},
};

// Lengths inside the message against its own.
static bool inner_lengths_ok(const union message *u, size_t len, size_t nfds)
{
    size_t fds = 0;

    if (u->head.type == HVC_PREPARE) {
        const uint32_t flags = u->prepare.flags;

        if (u->prepare.cmdline_len > HV_CMDLINE_MAX ||
            len != offsetof(struct hvc_prepare, cmdline) +
                       u->prepare.cmdline_len ||
            flags & ~(HVC_F_GO | HVC_F_INITRD | HVC_F_SOURCE))
            return false;
        fds = 2 + !!(flags & HVC_F_INITRD) + !!(flags & HVC_F_SOURCE);
    }
    if (u->head.type == HVC_INPUT &&
        (u->input.len > HVC_INPUT_MAX ||
         len != offsetof(struct hvc_input, data) + u->input.len))
        return false;
    return nfds == fds;
}

static const struct accepted *message_check(const struct monitor *m,
                                            const union message *u, size_t len,
                                            size_t nfds)
{
    if (len < sizeof(u->head) || u->head.size != len)
        return NULL;
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        const struct accepted *a = &accepted[i];

        if (a->type == u->head.type)
            return a->states & IN(m->state) && len >= a->least &&
                           len <= a->most && inner_lengths_ok(u, len, nfds)
                       ? a
                       : NULL;
    }
    return NULL;
}

static void controller_spoke(struct monitor *m)
{
    static union message u; // 12 KiB: not for the stack
    int fds[4] = {-1, -1, -1, -1};
    size_t nfds = 4;
    const struct accepted *a = NULL;
    ssize_t n;

    if (m->conn_fd < 0)
        return;
    n = sock_recv(m->conn_fd, &u, sizeof(u), fds, &nfds);
    if (n == -EAGAIN)
        return;
    if (n > 0)
        a = message_check(m, &u, n, nfds);
    if (a)
        a->handle(m, &u, fds);
    else
        drop_controller(m);
    for (size_t i = 0; i < nfds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

// ----------------------------------------------------------------- loop

static void dispatch(struct monitor *m, enum watch what)
{
    switch (what) {
    case WATCH_LISTEN:
        accept_controller(m);
        break;
    case WATCH_CONTROL:
        controller_spoke(m);
        break;
    case WATCH_DOORBELL: // edge-triggered: not read; see event_take
        break;
    case WATCH_EXIT:
        guest_ended(m);
    case WATCH_TIMER:
        timer_fired(m);
        break;
    case WATCH_LEASE:
        timer_set(m->lease_fd, UINT64_MAX);
        end(m, HVC_LEASE_LAPSED, 0, "its lease was not renewed");
        break;
    case WATCH_SINK:
        console_move(m);
        break;
    case WATCH_SOURCE:
        source_read(m);
        break;
    }
}

__attribute__((noreturn)) void monitor_run(struct monitor *m)
{
    struct epoll_event ev[8];

    watch(m, m->domain.doorbell_fd, WATCH_DOORBELL, EPOLLIN | EPOLLET);
    watch(m, m->domain.exit_fd, WATCH_EXIT, EPOLLIN);
    watch(m, m->timer_fd, WATCH_TIMER, EPOLLIN);
    watch(m, m->lease_fd, WATCH_LEASE, EPOLLIN);
    watch(m, m->listen_fd, WATCH_LISTEN, EPOLLIN);
    if (m->conn_fd >= 0)
        greet_controller(m);
    for (;;) {
        int sleep = event_sleep(&m->domain) ? -1 : 0;
        int n = epoll_wait(m->epoll_fd, ev, 8, sleep);
        uint64_t ports = event_take(&m->domain);

        if (m->state == HVC_RUNNING)
            guest_notified(m, ports);
        for (int i = 0; i < n; i++)
            dispatch(m, ev[i].data.u32);
        if (m->state == HVC_RUNNING)
            source_watch(m);
    }
}
