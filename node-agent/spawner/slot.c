// SPDX-License-Identifier: ISC
// One slot: what the actions of slot_table.h do; see slot.h.

#include "node-agent/spawner/slot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/spawner/process.h"

/* Between two looks whether the last process of a group is gone. */
#define VACANT_NS (1 * NS_PER_MS)
/* The monitor's own clock stops it; ours does if it has not by then. */
#define CLOCK_GRACE_NS (50 * NS_PER_MS)

const char *slot_group_name(char out[GROUP_TEXT], const struct slot *s)
{
    snprintf(out, GROUP_TEXT, "slot-%u", s->index);
    return out;
}

const char *slot_path(char out[PATH_TEXT], const struct spawner *p,
                      const struct slot *s, const char *file)
{
    snprintf(out, PATH_TEXT, "%s/slots/%u/%s", p->cfg->run_dir, s->index, file);
    return out;
}

void slot_fd_drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void slot_init(struct slot *s, uint32_t index, struct record *record)
{
    *s = (struct slot){.index = index,
                       .listen_fd = -1,
                       .page_fd = -1,
                       .conn_fd = -1,
                       .monitor_fd = -1,
                       .kept = CGROUP_KEPT_INIT,
                       .watch = CPU_WATCH_INIT,
                       .record = record};
}

static bool is_ready(enum slot_state state)
{
    return state == SLOT_MAKING || state == SLOT_BORN || state == SLOT_CLEAN;
}

static void state_set(struct spawner *p, struct slot *s, enum slot_state next)
{
    p->count[s->state]--;
    p->pool[slot_kind(s)].ready -= is_ready(s->state);
    s->state = next;
    p->count[s->state]++;
    p->pool[slot_kind(s)].ready += is_ready(s->state);
}

/* Ids are hashes: any of their bytes will do. */
static struct slot **chain_of(struct spawner *p, const sub_id_t *id)
{
    uint32_t h;

    memcpy(&h, id->b, sizeof(h));
    return &p->by_id[h % p->nslots];
}

void slot_name(struct spawner *p, struct slot *s, const sub_id_t *id)
{
    struct slot **first = chain_of(p, id);

    if (s->id_at) {
        *s->id_at = s->id_next;
        if (s->id_next)
            s->id_next->id_at = s->id_at;
    }
    s->id = *id;
    s->id_at = first;
    s->id_next = *first;
    if (s->id_next)
        s->id_next->id_at = &s->id_next;
    *first = s;
}

struct slot *spawner_slot_of(struct spawner *p, const sub_id_t *id)
{
    struct slot *s = *chain_of(p, id);

    while (s && (s->state < SLOT_RUNNING || s->state > SLOT_ENDED ||
                 memcmp(&s->id, id, sizeof(*id))))
        s = s->id_next;
    return s;
}

void slot_overdue_in(struct slot *s, uint64_t ns)
{
    s->overdue_ns = ns ? clock_mono_ns() + ns : 0;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return b && (!a || b < a) ? b : a;
}

uint64_t slot_tell_next(const struct spawner *p, const struct slot *s,
                        uint64_t now_ns)
{
    uint64_t interval_ns = p->cfg->interval_ns;
    uint64_t phase_ns =
        s->index / TELL_GROUP % TELL_PHASES * (interval_ns / TELL_PHASES);

    return (now_ns - phase_ns) / interval_ns * interval_ns + interval_ns +
           phase_ns;
}

void slot_arm(struct spawner *p, struct slot *s)
{
    const struct record *r = s->record;
    uint64_t due = s->overdue_ns;

    if (s->state == SLOT_RUNNING) {
        due = sooner(due, s->look_ns);
        due = sooner(due, s->tell_ns);
        due = sooner(due, r->lease_mono_ns + CLOCK_GRACE_NS);
        if (r->wall_ns)
            due = sooner(due, r->started_mono_ns + r->wall_ns + CLOCK_GRACE_NS);
    }
    s->due_ns = due;
    if (due)
        spawner_wake_at(p, due);
}

/* ----------------------------------------------------------------- the end */

void slot_act_sweep(struct spawner *p, struct slot *s)
{
    char name[GROUP_TEXT];

    if (s->watch.fd[0] >= 0) {
        s->watched = true;
        s->budget_hit = cpu_watch_hit(&s->watch);
    }
    cpu_watch_close(&s->watch);
    /* The nursery puts a monitor into all before it becomes one. */
    if (cgroup_empty_in(&p->tree, CGROUP_CPUACCT, slot_group_name(name, s)) ==
        1) {
        s->overdue_ns = 0;
        slot_event(p, s, SLOT_EV_VACANT);
        return;
    }
    cgroup_kill(&p->tree, name);
    slot_overdue_in(s, VACANT_NS);
    slot_arm(p, s);
}

void slot_act_clear(struct spawner *p, struct slot *s)
{
    record_set_state(s->record, RECORD_NONE);
    slot_volumes_forget(p, s);
    s->turn++;
    s->due_ns = s->overdue_ns = 0;
    slot_fd_drop(&s->conn_fd);
    slot_fd_drop(&s->monitor_fd);
    s->monitor_pid = s->guest_pid = 0;
    if (p->stopping || s->index >= p->cfg->slots)
        slot_remove(p, s);
}

/* ------------------------------------------------------------------- events */

static void slot_act_nothing(struct spawner *p, struct slot *s)
{
    (void)p;
    (void)s;
}

static void (*const actions[])(struct spawner *, struct slot *) = {
    [SLOT_NOTHING] = slot_act_nothing, [SLOT_MAKE] = slot_act_make,
    [SLOT_GREET] = slot_act_greet,     [SLOT_GIVE_UP] = slot_act_give_up,
    [SLOT_PARK] = slot_act_park,       [SLOT_AWAIT] = slot_act_await,
    [SLOT_HALT] = slot_act_halt,       [SLOT_KILL] = slot_act_kill,
    [SLOT_SWEEP] = slot_act_sweep,     [SLOT_TELL] = slot_act_tell,
    [SLOT_CLEAR] = slot_act_clear,
};

void slot_event(struct spawner *p, struct slot *s, enum slot_event event)
{
    struct slot_step step = slot_step(s->state, event);

    if (step.action == SLOT_NEVER) {
        log_warn("slot %u: %s while %s", s->index, slot_event_name(event),
                 slot_state_name(s->state));
        return;
    }
    state_set(p, s, step.next);
    actions[step.action](p, s);
}

/* The monitor holds the events too, so that they outlive us. */
static void watch_keep(struct slot *s)
{
    struct hvc_keep m = {.head = {HVC_KEEP, sizeof(m)}};

    sock_send(s->conn_fd, &m, sizeof(m), s->watch.fd, CPU_WATCH_PROCESSES);
}

/* Set up: parked, or running under a predecessor of ours. */
static void monitor_ready(struct spawner *p, struct slot *s, int guest_fd,
                          const struct hvc_ready *m)
{
    pid_t pid[CPU_WATCH_PROCESSES] = {process_number(guest_fd), s->monitor_pid};
    int r = cpu_watch_open(&s->watch, pid);

    s->guest_pid = pid[0] > 0 ? pid[0] : 0;
    if (r < 0 && r != -ESRCH && !p->no_events) {
        p->no_events = true;
        log_warn("CPU budgets are watched by looking only: perf events are "
                 "not allowed here (%s)",
                 strerrordesc_np(-r));
    }
    if (r == 0)
        watch_keep(s);
    s->greeted = true;
    /* It was over before: its monitor has waited to give its devices. */
    s->unseen |= m->state == HVC_DEAD;
    slot_event(p, s, SLOT_EV_READY);
    if (s->state == SLOT_RUNNING || s->state == SLOT_ENDING)
        slot_give(s, m->version);
    if (s->state == SLOT_ENDING)
        slot_halt_send(s);
    if (s->state == SLOT_RUNNING)
        slot_watch_again(p, s);
}

/* A predecessor told it to start, and died before it could hear. */
static bool never_started(const struct slot *s, const struct hvc_ready *m)
{
    return (s->state == SLOT_RUNNING || s->state == SLOT_ENDING) &&
           (m->state == HVC_PARKED || m->state == HVC_LOADED);
}

union monitor_message {
    struct hvc_head head;
    struct hvc_ready ready;
    struct hvc_exited exited;
    struct hvc_taken taken;
    struct hvc_attached attached;
    struct hvc_given given;
    struct hvc_failed failed;
};

/* The answer to something passed on to it, or news of a device? */
static bool slot_answered(struct spawner *p, struct slot *s,
                          const union monitor_message *u, ssize_t n,
                          size_t nfds)
{
    if (n < (ssize_t)sizeof(u->head) || u->head.size != n || nfds != 0)
        return false;
    if (u->head.type == HVC_TAKEN && n == sizeof(u->taken))
        return slot_fed(p, s, &u->taken);
    if (u->head.type == HVC_FAILED && n == sizeof(u->failed))
        return slot_device_failed(p, s, &u->failed);
    return u->head.type == HVC_ATTACHED && n == sizeof(u->attached) &&
           slot_passed(p, s, &u->attached);
}

static bool version_known(uint32_t version)
{
    return version == HVC_VERSION || version == HVC_VERSION_2;
}

void slot_hear(struct spawner *p, struct slot *s)
{
    union monitor_message u;
    size_t nfds = 1;
    int fd = -1;
    ssize_t n = sock_recv(s->conn_fd, &u, sizeof(u), &fd, &nfds);

    if (n == -EAGAIN)
        return;
    if (n >= (ssize_t)sizeof(u.ready) && u.head.size == n &&
        u.head.type == HVC_READY && version_known(u.ready.version) &&
        nfds == 1) {
        if (never_started(s, &u.ready))
            slot_event(p, s, SLOT_EV_HANGUP);
        else
            monitor_ready(p, s, fd, &u.ready);
    } else if (n >= (ssize_t)offsetof(struct hvc_exited, text) &&
               u.head.size == n && u.head.type == HVC_EXITED && nfds == 0) {
        slot_tell_over(p, s, &u.exited, n - offsetof(struct hvc_exited, text));
        slot_event(p, s, SLOT_EV_EXITED); /* the page says the same */
    } else if (n == sizeof(u.given) && u.head.size == n &&
               u.head.type == HVC_GIVEN && nfds == 1 &&
               slot_given(p, s, &u.given, fd)) {
        fd = -1; /* the channel's */
    } else if (!slot_answered(p, s, &u, n, nfds)) {
        slot_fd_drop(&s->conn_fd);
        slot_event(p, s, SLOT_EV_HANGUP);
    }
    if (fd >= 0)
        close(fd);
    slot_arm(p, s);
}

void slot_died(struct spawner *p, struct slot *s)
{
    s->died_ns = clock_mono_ns();
    slot_fd_drop(&s->monitor_fd);
    slot_fd_drop(&s->conn_fd);
    slot_event(p, s, SLOT_EV_DIED);
}

void slot_due(struct spawner *p, struct slot *s, uint64_t now_ns)
{
    const struct record *r = s->record;

    if (s->overdue_ns && now_ns >= s->overdue_ns) {
        s->overdue_ns = 0;
        slot_event(p, s, SLOT_EV_OVERDUE);
    }
    if (s->state == SLOT_RUNNING && now_ns >= s->tell_ns) {
        slot_tell(p, s, MSG_USAGE);
        s->tell_ns = slot_tell_next(p, s, now_ns);
    }
    if (s->state == SLOT_RUNNING && s->look_ns && now_ns >= s->look_ns)
        slot_look(p, s);
    if (s->state == SLOT_RUNNING && r->wall_ns &&
        now_ns >= r->started_mono_ns + r->wall_ns + CLOCK_GRACE_NS)
        slot_stop(p, s, HVC_WALL_BUDGET);
    if (s->state == SLOT_RUNNING && now_ns >= r->lease_mono_ns + CLOCK_GRACE_NS)
        slot_stop(p, s, HVC_LEASE_LAPSED);
    slot_arm(p, s);
}

/* ----------------------------------------------------------------- adopting */

static void adopt_running(struct spawner *p, struct slot *s)
{
    const struct record *r = s->record;
    char path[PATH_TEXT];
    struct err e = {0};

    slot_name(p, s, &r->id);
    s->engine = r->engine < HVC_ENGINES ? r->engine : HVC_ENGINE_PV;
    s->page_fd =
        open(slot_path(path, p, s, "page"), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    s->monitor_pid = r->monitor_pid;
    s->monitor_born = r->monitor_born;
    s->monitor_fd = process_open(r->monitor_pid, r->monitor_born);
    if (s->monitor_fd < 0) {
        /* Over while nobody looked: its page and the kernel's figures stay. */
        state_set(p, s, SLOT_RUNNING);
        s->unseen = true;
        slot_tell(p, s, MSG_ADOPTED);
        slot_died(p, s);
        return;
    }
    state_set(p, s, r->asked_cause ? SLOT_ENDING : SLOT_RUNNING);
    slot_tell(p, s, MSG_ADOPTED);
    s->tell_ns = slot_tell_next(p, s, clock_mono_ns());
    if (spawner_watch(p, s->monitor_fd, WATCH_MONITOR, s) < 0 ||
        slot_connect(p, s, &e) < 0) {
        /* Perhaps it is just exiting. */
        log_debug("slot %u: its monitor does not answer: %s", s->index, e.text);
        slot_event(p, s, SLOT_EV_HANGUP);
    }
    if (s->state == SLOT_ENDING)
        slot_act_halt(p, s);
    slot_arm(p, s);
}

void slot_adopt(struct spawner *p, struct slot *s)
{
    s->turn++;
    s->made_before = true;
    slot_volumes_find(p, s);
    switch (record_state(s->record)) {
    case RECORD_RUNNING:
        adopt_running(p, s);
        break;
    case RECORD_ENDED:
        slot_name(p, s, &s->record->id);
        state_set(p, s, SLOT_ENDED);
        slot_tell(p, s, MSG_ENDED);
        break;
    case RECORD_NONE: /* nothing worth keeping runs there */
        if (record_is_foreign(s->record))
            log_warn("slot %u: its domain was started by another version of "
                     "hosteld, and this one cannot take it over: it is ended",
                     s->index);
        state_set(p, s, SLOT_WASTED);
        slot_act_sweep(p, s);
        break;
    }
}
