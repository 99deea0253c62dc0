// SPDX-License-Identifier: ISC
/*
 * The controller's messages; see controller.h. The domain's life is the table
 * `accepted`: which message is taken in which state, and what it does.
 */
#include "hypervisor/monitor/controller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hypervisor/monitor/debug.h"
#include "hypervisor/monitor/dump.h"
#include "hypervisor/monitor/elf.h"
#include "hypervisor/monitor/end.h"
#include "hypervisor/monitor/trace.h"
#include "hypervisor/monitor/event.h"
#include "hypervisor/monitor/start_info.h"
#include "hypervisor/monitor/watch.h"
#include "lib/clock.h"
#include "lib/sock.h"

static void drop_controller(struct monitor *m)
{
    close(m->conn_fd);
    m->conn_fd = -1;
    m->input_waits = false;
    if (m->listen_fd < 0)
        end(m, HVC_STOPPED, 0, "its controller has gone");
    else if (m->state != HVC_RUNNING)
        watch_timer(m->lease_fd, clock_mono_ns() + CONTROLLER_ORPHAN_NS);
}

static void say(struct monitor *m, enum hvc_type type)
{
    struct hvc_head head = {type, sizeof(head)};

    sock_send(m->conn_fd, &head, sizeof(head), NULL, 0);
}

static void say_taken(struct monitor *m, uint64_t tag,
                      enum hvc_taken_result result, uint32_t accepted)
{
    struct hvc_taken t = {.head = {HVC_TAKEN, sizeof(t)},
                          .tag = tag,
                          .position = m->console.taken,
                          .accepted = accepted,
                          .result = result,
                          .ended = m->console.ending || m->console.eof};

    // Should it not be told it asks again; see struct hvc_input.
    sock_send(m->conn_fd, &t, sizeof(t), NULL, 0);
}

int controller_ready(struct monitor *m)
{
    struct hvc_ready r = {.head = {HVC_READY, sizeof(r)},
                          .version = HVC_VERSION,
                          .state = m->state};

    return sock_send(m->conn_fd, &r, sizeof(r), &m->domain.exit_fd, 1);
}

void controller_greet(struct monitor *m)
{
    watch(m->epoll_fd, m->conn_fd, WATCH_CONTROL, EPOLLIN);
    if (m->state != HVC_RUNNING)
        watch_timer(m->lease_fd, UINT64_MAX);
    if (controller_ready(m) < 0)
        drop_controller(m);
}

void controller_accept(struct monitor *m)
{
    int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (m->conn_fd >= 0)
        close(m->conn_fd);
    m->input_waits = false;
    m->conn_fd = fd;
    controller_greet(m);
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
    watch_timer(m->lease_fd, lease_ns);
    __atomic_store_n(&m->page->state, HVC_RUNNING, __ATOMIC_RELEASE);
}

static int prepare_check(const struct hvc_prepare *p, const struct image *m,
                         uint64_t initrd_len, uint32_t kinds, struct err *e)
{
    uint64_t missing = m->note.cpu_features & ~cpu_features();

    if (p->memory_kib == 0)
        return err_set(e, ENOMEM,
                       "no memory is left beside its image and files: ask for "
                       "more");
    if (p->memory_kib % (HV_PAGE / 1024) || p->memory_kib > HV_RAM_MAX / 1024)
        return err_set(e, EINVAL, "%lu KiB is no amount of memory it can have",
                       p->memory_kib);
    if (p->memory_kib < m->note.min_memory_kib)
        return err_set(e, ENOMEM, "it needs %lu KiB of memory and gets %lu",
                       m->note.min_memory_kib, p->memory_kib);
    if (m->note.devices & ~kinds)
        return err_set(e, ENODEV,
                       "it needs devices the domain does not have (%#x)",
                       m->note.devices & ~kinds);
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
    int image, sink, initrd, source, files; // of the last three -1: none
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
    if (prepare_check(p, &image, l.initrd_len, devices_kinds(&m->devices), e) <
        0)
        return -e->code;
    start_info_fill(&m->domain, p, &image, l.initrd_len);
    devices_fill(&m->devices, m->domain.start_info);
    console_open(&m->console, &m->domain, m->page, fd->sink, fd->source,
                 p->console_bytes_max, p->flags & HVC_F_ROLL);
    if (fd->files >= 0)
        console_take_files(&m->console, fd->files, p->files_bytes_max);
    if (!l.go)
        return m->domain.engine->load(&m->domain, &l, e);
    // A zygote that is stopped finds its plan when it goes on.
    m->paused = p->flags & HVC_F_PAUSED;
    if (m->paused)
        m->domain.engine->pause(&m->domain, true);
    if (p->flags & HVC_F_DEBUG)
        m->domain.engine->park(&m->domain, PARK_STOP | PARK_TRAPS);
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
    m->core_fd = p->flags & HVC_F_CORE ? fds[n++] : -1;
    m->core_ends = p->core_ends;
    m->core_bytes_max = p->core_bytes_max;
    fd.files = p->flags & HVC_F_FILES ? fds[n++] : -1;
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

// An action that the guest has not seen yet stays; it looks at the balloon's
// word at each event.
static void on_balloon(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_balloon *b = message;
    struct hv_control *c = &m->domain.shared->control;
    uint32_t action = __atomic_load_n(&c->action, __ATOMIC_RELAXED);

    (void)fds;
    __atomic_store_n(&c->balloon_kib, b->memory_kib, __ATOMIC_RELEASE);
    if (action == HV_ACTION_NONE ||
        action == __atomic_load_n(&c->action_done, __ATOMIC_RELAXED))
        __atomic_store_n(&c->action, HV_ACTION_BALLOON, __ATOMIC_RELEASE);
    event_raise(&m->domain, 0, HV_PORT_CONTROL);
}

static void on_device(struct monitor *m, const void *message, int *fds)
{
    struct err e = {0};
    size_t n = 0;

    while (n < HVC_DEVICE_FDS_MAX && fds[n] >= 0)
        n++;
    if (devices_add(&m->devices, message, fds, n, &e) < 0)
        end(m, HVC_REFUSED, e.code, "%s", e.text);
}

static void on_go(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_go *go = message;

    (void)fds;
    starting(m);
    m->domain.engine->go(&m->domain);
    started(m, go->lease_ns);
    m->just_let_go = true;
}

static void on_lease(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_lease *l = message;

    (void)fds;
    watch_timer(m->lease_fd, l->lease_ns);
}

static void on_keep(struct monitor *m, const void *message, int *fds)
{
    (void)message;
    for (int i = 0; i < HVC_KEEP_FDS; i++) {
        if (m->keep_fd[i] >= 0)
            close(m->keep_fd[i]);
        m->keep_fd[i] = fds[i];
        fds[i] = -1;
    }
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
    uint32_t accepted;
    enum hvc_taken_result result = console_queue(&m->console, in, &accepted);

    (void)fds;
    if (m->input_waits)
        say_taken(m, m->input_tag, HVC_TAKEN_FULL, 0);
    m->input_waits = result == HVC_TAKEN_FULL;
    m->input_tag = in->tag;
    if (!m->input_waits)
        say_taken(m, in->tag, result, accepted);
}

void controller_input_turn(struct monitor *m)
{
    if (!m->input_waits || !console_has_room(&m->console))
        return;
    m->input_waits = false;
    say_taken(m, m->input_tag, HVC_TAKEN_OK, 0);
}

static void on_pause(struct monitor *m, const void *message, int *fds)
{
    (void)message, (void)fds;
    m->paused = true;
    m->domain.engine->pause(&m->domain, true);
}

static void on_unpause(struct monitor *m, const void *message, int *fds)
{
    (void)message, (void)fds;
    if (!m->paused)
        return;
    m->paused = false;
    guest_clock_resume(&m->clock, &m->domain.shared->time);
    m->domain.engine->pause(&m->domain, false);
}

static void on_ask(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_ask *ask = message;

    (void)fds;
    __atomic_store_n(&m->domain.shared->control.action, ask->action,
                     __ATOMIC_RELEASE);
    event_raise(&m->domain, 0, HV_PORT_CONTROL);
}

void controller_give(struct monitor *m)
{
    struct hvc_given g = {.head = {HVC_GIVEN, sizeof(g)}};

    for (; g.index < m->devices.n; g.index++) {
        const struct device *d = &m->devices.device[g.index];

        sock_send(m->conn_fd, &g, sizeof(g),
                  d->kept_fd >= 0 ? &d->kept_fd : &d->fd[0], 1);
    }
}

static void on_give(struct monitor *m, const void *message, int *fds)
{
    (void)message, (void)fds;
    controller_give(m);
}

void controller_devices_turn(struct monitor *m)
{
    struct hvc_failed f = {.head = {HVC_FAILED, sizeof(f)}};
    int index;

    while (m->conn_fd >= 0 && (index = devices_next_gone(&m->devices)) >= 0) {
        f.index = index;
        sock_send(m->conn_fd, &f, sizeof(f), NULL, 0);
    }
}

static int attach(struct monitor *m, enum hvc_attach_kind kind, int fd)
{
    switch (kind) {
    case HVC_ATTACH_DEBUG:
        return debug_attach(m, fd);
    case HVC_ATTACH_CORE:
        return dump_attach(m, fd);
    case HVC_ATTACH_TRACE:
        return trace_attach(m, fd);
    }
    return -EINVAL;
}

static void on_attach(struct monitor *m, const void *message, int *fds)
{
    const struct hvc_attach *a = message;
    struct hvc_attached t = {.head = {HVC_ATTACHED, sizeof(t)}, .tag = a->tag};

    // Of these a trace alone makes sense before there is anything.
    if (m->state != HVC_RUNNING && a->kind != HVC_ATTACH_TRACE)
        t.error = -EINVAL;
    else
        t.error = attach(m, a->kind, fds[0]);
    if (t.error == 0)
        fds[0] = -1;
    sock_send(m->conn_fd, &t, sizeof(t), NULL, 0);
}

union message {
    struct hvc_head head;
    struct hvc_device device;
    struct hvc_balloon balloon;
    struct hvc_prepare prepare;
    struct hvc_go go;
    struct hvc_lease lease;
    struct hvc_stop stop;
    struct hvc_input input;
    struct hvc_ask ask;
    struct hvc_attach attach;
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
    {HVC_DEVICE, IN(HVC_PARKED), sizeof(struct hvc_device),
     sizeof(struct hvc_device), on_device},
    {HVC_PREPARE, IN(HVC_PARKED), offsetof(struct hvc_prepare, cmdline),
     sizeof(struct hvc_prepare), on_prepare},
    {HVC_GO, IN(HVC_LOADED), sizeof(struct hvc_go), sizeof(struct hvc_go),
     on_go},
    {HVC_KEEP, IN(HVC_PARKED) | IN(HVC_LOADED) | IN(HVC_RUNNING),
     sizeof(struct hvc_keep), sizeof(struct hvc_keep), on_keep},
    {HVC_LEASE, IN(HVC_RUNNING), sizeof(struct hvc_lease),
     sizeof(struct hvc_lease), on_lease},
    {HVC_STOP, IN(HVC_PARKED) | IN(HVC_LOADED) | IN(HVC_RUNNING),
     sizeof(struct hvc_stop), sizeof(struct hvc_stop), on_stop},
    {HVC_INPUT, IN(HVC_LOADED) | IN(HVC_RUNNING),
     offsetof(struct hvc_input, data), sizeof(struct hvc_input), on_input},
    {HVC_PAUSE, IN(HVC_RUNNING), sizeof(struct hvc_head),
     sizeof(struct hvc_head), on_pause},
    {HVC_UNPAUSE, IN(HVC_RUNNING), sizeof(struct hvc_head),
     sizeof(struct hvc_head), on_unpause},
    {HVC_ASK, IN(HVC_RUNNING), sizeof(struct hvc_ask), sizeof(struct hvc_ask),
     on_ask},
    {HVC_BALLOON, IN(HVC_RUNNING), sizeof(struct hvc_balloon),
     sizeof(struct hvc_balloon), on_balloon},
    {HVC_GIVE, IN(HVC_RUNNING), sizeof(struct hvc_head),
     sizeof(struct hvc_head), on_give},
    {HVC_ATTACH, IN(HVC_PARKED) | IN(HVC_LOADED) | IN(HVC_RUNNING),
     sizeof(struct hvc_attach), sizeof(struct hvc_attach), on_attach},
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
            flags & ~(HVC_F_GO | HVC_F_INITRD | HVC_F_SOURCE | HVC_F_PAUSED |
                      HVC_F_ROLL | HVC_F_DEBUG | HVC_F_CORE | HVC_F_FILES) ||
            (flags & (HVC_F_GO | HVC_F_DEBUG)) == HVC_F_DEBUG ||
            (flags & (HVC_F_GO | HVC_F_PAUSED)) == HVC_F_PAUSED ||
            u->prepare.core_ends & ~HVC_CORE_ENDS ||
            !(flags & HVC_F_CORE) != !u->prepare.core_ends)
            return false;
        fds = 2 + !!(flags & HVC_F_INITRD) + !!(flags & HVC_F_SOURCE) +
              !!(flags & HVC_F_CORE) + !!(flags & HVC_F_FILES);
    }
    if (u->head.type == HVC_KEEP)
        fds = HVC_KEEP_FDS;
    if (u->head.type == HVC_ATTACH) {
        if (u->attach.kind < HVC_ATTACH_DEBUG ||
            u->attach.kind > HVC_ATTACH_TRACE)
            return false;
        fds = 1;
    }
    if (u->head.type == HVC_BALLOON &&
        (u->balloon.memory_kib == 0 ||
         u->balloon.memory_kib % (HV_PAGE / 1024)))
        return false;
    if (u->head.type == HVC_ASK && u->ask.action != HV_ACTION_SHUTDOWN &&
        u->ask.action != HV_ACTION_REBOOT)
        return false;
    if (u->head.type == HVC_INPUT &&
        (u->input.len > HVC_INPUT_MAX ||
         u->input.flags & ~(HVC_INPUT_TAKE | HVC_INPUT_END) ||
         len != offsetof(struct hvc_input, data) + u->input.len))
        return false;
    if (u->head.type == HVC_DEVICE) // how many, the back end knows
        return nfds <= HVC_DEVICE_FDS_MAX;
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

// Of HVC_PREPARE with all that can come along.
#define FDS_MAX 6

void controller_spoke(struct monitor *m)
{
    union message u; // 12 KiB
    int fds[FDS_MAX] = {-1, -1, -1, -1, -1, -1};
    size_t nfds = FDS_MAX;
    const struct accepted *a = NULL;
    ssize_t n;

    if (m->conn_fd < 0)
        return;
    n = sock_recv(m->conn_fd, &u, sizeof(u), fds, &nfds);
    if (n == -EAGAIN)
        return;
    if (n > 0)
        a = message_check(m, &u, n, nfds);
    // What was meant for it while it ran comes late when it is refused: its end
    // is told yet.
    if (a)
        a->handle(m, &u, fds);
    else if (n <= 0 || !m->cause)
        drop_controller(m);
    for (size_t i = 0; i < nfds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}
