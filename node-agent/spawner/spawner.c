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

#define EVENTS_MAX   64
#define PAUSE_MIN_NS 100000000ull
/* Messages of the keeper taken in one turn. */
#define KEEPER_TURN 64

/* Descriptors of one slot: listening, page, connection, monitor, two events,
 * four files of its group; and of everything else, with the devices of those that wait. */
#define SLOT_FDS  10
#define OTHER_FDS 256

/* Devices of all domains that wait; beyond it they have to come again. */
#define WAITING_DEVICES_MAX 128

/* A domain that waits for the slot being made for it. */
struct start_item {
    struct start_item *next;
    int fds[IPC_FDS_MAX];
    struct dom_devices *devices; /* NULL: none */
    struct msg_start start;      /* cut to its used length */
};

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

/* ------------------------------------------------------------------- slots */

static struct slot *slot_in_state(struct spawner *p, enum slot_state state)
{
    if (!p->count[state])
        return NULL;
    for (uint32_t i = 0; i < p->nslots; i++)
        if (p->slot[i].state == state)
            return &p->slot[i];
    return NULL;
}

static struct slot *slot_clean(struct spawner *p, unsigned kind)
{
    if (!p->count[SLOT_CLEAN] || !p->pool[kind].ready)
        return NULL;
    for (uint32_t i = 0; i < p->nslots; i++)
        if (p->slot[i].state == SLOT_CLEAN && slot_kind(&p->slot[i]) == kind)
            return &p->slot[i];
    return NULL;
}

/* All places are taken, some by clean slots of another kind that nobody
 * waits for: one of them goes. */
static void pool_make_room(struct spawner *p, unsigned kind)
{
    for (unsigned other = 0; other < SLOT_KINDS; other++) {
        struct slot *s = other == kind ? NULL : slot_clean(p, other);

        if (s && p->pool[other].ready > p->pool[other].waiting &&
            !p->count[SLOT_CONDEMNED] && !p->count[SLOT_WASTED]) {
            slot_event(p, s, SLOT_EV_RETIRE);
            return;
        }
    }
}

/* Have so many slots that are clean or will be. */
static void pool_refill(struct spawner *p, unsigned kind, uint32_t wanted)
{
    struct pool *pool = &p->pool[kind];

    while (!pool->absent && p->count[SLOT_MAKING] < MAKING_MAX &&
           pool->ready < wanted) {
        struct slot *s = slot_in_state(p, SLOT_EMPTY);

        if (!s || s->index >= p->cfg->slots) {
            if (pool->ready < pool->waiting)
                pool_make_room(p, kind);
            return;
        }
        if (p->make_after_ns && clock_mono_ns() < p->make_after_ns) {
            spawner_wake_at(p, p->make_after_ns);
            return;
        }
        p->make_after_ns = 0;
        s->engine = kind % HVC_ENGINES;
        s->disks = kind >= HVC_ENGINES;
        slot_event(p, s, SLOT_EV_MAKE);
    }
}

/* One for each domain that waits, then enough to have ready. */
static void refill(struct spawner *p)
{
    if (p->stopping)
        return;
    for (unsigned i = 0; i < SLOT_KINDS; i++)
        pool_refill(p, i, p->pool[i].waiting);
    for (unsigned i = 0; i < SLOT_KINDS; i++)
        pool_refill(p, i, p->pool[i].waiting + p->pool[i].spare);
}

/* ---------------------------------------------------------------- starting */

static void item_free(struct spawner *p, struct pool *pool,
                      struct start_item *item)
{
    ipc_close(item->fds);
    p->waiting_devices -= item->start.ndevices;
    free(item->devices);
    free(item);
    pool->waiting--;
}

static struct start_item *item_pop(struct pool *pool)
{
    struct start_item *item = pool->first;

    pool->first = item->next;
    if (!pool->first)
        pool->last = &pool->first;
    return item;
}

/* Start what waits while there are clean slots. */
static void starts_serve(struct spawner *p, unsigned kind)
{
    struct pool *pool = &p->pool[kind];
    struct slot *s;
    struct err e;

    while (pool->first && (s = slot_clean(p, kind))) {
        struct start_item *item = pool->first;

        if (slot_launch(p, s, &item->start, item->devices, item->fds, &e) < 0) {
            log_warn("slot %u: %s", s->index, e.text);
            continue; /* the next slot */
        }
        chan_reply_ok(&p->keeper, &item->start.head);
        item_free(p, pool, item_pop(pool));
    }
}

#define ENGINE_ABSENT                                                          \
    "this machine cannot run engine %s: there is no /dev/kvm that hosteld "    \
    "may use"

static const char *const engine_names[HVC_ENGINES] = {
    [HVC_ENGINE_PV] = "pv", [HVC_ENGINE_KVM] = "kvm"};

/* Nothing is being made that they could wait for. */
static void starts_refuse(struct spawner *p, unsigned kind)
{
    struct pool *pool = &p->pool[kind];

    while (pool->first) {
        struct start_item *item = item_pop(pool);

        if (pool->absent)
            chan_reply(&p->keeper, &item->start.head, 422, 0, ENGINE_ABSENT,
                       engine_names[kind % HVC_ENGINES]);
        else
            chan_reply(&p->keeper, &item->start.head, 503, 1,
                       p->stopping ? "the node is stopping"
                                   : "the node has no free slot");
        item_free(p, pool, item);
    }
}

static void starts_settle(struct spawner *p, unsigned kind)
{
    struct pool *pool = &p->pool[kind];

    starts_serve(p, kind);
    if (pool->first && (pool->absent || p->stopping || p->make_after_ns ||
                        !(pool->ready + p->count[SLOT_EMPTY] +
                          p->count[SLOT_WASTED] + p->count[SLOT_CONDEMNED])))
        starts_refuse(p, kind);
}

/* Which engine it shall have; -1: the node's file does not allow it. */
static int engine_choose(const struct spawner *p, uint32_t choice)
{
    enum hvc_engine engine = p->cfg->usual_engine;

    if (choice == ENGINE_PV)
        engine = HVC_ENGINE_PV;
    else if (choice == ENGINE_KVM)
        engine = HVC_ENGINE_KVM;
    else if (choice == ENGINE_AUTO && p->cfg->engines >> p->best_engine & 1)
        engine = p->best_engine;
    return p->cfg->engines >> engine & 1 ? (int)engine : -1;
}

/* Its devices, checked; NULL with none. */
static int devices_hear(const struct msg_start *m, const int *fds,
                        struct dom_devices **devices, struct err *e)
{

    *devices = NULL;
    if (!m->ndevices)
        return 0;
    *devices = malloc(sizeof(**devices));
    if (!*devices)
        return err_set(e, ENOMEM, "no memory for a waiting domain");
    return devices_take(*devices, m->ndevices, fds + start_files(m), e);
}

static int start_queue(struct spawner *p, unsigned kind,
                       const struct msg_start *m, int fds[IPC_FDS_MAX],
                       struct dom_devices *devices, struct err *e)
{
    struct start_item *item =
        malloc(offsetof(struct start_item, start) + m->head.size);
    struct pool *pool = &p->pool[kind];

    if (!item)
        return err_set(e, ENOMEM, "no memory for a waiting domain");
    item->next = NULL;
    item->devices = devices;
    memcpy(item->fds, fds, sizeof(item->fds));
    memcpy(&item->start, m, m->head.size);
    p->waiting_devices += m->ndevices;
    *pool->last = item;
    pool->last = &item->next;
    pool->waiting++;
    return 0;
}

static int message_start(struct spawner *p, const struct msg_start *m,
                         int fds[IPC_FDS_MAX], struct err *e)
{
    struct dom_devices *devices = NULL;
    int engine = engine_choose(p, m->engine), r;
    unsigned kind;

    if (m->engine > ENGINE_AUTO || m->flags & ~(START_PAUSED | START_ROLLS) ||
        m->core_ends & ~HVC_CORE_ENDS || !slot_volumes_sane(m) ||
        m->cpu_weight > CPU_WEIGHT_MAX || m->cpu_cap_percent > CPU_CAP_MAX)
        r = err_set(e, EPROTO, "the keeper starts a domain out of range");
    else
        r = devices_hear(m, fds, &devices, e);
    if (r == 0 && engine < 0)
        chan_reply(&p->keeper, &m->head, 422, 0,
                   "this node's file does not allow engine %s",
                   m->engine == ENGINE_KVM ? "kvm" : "pv");
    else if (r == 0 && p->waiting_devices + m->ndevices > WAITING_DEVICES_MAX)
        chan_reply(&p->keeper, &m->head, 503, 1,
                   "too many domains with disks and interfaces are waiting");
    else if (r == 0) {
        kind = KIND(engine, devices && devices_have_disk(devices));
        r = start_queue(p, kind, m, fds, devices, e);
        if (r == 0)
            return 0;
    }
    ipc_close(fds);
    free(devices);
    return r;
}

/* ------------------------------------------------------------------- keeper */

/* A domain still waiting can simply be given back. */
static void start_withdraw(struct spawner *p, struct pool *pool,
                           const sub_id_t *id)
{
    for (struct start_item **at = &pool->first; *at; at = &(*at)->next) {
        struct start_item *item = *at;

        if (memcmp(&item->start.id, id, sizeof(*id)))
            continue;
        *at = item->next;
        if (!*at)
            pool->last = at;
        chan_reply(&p->keeper, &item->start.head, 503, 1,
                   "withdrawn before a slot was free");
        item_free(p, pool, item);
        return;
    }
}

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
        for (int i = 0; i < SLOT_KINDS; i++)
            start_withdraw(p, &p->pool[i], &m->id);
    return 0;
}

/* News of domains that have ended meanwhile are late, not wrong. */
static int message_take(struct spawner *p, const union ipc_any *any,
                        int fds[IPC_FDS_MAX], struct err *e)
{
    struct slot *s;

    switch (any->head.type) {
    case MSG_START:
        return message_start(p, &any->start, fds, e);
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
    refill(p);
    for (unsigned kind = 0; kind < SLOT_KINDS; kind++)
        starts_settle(p, kind);
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
    return 0;
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
    refill(p);
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
                        engine_names[cfg.usual_engine]);
    }
    if (r < 0) {
        if (r != -EPIPE)
            log_error("%s", e.text);
        return r != -EPIPE;
    }
    spawner_close(&p);
    return 0;
}
