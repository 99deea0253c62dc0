// SPDX-License-Identifier: ISC
// A domain in a slot, from its start to its last figures; see slot_internal.h.

#include "node-agent/spawner/slot_internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include "hypervisor/fs/contract.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/spawner/verdict.h"

/* Input that a monitor has not answered: as many clients may try at once. */
#define FEEDING_MAX 16
/* Between two looks at a budget that perf does not guard. */
#define LOOK_MIN_NS (1 * NS_PER_MS)
/* An adopted domain's monitor greets at once, or on a machine that is
 * thrashing: with it go the domain's devices. */
#define GREET_NS (10000 * NS_PER_MS)
/* Memory of a slot that is not the domain's RAM: monitor and guest process,
 * shared pages, and, by the RAM's size, page tables. */
#define OVERHEAD_KIB     4096u
#define PAGE_TABLE_SHARE 256u

/* Image and initrd lie in the domain's memory, as on any machine: what they
 * take is not RAM. So a domain weighs what its bundle asked and paid for. */
static uint64_t files_kib(const int *fds, int nfds)
{
    uint64_t kib = 0;
    struct stat st;

    for (int i = 0; i < nfds; i++)
        if (i != 1 && fstat(fds[i], &st) == 0 && S_ISREG(st.st_mode))
            kib += ((uint64_t)st.st_size + HV_PAGE - 1) / HV_PAGE *
                   (HV_PAGE >> 10);
    return kib;
}

int slot_limit_set(struct spawner *p, struct slot *s, uint64_t memory_kib,
                   struct err *e)
{
    struct cgroup_limits l = {.memory_kib = memory_kib + OVERHEAD_KIB +
                                            s->record->window_kib +
                                            memory_kib / PAGE_TABLE_SHARE};
    char name[GROUP_TEXT];
    int r;

    if (l.memory_kib == s->limit_kib)
        return 0;
    r = cgroup_limit(&p->tree, slot_group_name(name, s), &l, e);
    if (r == 0)
        s->limit_kib = l.memory_kib;
    return r;
}

/* Most domains ask for nothing, and then this costs nothing. */
int slot_share_set(struct spawner *p, struct slot *s, uint32_t weight,
                   uint32_t cap, struct err *e)
{
    char name[GROUP_TEXT];
    int r;

    if (weight == s->weight && cap == s->cap && s->permille == FAIR_USUAL)
        return 0;
    r = cgroup_share(&p->tree, slot_group_name(name, s), weight, cap, e);
    if (r == 0) {
        s->weight = weight;
        s->cap = cap;
        s->permille = FAIR_USUAL;
    }
    return r;
}

/* For a successor: where it will be told at the end. */
void slot_share_note(struct slot *s)
{
    s->record->ended.cpu_weight = s->weight;
    s->record->ended.cpu_cap_percent = s->cap;
}

static void record_fill(struct spawner *p, struct slot *s,
                        const struct msg_start *m)
{
    struct record *r = s->record;

    slot_name(p, s, &m->id);
    r->id = m->id;
    r->incarnation = m->incarnation;
    r->started_mono_ns = clock_mono_ns();
    r->started_real_ns = clock_real_ns();
    r->cpu_base_ns = s->cpu_base_ns;
    r->oom_base = s->oom_base;
    r->domid = m->domid;
    r->engine = s->engine;
    r->paused = m->flags & START_PAUSED;
    r->max_kib = m->max_kib;
    r->net_in_bytes = m->net_in_bytes;
    r->net_out_bytes = m->net_out_bytes;
    r->memory_kib = m->memory_kib;
    r->cpu_ns = m->cpu_ns;
    r->wall_ns = m->wall_ns;
    r->console_bytes = m->console_bytes + m->output_bytes;
    r->lease_mono_ns = m->lease_mono_ns;
    r->asked_cause = 0;
    r->monitor_pid = s->monitor_pid;
    r->monitor_born = s->monitor_born;
    slot_share_note(s);
    record_set_state(r, RECORD_RUNNING);
}

/* The monitor has one clock for both. */
static uint64_t lease_or_wall(const struct record *r)
{
    uint64_t wall = r->wall_ns ? r->started_mono_ns + r->wall_ns : UINT64_MAX;

    return r->lease_mono_ns < wall ? r->lease_mono_ns : wall;
}

static int prepare_send(struct slot *s, const struct msg_start *m,
                        const int *fds)
{
    static struct hvc_prepare h; /* 12 KiB: not for the stack */
    uint32_t size = offsetof(struct hvc_prepare, cmdline) + m->cmdline_len;
    int nfds = 2 + (m->has_initrd != 0);
    uint64_t files = files_kib(fds, nfds); /* all but the source */

    h.head = (struct hvc_head){HVC_PREPARE, size};
    h.flags = HVC_F_GO | (m->has_initrd ? HVC_F_INITRD : 0) |
              (m->has_source ? HVC_F_SOURCE : 0) |
              (m->core_ends ? HVC_F_CORE : 0) |
              (m->output_bytes ? HVC_F_FILES : 0) |
              (m->flags & START_PAUSED ? HVC_F_PAUSED : 0) |
              (m->flags & START_ROLLS ? HVC_F_ROLL : 0);
    nfds = start_files(m);
    h.files_bytes_max = m->output_bytes;
    h.core_ends = m->core_ends;
    h.core_bytes_max = m->core_bytes;
    h.argc = m->argc;
    h.envc = m->envc;
    h.cmdline_len = m->cmdline_len;
    h.memory_kib = m->memory_kib > files ? m->memory_kib - files : 0;
    h.console_bytes_max = m->console_bytes;
    h.lease_ns = lease_or_wall(s->record);
    memcpy(h.domain_name, m->name, sizeof(h.domain_name));
    memcpy(h.cmdline, m->cmdline, m->cmdline_len);
    return sock_send(s->conn_fd, &h, size, fds, nfds);
}

/* Who has come so near to its limit keeps it: it may be dying of that already,
 * has given its memory back, and is not to look as if it had more left. */
#define STOP_NEAR_NS NS_PER_MS

/* Of a CPU budget, what it may use itself: its end, which the kernel charges to
 * it as well, must come out of it too. */
static uint64_t budget_ns(struct spawner *p, struct slot *s,
                          uint64_t memory_kib)
{
    uint64_t budget = s->record->cpu_ns;

    s->end_kib = memory_kib;
    s->stop_ns = budget - end_cost_of(&p->end_cost, memory_kib, budget);
    return s->stop_ns;
}

static void look_later(struct slot *s, uint64_t used_ns)
{
    uint64_t now = clock_mono_ns(), ns;

    if (!s->record->cpu_ns) {
        s->look_ns = 0;
        return;
    }
    ns =
        used_ns < s->stop_ns ? (s->stop_ns - used_ns) / CPU_WATCH_PROCESSES : 0;
    s->look_ns = now + (ns < LOOK_MIN_NS ? LOOK_MIN_NS : ns);
}

/* What it cost until now to have its slot ready is the node's. */
static int base_take(struct spawner *p, struct slot *s, struct err *e)
{
    char name[GROUP_TEXT];
    int r = cgroup_cpu_ns(&p->tree, slot_group_name(name, s), &s->kept,
                          &s->cpu_base_ns);

    return r < 0 ? err_set(e, -r, "its control group cannot be read") : 0;
}

/* One message a device. Of one that it refuses the monitor tells, and ends:
 * what is sent after that finds nobody, and is no matter. */
static int devices_send(struct slot *s, const struct dom_devices *devices,
                        const struct outside *outside, const int *fds)
{
    for (uint32_t i = 0; devices && i < devices->n; i++) {
        const struct hvc_device *m = &devices->at[i].m;
        int r = device_is_outside(&devices->at[i])
                    ? outside_send(s->conn_fd, m, outside->fd[i], fds[i])
                    : sock_send(s->conn_fd, m, sizeof(*m), &fds[i], 1);

        if (r < 0)
            return i && (r == -EPIPE || r == -ECONNRESET) ? 1 : r;
    }
    return 0;
}

/* All of a domain, in order. */
static int domain_send(struct spawner *p, struct slot *s,
                       const struct msg_start *m,
                       const struct dom_devices *devices,
                       const struct outside *outside, const int *fds,
                       struct err *e)
{
    int r = devices_send(s, devices, outside, fds + start_files(m) + 1);

    if (r == 0 && m->nvolumes)
        r = slot_volumes_start(
            p, s, m, fds + start_files(m) + DEVICES_FDS(m->ndevices), e);
    if (r)
        return r < 0 ? r : 0;
    r = prepare_send(s, m, fds);
    return (devices || m->nvolumes) && (r == -EPIPE || r == -ECONNRESET) ? 0
                                                                         : r;
}

int slot_launch(struct spawner *p, struct slot *s, const struct msg_start *m,
                const struct dom_devices *devices,
                const struct outside *outside, const int *fds, struct err *e)
{
    int r;

    s->record->window_kib = (devices ? devices_window_kib(devices) : 0) +
                            slot_volumes_kib(m->nvolumes);
    r = slot_limit_set(p, s, m->max_kib ? m->max_kib : m->memory_kib, e);
    if (r == 0)
        r = slot_share_set(p, s, m->cpu_weight, m->cpu_cap_percent, e);
    if (r == 0)
        r = base_take(p, s, e);
    if (r == 0) {
        record_fill(p, s, m);
        s->stop_ns = 0;
        if (m->cpu_ns) {
            cpu_watch_start(&s->watch, 0);
            cpu_watch_allow(&s->watch, budget_ns(p, s, 0));
        }
        err_set(e, 0, "its monitor does not listen");
        r = domain_send(p, s, m, devices, outside, fds, e);
    }
    if (r < 0) {
        record_set_state(s->record, RECORD_NONE);
        slot_event(p, s, SLOT_EV_HANGUP);
        return r;
    }
    s->died_ns = 0;
    s->watched = s->budget_hit = false;
    s->tell_over = m->has_source;
    s->unseen = false;
    s->feeding = s->giving = s->failed_told = 0;
    s->told_cpu_ns = 0;
    s->tell_ns = slot_tell_next(p, s, clock_mono_ns());
    look_later(s, 0);
    slot_event(p, s, SLOT_EV_START);
    slot_arm(p, s);
    return 0;
}

/* ----------------------------------------------------------------- running */

void slot_message_send(struct slot *s, const void *m, size_t len)
{
    if (s->conn_fd >= 0)
        sock_send(s->conn_fd, m, len, NULL, 0);
}

void slot_stop(struct spawner *p, struct slot *s, enum hvc_cause cause)
{
    if (s->state == SLOT_RUNNING)
        s->record->asked_cause = cause;
    slot_event(p, s, SLOT_EV_STOP);
}

void slot_renew(struct spawner *p, struct slot *s, uint64_t lease_mono_ns)
{
    struct hvc_lease m = {.head = {HVC_LEASE, sizeof(m)}};

    s->record->lease_mono_ns = lease_mono_ns;
    m.lease_ns = lease_or_wall(s->record);
    slot_message_send(s, &m, sizeof(m));
    slot_arm(p, s);
}

/* The monitor answers with the keeper's own tag, so nothing is remembered. */
void slot_feed(struct spawner *p, struct slot *s, const struct msg_input *m)
{
    struct hvc_input in;
    int r = -EAGAIN;

    in.head.type = HVC_INPUT;
    in.head.size = offsetof(struct hvc_input, data) + m->len;
    in.tag = m->head.tag;
    in.writer = m->writer;
    in.offset = m->offset;
    in.flags = m->flags;
    in.len = m->len;
    memcpy(in.data, m->data, m->len);
    if (s->conn_fd >= 0 && s->feeding < FEEDING_MAX)
        r = sock_send(s->conn_fd, &in, in.head.size, NULL, 0);
    if (r < 0)
        chan_input_reply(&p->keeper, &m->head, &m->id, 429,
                         "its monitor is busy");
    else
        s->feeding++;
}

bool slot_fed(struct spawner *p, struct slot *s, const struct hvc_taken *m)
{
    static const struct {
        unsigned status;
        const char *text;
    } means[] = {
        [HVC_TAKEN_OK] = {200, NULL},
        [HVC_TAKEN_FULL] = {429, "the program has to read first"},
        [HVC_TAKEN_WRITER] = {409, "another writer has its console"},
        [HVC_TAKEN_GAP] = {409, "there is a gap before this input"},
        [HVC_TAKEN_ENDED] = {409, "its input has ended"},
    };
    const struct msg_head to = {.type = MSG_FEED, .tag = m->tag};
    struct msg_input_reply reply;

    if (!s->feeding || m->result >= sizeof(means) / sizeof(means[0]))
        return false;
    s->feeding--;
    chan_reply_init(&reply, &to, means[m->result].status,
                    means[m->result].text);
    reply.id = s->id;
    reply.position = m->position;
    reply.accepted = m->accepted;
    reply.ended = m->ended != 0;
    chan_post(&p->keeper, &reply, NULL, 0);
    return true;
}

void slot_pass(struct spawner *p, struct slot *s, const struct msg_attach *m,
               int fd)
{
    struct hvc_attach a = {
        .head = {HVC_ATTACH, sizeof(a)}, .tag = m->head.tag, .kind = m->kind};
    int r = -EAGAIN;

    if (m->kind < HVC_ATTACH_DEBUG || m->kind > HVC_ATTACH_TRACE) {
        chan_input_reply(&p->keeper, &m->head, &m->id, 422,
                         "there is no such way to look inside");
        return;
    }
    if (s->conn_fd >= 0 && s->feeding < FEEDING_MAX)
        r = sock_send(s->conn_fd, &a, sizeof(a), &fd, 1);
    if (r < 0)
        chan_input_reply(&p->keeper, &m->head, &m->id, 429,
                         "its monitor is busy");
    else
        s->feeding++;
}

bool slot_passed(struct spawner *p, struct slot *s,
                 const struct hvc_attached *m)
{
    const struct msg_head to = {.type = MSG_PASS, .tag = m->tag};

    if (!s->feeding)
        return false;
    s->feeding--;
    chan_input_reply(&p->keeper, &to, &s->id, m->error ? 409 : 200,
                     m->error ? "somebody is looking inside it already" : "");
    return true;
}

/* Who has no window has no devices. */
void slot_give(struct slot *s, uint32_t version)
{
    struct hvc_head m = {HVC_GIVE, sizeof(m)};

    if (version <= HVC_VERSION_2 || !s->record->window_kib)
        return;
    s->giving = HV_DEVICE_MAX;
    slot_message_send(s, &m, sizeof(m));
}

bool slot_given(struct spawner *p, struct slot *s, const struct hvc_given *m,
                int fd)
{
    struct msg_given given = {.id = s->id, .index = m->index};

    if (!s->giving || m->index >= HV_DEVICE_MAX)
        return false;
    s->giving--;
    ipc_head(&given, MSG_GIVEN, 0);
    chan_post(&p->keeper, &given, &fd, 1);
    return true;
}

bool slot_device_failed(struct spawner *p, struct slot *s,
                        const struct hvc_failed *m)
{
    struct msg_failed f = {.id = s->id, .index = m->index};

    if (s->state != SLOT_RUNNING && s->state != SLOT_ENDING)
        return false;
    if (s->failed_told++ >= HV_DEVICE_MAX || m->index >= HV_DEVICE_MAX)
        return false;
    ipc_head(&f, MSG_FAILED, 0);
    chan_post(&p->keeper, &f, NULL, 0);
    return true;
}

void slot_halt_send(struct slot *s)
{
    struct hvc_stop m = {.head = {HVC_STOP, sizeof(m)},
                         .cause = s->record->asked_cause};

    slot_message_send(s, &m, sizeof(m));
}

/* An adopted one's monitor that has not greeted yet gives its devices first. */
void slot_act_halt(struct spawner *p, struct slot *s)
{
    if (s->greeted)
        slot_halt_send(s);
    slot_overdue_in(s, s->greeted ? END_NS : GREET_NS);
    slot_arm(p, s);
}

void slot_act_await(struct spawner *p, struct slot *s)
{
    slot_overdue_in(s, END_NS);
    slot_arm(p, s);
}

void slot_act_kill(struct spawner *p, struct slot *s)
{
    if (s->monitor_fd >= 0)
        pidfd_send_signal(s->monitor_fd, SIGKILL, NULL, 0);
    slot_overdue_in(s, END_NS);
    slot_arm(p, s);
}

/* ----------------------------------------------------------------- figures */

static uint64_t group_used_ns(struct spawner *p, struct slot *s)
{
    char name[GROUP_TEXT];
    uint64_t ns = 0;

    if (cgroup_cpu_ns(&p->tree, slot_group_name(name, s), &s->kept, &ns) < 0)
        log_error("slot %u: its CPU time cannot be read", s->index);
    return ns > s->record->cpu_base_ns ? ns - s->record->cpu_base_ns : 0;
}

void slot_watch_again(struct spawner *p, struct slot *s)
{
    cpu_watch_start(&s->watch, group_used_ns(p, s));
    s->look_ns = s->record->cpu_ns ? clock_mono_ns() : 0;
}

void slot_look(struct spawner *p, struct slot *s)
{
    uint64_t used = cpu_watch_used_ns(&s->watch), kib = 0, budget;
    uint64_t before = s->stop_ns;
    char name[GROUP_TEXT];

    if (!used)
        used = group_used_ns(p, s);
    cgroup_memory_kib(&p->tree, slot_group_name(name, s), &s->kept, &kib);
    budget = budget_ns(p, s, kib);
    if (before && budget > before && used + STOP_NEAR_NS >= before)
        budget = s->stop_ns = before;
    if (used >= budget) {
        slot_stop(p, s, HVC_CPU_BUDGET);
        return;
    }
    cpu_watch_allow(&s->watch, budget);
    look_later(s, used);
}

/* Everything known about the domain in it. The page's copy is the caller's. */
static void evidence_take(struct spawner *p, struct slot *s, struct evidence *v,
                          struct hvc_page *page)
{
    const struct record *r = s->record;
    uint64_t kills = 0;
    char name[GROUP_TEXT];

    *v = (struct evidence){
        .started_mono_ns = r->started_mono_ns,
        .noticed_mono_ns = s->died_ns ? s->died_ns : clock_mono_ns(),
        .unseen = s->unseen,
        .cpu_budget_ns = r->cpu_ns,
        .watched = s->watched,
        .budget_hit = s->budget_hit,
        .wall_budget_ns = r->wall_ns,
        .memory_kib = r->memory_kib,
        .console_bytes_max = r->console_bytes,
        .net_in_max = r->net_in_bytes,
        .net_out_max = r->net_out_bytes,
        .asked_cause = r->asked_cause,
    };
    slot_group_name(name, s);
    v->cpu_ns = group_used_ns(p, s);
    cgroup_peak_kib(&p->tree, name, &s->kept, &v->peak_kib);
    cgroup_oom_kills(&p->tree, name, &s->kept, &kills);
    v->oom_killed = kills > r->oom_base;
    if (s->nvolumes) {
        struct fs_meter m;

        slot_volumes_meter(p, s, &m);
        v->fs_read_bytes = m.read_bytes;
        v->fs_write_bytes = m.write_bytes;
        v->fs_ops = m.reads + m.writes + m.syncs;
    }
    if (s->page_fd >= 0 &&
        pread_full(s->page_fd, page, sizeof(*page), 0) == sizeof(*page))
        v->page = page;
}

/* One that was refused is dead too, and never was. */
static bool was_loaded(const struct hvc_page *page)
{
    return page->state == HVC_RUNNING ||
           (page->state == HVC_DEAD && page->cause != HVC_REFUSED);
}

static void figures_fill(struct spawner *p, struct slot *s, bool ended,
                         struct msg_domain *m)
{
    const struct record *r = s->record;
    struct hvc_page page;
    struct evidence v;
    char name[GROUP_TEXT];

    evidence_take(p, s, &v, &page);
    m->id = s->id;
    m->slot = s->index;
    m->domid = r->domid;
    m->engine = r->engine;
    m->letter = slot_letter(s);
    m->cpu_weight = s->weight;
    m->cpu_cap_percent = s->cap;
    m->incarnation = r->incarnation;
    m->max_kib = r->max_kib ? r->max_kib : r->memory_kib;
    if (!ended)
        cgroup_memory_kib(&p->tree, slot_group_name(name, s), &s->kept,
                          &m->mem_kib);
    m->started_real_ns = r->started_real_ns;
    m->now_real_ns = clock_real_ns();
    m->up = v.page && was_loaded(v.page);
    evidence_usage(&v, &m->usage);
    if (ended)
        evidence_cause(&v, m);
}

void slot_tell(struct spawner *p, struct slot *s, enum msg_type type)
{
    struct msg_domain m = {0};

    if (type == MSG_ENDED) {
        m = s->record->ended;
    } else {
        figures_fill(p, s, false, &m);
        if (type == MSG_USAGE)
            shares_told(p, s, m.usage.cpu_ns);
    }
    ipc_head_cut(&m, type, 0, text, strlen(m.text) + 1);
    chan_post(&p->keeper, &m, NULL, 0);
}

/* Its monitor's own word: somebody waits for the answer, not for the bill. */
void slot_tell_over(struct spawner *p, struct slot *s,
                    const struct hvc_exited *x, size_t text_len)
{
    struct msg_domain m = {.id = s->id, .slot = s->index, .cause = x->cause};

    if (!s->tell_over)
        return;
    s->tell_over = false;
    m.incarnation = s->record->incarnation;
    if (x->cause < HVC_POWEROFF || x->cause > HVC_LOST)
        m.cause = HVC_LOST;
    /* The monitor has one clock for both. */
    if (x->cause == HVC_LEASE_LAPSED && s->record->wall_ns &&
        clock_mono_ns() >= s->record->started_mono_ns + s->record->wall_ns) {
        m.cause = HVC_WALL_BUDGET;
        text_len = 0;
    }
    m.status = x->cause == HVC_POWEROFF ? x->status & 0xff : x->status;
    if (text_len > sizeof(m.text) - 1)
        text_len = sizeof(m.text) - 1;
    memcpy(m.text, x->text, strnlen(x->text, text_len));
    ipc_head_cut(&m, MSG_OVER, 0, text, strlen(m.text) + 1);
    chan_post(&p->keeper, &m, NULL, 0);
}

void slot_act_tell(struct spawner *p, struct slot *s)
{
    struct msg_domain *m = &s->record->ended;

    memset(m, 0, sizeof(*m));
    figures_fill(p, s, true, m);
    if (s->budget_hit && s->stop_ns && m->usage.cpu_ns > s->stop_ns)
        end_cost_learn(&p->end_cost, s->end_kib, m->usage.cpu_ns - s->stop_ns);
    record_set_state(s->record, RECORD_ENDED);
    slot_tell(p, s, MSG_ENDED);
}
