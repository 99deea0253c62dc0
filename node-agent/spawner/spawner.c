// SPDX-License-Identifier: ISC
// The spawner role: its loop, and what the keeper says; see spawner.h.

#include "node-agent/spawner/spawner.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/agent/roles.h"
#include "node-agent/spawner/control.h"
#include "node-agent/spawner/nursery.h"
#include "node-agent/spawner/starts.h"

#define EVENTS_MAX   64
#define PAUSE_MIN_NS 100000000ull
/* Messages of the keeper taken in one turn. */
#define KEEPER_TURN 64

/* Descriptors of one slot: listening, page, connection, monitor, two events,
 * eight files of its group; and of everything else, with the devices of those
 * that wait, and their connections. */
#define SLOT_FDS  14
#define OTHER_FDS 384

/* ------------------------------------------------------------------ waiting */

static uint64_t watch_data(enum watch what, const struct slot *s)
{
    return (uint64_t)what << 48 | (s ? (uint64_t)s->turn << 32 | s->index : 0);
}

int spawner_watch(struct spawner *p, int fd, enum watch what,
                  const struct slot *s)
{
    struct epoll_event ev = {.events = EPOLLIN,
                             .data.u64 = watch_data(what, s)};

    return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

void spawner_wake_at(struct spawner *p, uint64_t mono_ns)
{
    struct itimerspec t = {.it_value = {.tv_sec = mono_ns / 1000000000u,
                                        .tv_nsec = mono_ns % 1000000000u}};

    if (mono_ns >= p->timer_ns)
        return;
    p->timer_ns = mono_ns;
    if (mono_ns == 0)
        t.it_value.tv_nsec = 1;
    timerfd_settime(p->timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void timer_fired(struct spawner *p)
{
    uint64_t times, now = clock_mono_ns();

    if (read(p->timer_fd, &times, sizeof(times)) < 0)
        return;
    p->timer_ns = UINT64_MAX;
    for (uint32_t i = 0; i < p->nslots; i++) {
        struct slot *s = &p->slot[i];

        if (!s->due_ns)
            continue;
        if (now >= s->due_ns)
            slot_due(p, s, now);
        else
            spawner_wake_at(p, s->due_ns);
    }
}

/* ------------------------------------------------------------------- keeper */

static int message_control(struct spawner *p, const struct msg_control *m,
                           struct err *e)
{
    struct slot *s = spawner_slot_of(p, &m->id);
    struct err why = {0};

    if (!control_sane(m))
        return err_set(e, EPROTO, "the keeper asks for a control out of range");
    if (!s || s->state != SLOT_RUNNING)
        chan_reply(&p->keeper, &m->head, 409, 0, "the domain does not run");
    else if (slot_control(p, s, m, &why) < 0)
        chan_reply(&p->keeper, &m->head, 422, 0, "%s", why.text);
    else
        chan_reply_ok(&p->keeper, &m->head);
    return 0;
}

static void message_look(struct spawner *p, const struct msg_head *head)
{
    for (uint32_t i = 0; i < p->nslots; i++)
        if (p->slot[i].state == SLOT_RUNNING || p->slot[i].state == SLOT_ENDING)
            slot_tell(p, &p->slot[i], MSG_FIGURES);
    chan_reply_ok(&p->keeper, head);
}

static int message_stop(struct spawner *p, const struct msg_stop *m,
                        struct err *e)
{
    struct slot *s = spawner_slot_of(p, &m->id);

    if (m->cause < HVC_POWEROFF || m->cause > HVC_LOST)
        return err_set(e, EPROTO, "the keeper stops a domain for no cause");
    if (s)
        slot_stop(p, s, m->cause);
    else
        starts_withdraw(p, &m->id);
    return 0;
}

/* News of domains that have ended meanwhile are late, not wrong. */
static int message_take(struct spawner *p, const union ipc_any *any,
                        int fds[IPC_FDS_MAX], struct err *e)
{
    struct slot *s;

    switch (any->head.type) {
    case MSG_START:
        return starts_take(p, &any->start, fds, e);
    case MSG_STOP:
        return message_stop(p, &any->stop, e);
    case MSG_CONTROL:
        return message_control(p, &any->control, e);
    case MSG_LOOK:
        message_look(p, &any->head);
        return 0;
    case MSG_RENEW:
        s = spawner_slot_of(p, &any->renew.id);
        if (s && s->state == SLOT_RUNNING)
            slot_renew(p, s, any->renew.lease_mono_ns);
        return 0;
    case MSG_FEED:
        s = spawner_slot_of(p, &any->input.id);
        if (s && s->state == SLOT_RUNNING)
            slot_feed(p, s, &any->input);
        else
            chan_input_reply(&p->keeper, &any->head, &any->input.id, 409,
                             "the program is over");
        return 0;
    case MSG_PASS:
        s = spawner_slot_of(p, &any->attach.id);
        if (s && s->state == SLOT_RUNNING)
            slot_pass(p, s, &any->attach, fds[0]);
        else
            chan_input_reply(&p->keeper, &any->head, &any->attach.id, 409,
                             "the program is over");
        ipc_close(fds);
        return 0;
    case MSG_RELEASE:
        s = spawner_slot_of(p, &any->renew.id);
        if (s && s->state == SLOT_ENDED)
            slot_event(p, s, SLOT_EV_RELEASE);
        return 0;
    }
    ipc_close(fds);
    return err_set(e, EPROTO, "the keeper may not send \"%s\"",
                   ipc_name(any->head.type));
}

static int keeper_hear(struct spawner *p, struct err *e)
{
    static union ipc_any any;

    for (int i = 0; i < KEEPER_TURN; i++) {
        int fds[IPC_FDS_MAX], r = chan_take(&p->keeper, &any, fds, e);

        if (r <= 0)
            return r;
        r = message_take(p, &any, fds, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int keeper_flush(struct spawner *p, struct err *e)
{
    struct epoll_event ev = {.data.u64 = watch_data(WATCH_KEEPER, NULL)};
    int r = chan_flush(&p->keeper, e);
    short events = chan_events(&p->keeper);

    if (r < 0 || events == p->keeper_events)
        return r;
    p->keeper_events = events;
    ev.events =
        (events & POLLIN ? EPOLLIN : 0) | (events & POLLOUT ? EPOLLOUT : 0);
    if (epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, p->keeper.fd, &ev) < 0)
        return err_errno(e, "watching the keeper");
    return 0;
}

/* ------------------------------------------------------------------ nursery */

static int nursery_hear(struct spawner *p, struct err *e)
{
    struct hvc_made made;
    int pidfd, r = nursery_made(p->nursery_fd, &made, &pidfd, e);

    if (r == 0)
        return err_set(e, ECHILD, "the nursery has ended");
    if (r < 0)
        return r;
    if (made.slot >= p->nslots || p->slot[made.slot].state != SLOT_MAKING) {
        if (pidfd >= 0)
            close(pidfd);
        return err_set(e, EPROTO, "the nursery made a slot nobody wanted");
    }
    slot_made(p, &p->slot[made.slot], &made, pidfd);
    return 0;
}

/* ----------------------------------------------------------------- stopping */

static void stop_begin(struct spawner *p)
{
    if (p->stopping)
        return;
    p->stopping = true;
    log_info("stopping: %u domains are %s", p->count[SLOT_RUNNING],
             p->cfg->destroy_on_stop ? "ended" : "left running");
    for (uint32_t i = 0; i < p->nslots; i++) {
        struct slot *s = &p->slot[i];

        if (s->state == SLOT_RUNNING && p->cfg->destroy_on_stop)
            slot_stop(p, s, HVC_STOPPED);
        else
            slot_event(p, s, SLOT_EV_RETIRE);
        if (s->state == SLOT_EMPTY)
            slot_remove(p, s);
    }
}

/* Only what is meant to stay is still there. */
static bool stop_done(const struct spawner *p)
{
    uint32_t left = p->nslots - p->count[SLOT_EMPTY];

    if (!p->cfg->destroy_on_stop)
        left -= p->count[SLOT_RUNNING];
    return p->stopping && left == 0;
}

static void signal_read(struct spawner *p)
{
    struct signalfd_siginfo si;

    if (read(p->signal_fd, &si, sizeof(si)) == sizeof(si))
        stop_begin(p);
}

/* --------------------------------------------------------------------- loop */

static void slot_heard(struct spawner *p, uint64_t data, enum watch what)
{
    uint32_t index = (uint32_t)data;
    struct slot *s = index < p->nslots ? &p->slot[index] : NULL;

    /* Of a descriptor that was closed a moment ago. */
    if (!s || s->turn != (uint16_t)(data >> 32))
        return;
    if (what == WATCH_MONITOR && s->monitor_fd >= 0)
        slot_died(p, s);
    else if (what == WATCH_CONN && s->conn_fd >= 0)
        slot_hear(p, s);
    if (p->stopping && (s->state == SLOT_BORN || s->state == SLOT_CLEAN))
        slot_event(p, s, SLOT_EV_RETIRE);
}

/* 0, or -errno: time to end (-EPIPE: because a peer has). */
static int dispatch(struct spawner *p, uint64_t data, struct err *e)
{
    enum watch what = data >> 48;

    switch (what) {
    case WATCH_KEEPER:
        return keeper_hear(p, e);
    case WATCH_LIFELINE:
        return err_set(e, EPIPE, "the supervisor is gone");
    case WATCH_NURSERY:
        return nursery_hear(p, e);
    case WATCH_SIGNAL:
        signal_read(p);
        break;
    case WATCH_TIMER:
        timer_fired(p);
        break;
    case WATCH_OUTSIDE:
        outside_hear(p);
        break;
    case WATCH_CONN:
    case WATCH_MONITOR:
        slot_heard(p, data, what);
        break;
    }
    return 0;
}

static int spawner_turn(struct spawner *p, struct err *e)
{
    struct epoll_event ev[EVENTS_MAX];
    int n = epoll_wait(p->epoll_fd, ev, EVENTS_MAX, -1), r = 0;

    if (n < 0 && errno != EINTR)
        return err_errno(e, "waiting");
    for (int i = 0; i < n && r == 0; i++)
        r = dispatch(p, ev[i].data.u64, e);
    if (r < 0)
        return r;
    starts_refill(p);
    starts_settle(p);
    return keeper_flush(p, e);
}

/* ------------------------------------------------------------------- set-up */

/* Slots there is room for, by the limit of open files. */
static uint32_t slots_possible(const struct node_config *cfg)
{
    struct rlimit l;
    rlim_t most;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur < OTHER_FDS + SLOT_FDS)
        return 1;
    most = (l.rlim_cur - OTHER_FDS) / SLOT_FDS;
    if (most >= cfg->slots)
        return cfg->slots;
    log_warn("%u slots are asked for, the limit of open files allows %u",
             cfg->slots, (uint32_t)most);
    return most;
}

static int signals_open(struct err *e)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_errno(e, "blocking signals");
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_errno(e, "making a signalfd") : fd;
}

static int loop_open(struct spawner *p, struct err *e)
{
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (p->epoll_fd < 0 || p->timer_fd < 0)
        return err_errno(e, "making the loop's descriptors");
    p->signal_fd = signals_open(e);
    if (p->signal_fd < 0 ||
        chan_open(&p->keeper, ROLE_FD(ROLE_KEEPER), "keeper", e) < 0)
        return -e->code;
    p->keeper_events = POLLIN;
    if (spawner_watch(p, p->keeper.fd, WATCH_KEEPER, NULL) < 0 ||
        spawner_watch(p, ROLE_LIFELINE_FD, WATCH_LIFELINE, NULL) < 0 ||
        spawner_watch(p, p->nursery_fd, WATCH_NURSERY, NULL) < 0 ||
        spawner_watch(p, p->signal_fd, WATCH_SIGNAL, NULL) < 0 ||
        spawner_watch(p, p->timer_fd, WATCH_TIMER, NULL) < 0)
        return err_errno(e, "watching the loop's descriptors");
    return outside_open(p, e);
}

static int slots_open(struct spawner *p, struct err *e)
{
    char dir[NODE_PATH_MAX + 8];

    snprintf(dir, sizeof(dir), "%s/slots", p->cfg->run_dir);
    if (record_open(&p->records, dir, p->cfg->slots, e) < 0)
        return -e->code;
    p->nslots = p->records.count;
    p->slot = calloc(p->nslots, sizeof(*p->slot));
    p->by_id = calloc(p->nslots, sizeof(*p->by_id));
    if (!p->slot || !p->by_id)
        return err_set(e, ENOMEM, "no memory for %u slots", p->nslots);
    for (uint32_t i = 0; i < p->nslots; i++)
        slot_init(&p->slot[i], i, &p->records.at[i]);
    p->count[SLOT_EMPTY] = p->nslots;
    return 0;
}

static void adopt_group(const char *name, void *arg)
{
    struct spawner *p = arg;
    unsigned i;
    char rest;

    if (sscanf(name, "slot-%u%c", &i, &rest) == 1 && i < p->nslots &&
        p->slot[i].state == SLOT_EMPTY && !p->slot[i].made_before)
        slot_adopt(p, &p->slot[i]);
}

/* What a predecessor left: a group for every slot it ever made. */
static void adopt_all(struct spawner *p)
{
    struct msg_domain last = {0};
    uint32_t n;

    cgroup_each(&p->tree, "slot-", adopt_group, p);
    /* Without a group it is from before the machine's last boot. */
    for (uint32_t i = 0; i < p->nslots; i++)
        if (!p->slot[i].made_before)
            record_set_state(p->slot[i].record, RECORD_NONE);
    n = p->count[SLOT_RUNNING] + p->count[SLOT_ENDING] +
        p->count[SLOT_DRAINING] + p->count[SLOT_ENDED];
    if (n)
        log_info("took over %u domains", n);
    ipc_head_cut(&last, MSG_ADOPTED, 0, text, 1);
    chan_post(&p->keeper, &last, NULL, 0);
}

static int spawner_open(struct spawner *p, struct err *e)
{
    if (cgroup_tree_open(&p->tree, p->cfg->cgroup_path, e) < 0)
        return -e->code;
    p->nursery_fd =
        nursery_start(&p->tree, p->cfg->hv_path, &p->nursery_pid, e);
    if (p->nursery_fd < 0)
        return p->nursery_fd;
    if (loop_open(p, e) < 0 || slots_open(p, e) < 0)
        return -e->code;
    adopt_all(p);
    starts_refill(p);
    return keeper_flush(p, e);
}

static void spawner_close(struct spawner *p)
{
    char path[NODE_PATH_MAX + 16];

    nursery_end(&p->tree, p->nursery_fd, p->nursery_pid);
    if (p->count[SLOT_EMPTY] == p->nslots) {
        snprintf(path, sizeof(path), "%s/slots/records", p->cfg->run_dir);
        unlink(path);
    }
}

/* By domains of a predecessor: there will be no clean one soon. */
static bool slots_taken(const struct spawner *p)
{
    return p->count[SLOT_RUNNING] + p->count[SLOT_ENDING] +
               p->count[SLOT_DRAINING] + p->count[SLOT_ENDED] >=
           p->cfg->slots;
}

int spawner_main(const struct node_config *given)
{
    static struct spawner p;
    struct node_config cfg = *given;
    bool ready = false;
    struct err e;
    int r;

    cfg.slots = slots_possible(given);
    if (cfg.spare_slots > cfg.slots)
        cfg.spare_slots = cfg.slots;
    p = (struct spawner){.cfg = &cfg,
                         .tree = CGROUP_TREE_INIT,
                         .nursery_fd = -1,
                         .timer_ns = UINT64_MAX,
                         .make_pause_ns = PAUSE_MIN_NS};
    for (int i = 0; i < SLOT_KINDS; i++)
        p.pool[i].last = &p.pool[i].first;
    p.pool[HVC_ENGINE_KVM].spare =
        cfg.engines >> HVC_ENGINE_KVM & 1 ? cfg.spare_slots_kvm : 0;
    p.pool[cfg.usual_engine].spare = cfg.spare_slots;
    r = spawner_open(&p, &e);
    while (r == 0 && !stop_done(&p)) {
        /* The first clean slot proves that all of this works. */
        if (!ready && (p.count[SLOT_CLEAN] || slots_taken(&p))) {
            role_ready();
            ready = true;
        }
        r = spawner_turn(&p, &e);
        if (r == 0 && !ready && p.pool[cfg.usual_engine].absent)
            r = err_set(&e, ENODEV,
                        ENGINE_ABSENT ", the first of its file's "
                                      "engines",
                        cfg.usual_engine == HVC_ENGINE_KVM ? "kvm" : "pv");
    }
    if (r < 0) {
        if (r != -EPIPE)
            log_error("%s", e.text);
        return r != -EPIPE;
    }
    spawner_close(&p);
    return 0;
}
