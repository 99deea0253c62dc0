// SPDX-License-Identifier: ISC
// What the API asks the keeper.

#include "node-agent/keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "node-agent/keeper/console.h"
#include "node-agent/keeper/function.h"
#include "node-agent/keeper/machine.h"
#include "node-agent/keeper/net.h"
#include "node-agent/keeper/people.h"
#include "node-agent/keeper/quota.h"

#define LIST_MAX    1000u
#define WAIT_NS_MAX (60ull * 1000000000u)
// How long input waits for a program to read; less than the api waits for us.
#define INPUT_NS_MAX (10ull * 1000000000u)
// One program that does not read must not take everybody's places.
#define INPUT_WAITERS_MAX 4u

static const key_id_t operator_key; // all zero: may see everybody's

// ------------------------------------------------------------------- looking

// The submission as this customer may see it, live or from the journal. *live
// is NULL when it is done. False: there is none; *e says so or, with
// k->broken, the journal failed.
static bool look(struct keeper *k, const sub_id_t *id, const key_id_t *customer,
                 struct sub **live, struct sub_info *info)
{
    struct sub stored;
    struct err e;
    int r;

    *live = sub_find(&k->subs, id);
    if (*live) {
        *info = (*live)->info;
    } else {
        r = journal_get(&k->journal, id, &stored, &e);
        if (r < 0 && r != -ENOENT)
            keeper_fail(k, &e);
        if (r < 0)
            return false;
        *info = stored.info;
    }
    return info->state != SUB_ASKED &&
           (!memcmp(customer, &operator_key, sizeof(*customer)) ||
            !memcmp(customer, &info->customer, sizeof(*customer)));
}

#define NONE_SUCH "there is no such submission"
#define INPUT_FUNCTION                                                         \
    "a function's domains live for one request each: `hostel call` sends one"
#define INPUT_OVER "the program is over"
#define INPUT_FULL "the program has to read first"

static void info_post(struct keeper *k, const struct msg_head *to,
                      unsigned status, const char *why,
                      const struct sub_info *info, uint64_t offset, int *fd)
{
    struct msg_info_reply reply;

    chan_reply_init(&reply, to, status, why);
    reply.offset = offset;
    if (info)
        reply.info = *info;
    if (fd && *fd >= 0) {
        int one = steal_fd(fd);

        chan_post(&k->api, &reply, &one, 1);
    } else {
        chan_post(&k->api, &reply, NULL, 0);
    }
}

static int serve_get(struct keeper *k, const union ipc_any *any)
{
    const struct msg_get *m = &any->get;
    struct sub_info info;
    struct sub *live;

    if (look(k, &m->id, &m->customer, &live, &info))
        info_post(k, &m->head, 200, NULL, &info, 0, NULL);
    else
        info_post(k, &m->head, 404, NONE_SUCH, NULL, 0, NULL);
    return 0;
}

static int serve_log(struct keeper *k, const union ipc_any *any)
{
    const struct msg_log *m = &any->log;
    cleanup_close int fd = -1;
    struct sub_info info;
    uint64_t offset = 0;
    struct sub *live;
    struct stat st;

    if (!look(k, &m->id, &m->customer, &live, &info)) {
        info_post(k, &m->head, 404, NONE_SUCH, NULL, 0, NULL);
        return 0;
    }
    if (m->kind == LOG_CONSOLE)
        fd = console_open(k, &info.id, live);
    if (m->kind == LOG_CONSOLE && m->since_real_ns && fd >= 0 &&
        fstat(fd, &st) == 0)
        offset = console_since(k, &info, m->since_real_ns, st.st_size);
    if (m->kind == LOG_FILES)
        fd = store_log_open(&k->store, &info.id, LOG_FILES,
                            live && info.run.output_bytes, NULL);
    else if (m->kind == LOG_BUILD)
        fd = store_log_open(&k->store, &info.id, LOG_BUILD,
                            live && live->is_source, NULL);
    if (fd < 0)
        info_post(k, &m->head, 404,
                  m->kind == LOG_FILES
                      ? "no output files of it are kept, or no longer"
                      : "there is no such log, or no longer",
                  NULL, 0, NULL);
    else
        info_post(k, &m->head, 200, NULL, &info, offset, &fd);
    return 0;
}

// ------------------------------------------------------------------- listing

struct listing {
    struct keeper *k;
    int fd;
    uint64_t count;
};

// A live one is newer in memory than in the journal.
static int list_one(void *arg, const struct sub *stored)
{
    struct listing *l = arg;
    const struct sub *live = sub_find(&l->k->subs, &stored->info.id);

    l->count++;
    return write_full(l->fd, live ? &live->info : &stored->info,
                      sizeof(stored->info));
}

static int serve_list(struct keeper *k, const union ipc_any *any)
{
    struct msg_list m = any->list;
    struct listing l = {.k = k};
    struct msg_count_reply reply;
    struct err e;

    if (m.limit < 1 || m.limit > LIST_MAX)
        m.limit = LIST_MAX;
    l.fd = memfd_create("submissions", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (l.fd < 0) {
        chan_reply_init(&reply, &m.head, 503, "the node has no memory left");
        chan_post(&k->api, &reply, NULL, 0);
        return 0;
    }
    if (journal_list(&k->journal, &m, list_one, &l, &e) < 0)
        keeper_fail(k, &e);
    fcntl(l.fd, F_ADD_SEALS,
          F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    chan_reply_init(&reply, &m.head, 200, NULL);
    reply.count = l.count;
    reply.length = l.count * sizeof(struct sub_info);
    chan_post(&k->api, &reply, &l.fd, 1);
    return 0;
}

// ------------------------------------------------------------------- waiting

static int serve_wait(struct keeper *k, const union ipc_any *any)
{
    const struct msg_wait *m = &any->wait;
    struct waiter w = {
        .kind = WAITS_CHANGE, .to = m->head, .version = m->version};
    uint64_t timeout_ns = m->timeout_ns;
    struct sub_info info;

    if (!look(k, &m->id, &m->customer, &w.sub, &info)) {
        info_post(k, &m->head, 404, NONE_SUCH, NULL, 0, NULL);
        return 0;
    }
    if (timeout_ns > WAIT_NS_MAX)
        timeout_ns = WAIT_NS_MAX;
    w.until_ns = clock_mono_ns() + timeout_ns;
    // What is done will not change; with too many waiting, an early answer.
    if (info.version > m->version || !w.sub || info.state == SUB_DONE ||
        !waiter_add(&k->waiters, &w))
        info_post(k, &m->head, 200, NULL, &info, 0, NULL);
    return 0;
}

static void submit_post(struct keeper *k, const struct waiter *w,
                        unsigned status, unsigned retry_after_s,
                        const char *why, const struct sub_info *info)
{
    struct msg_submit_reply reply;

    chan_reply_init(&reply, &w->to, status, why);
    reply.reply.retry_after_s = retry_after_s;
    if (info)
        reply.info = *info;
    chan_post(&k->api, &reply, NULL, 0);
}

void serve_change(struct keeper *k, struct sub *s)
{
    struct waiter w;

    while (waiter_take(&k->waiters, WAITS_SUBMIT, s, 0, &w))
        submit_post(k, &w, w.good_status, 0, NULL, &s->info);
    while (waiter_take(&k->waiters, WAITS_CHANGE, s, 0, &w))
        info_post(k, &w.to, 200, NULL, &s->info, 0, NULL);
    while (waiter_take(&k->waiters, WAITS_INPUT, s, 0, &w))
        chan_input_reply(&k->api, &w.to, &s->info.id, 409, INPUT_OVER);
}

void serve_refusal(struct keeper *k, struct sub *s, unsigned status,
                   unsigned retry_after_s, const char *why)
{
    struct waiter w;

    while (waiter_take(&k->waiters, WAITS_SUBMIT, s, 0, &w))
        submit_post(k, &w, status, retry_after_s, why, NULL);
}

void serve_expired(struct keeper *k, uint64_t now_ns)
{
    struct waiter w;

    while (waiter_take(&k->waiters, WAITS_CHANGE, NULL, now_ns, &w))
        info_post(k, &w.to, 200, NULL, &w.sub->info, 0, NULL);
    while (waiter_take(&k->waiters, WAITS_INPUT, NULL, now_ns, &w))
        chan_input_reply(&k->api, &w.to, &w.sub->info.id, 429, INPUT_FULL);
}

// -------------------------------------------------------------------- acting

static int serve_destroy(struct keeper *k, const union ipc_any *any)
{
    const struct msg_get *m = &any->get;
    struct sub_info info;
    struct sub *live;

    if (!look(k, &m->id, &m->customer, &live, &info)) {
        chan_reply(&k->api, &m->head, 404, 0, NONE_SUCH);
        return 0;
    }
    if (m->version && m->version != info.version) {
        chan_reply(&k->api, &m->head, 412, 0, "the submission has changed");
        return 0;
    }
    if (live)
        machine_event(k, live, .kind = EV_DESTROY);
    chan_reply_ok(&k->api, &m->head);
    return 0;
}

// May a program that runs be asked this? Makes the waiter for its answer, or
// says why not.
static bool ask_running(struct keeper *k, const struct msg_head *to,
                        const sub_id_t *id, const key_id_t *customer,
                        struct waiter *w)
{
    struct sub_info info;

    *w = (struct waiter){.kind = WAITS_INPUT,
                         .to = *to,
                         .version = ++k->feeds,
                         .until_ns = clock_mono_ns() + INPUT_NS_MAX};
    if (!look(k, id, customer, &w->sub, &info)) {
        chan_input_reply(&k->api, to, id, 404, NONE_SUCH);
        return false;
    }
    if (info.run.mode == RUN_FUNCTION && info.state == SUB_RUNNING) {
        chan_input_reply(&k->api, to, id, 409, INPUT_FUNCTION);
        return false;
    }
    if (info.state != SUB_RUNNING) {
        bool early = info.state < SUB_RUNNING;

        chan_input_reply(&k->api, to, id, early ? 425 : 409,
                         early ? "the program does not run yet" : INPUT_OVER);
        return false;
    }
    if (waiters_of(&k->waiters, WAITS_INPUT, w->sub) < INPUT_WAITERS_MAX &&
        waiter_add(&k->waiters, w))
        return true;
    chan_input_reply(&k->api, to, id, 429, INPUT_FULL);
    return false;
}

static int serve_input(struct keeper *k, const union ipc_any *any)
{
    struct msg_input m = any->input;
    struct waiter w;

    if (ask_running(k, &m.head, &m.id, &m.customer, &w)) {
        ipc_head_cut(&m, MSG_FEED, w.version, data, m.len);
        chan_post(&k->spawner, &m, NULL, 0);
    }
    return 0;
}

// Whoever may look inside; the descriptor is its stream, for the monitor.
static int serve_attach(struct keeper *k, const union ipc_any *any,
                        int fds[IPC_FDS_MAX])
{
    struct msg_attach m = any->attach;
    struct waiter w;

    if (m.head.tag & CHAN_TAG_OTHER && dom_find(k, &m.id))
        return dom_serve_attach(k, &m, fds);
    if (ask_running(k, &m.head, &m.id, &m.customer, &w)) {
        int fd = steal_fd(&fds[0]);

        ipc_head(&m, MSG_PASS, w.version);
        chan_post(&k->spawner, &m, &fd, 1);
    }
    return 0;
}

// A monitor's word travels in it: it is believed about its own domain only.
void serve_fed(struct keeper *k, const struct msg_input_reply *m)
{
    struct sub *s = sub_find(&k->subs, &m->id);
    struct msg_input_reply reply = *m;
    struct waiter w;

    if (!s || !waiter_take_input(&k->waiters, s, m->reply.head.tag, &w))
        return; // it was not waited for any longer
    reply.reply.head.type = w.to.type | MSG_REPLY;
    reply.reply.head.tag = w.to.tag;
    chan_post(&k->api, &reply, NULL, 0);
}

static int serve_capacity(struct keeper *k, const union ipc_any *any);

int serve_drain(struct keeper *k, const union ipc_any *any)
{
    bool on = any->drain.on;
    int fd = -1, r = 0;

    // The file first: what was promised holds after a restart.
    if (on)
        r = fd = open(DRAINING, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    else if (unlink(DRAINING) < 0 && errno != ENOENT)
        r = -1;
    if (fd >= 0)
        close(fd);
    if (r >= 0)
        k->draining = on;
    return serve_capacity(k, any);
}

static int serve_sub_act(struct keeper *k, const union ipc_any *any)
{
    const struct msg_sub_act *m = &any->sub_act;
    struct sub_info info;
    struct sub *live;

    if (!look(k, &m->id, &m->customer, &live, &info))
        chan_reply(&k->api, &m->head, 404, 0, NONE_SUCH);
    else
        dom_serve_sub(k, &m->head, live, m->action, 0);
    return 0;
}

static int serve_capacity(struct keeper *k, const union ipc_any *any)
{
    struct msg_capacity_reply reply;
    const struct sub *s = NULL;

    chan_reply_init(&reply, &any->head, 200, NULL);
    reply.memory_kib = k->memory_kib;
    reply.memory_used_kib = k->memory_used_kib;
    reply.slots = k->cfg.slots;
    reply.slots_used = k->slots_used;
    reply.build_slots = k->cfg.build_slots;
    reply.builds_running = k->builds_running;
    reply.leases = k->nets->n;
    reply.leases_used = k->nets->n - k->nets->nfree;
    reply.queued = k->builds.waiting + k->starts.waiting;
    reply.draining = k->draining;
    reply.full = store_room(&k->store, 0, NULL) < 0;
    reply.agent_cpu_ns = agent_cpu_ns();
    while (any->get.version && (s = sub_next(&k->subs, s)))
        if (s->info.state <= SUB_DONE)
            reply.live[s->info.state]++;
    memcpy(reply.ended, k->ended, sizeof(reply.ended));
    reply.ended_cpu_ns = k->ended_cpu_ns;
    reply.ended_build_cpu_ns = k->ended_build_cpu_ns;
    chan_post(&k->api, &reply, NULL, 0);
    return 0;
}

// ----------------------------------------------------------------- the table

// Where a request says whose it is, all zero being everybody's; 0: nowhere.
#define OWNER(type) offsetof(struct type, customer)

// What a request in nobody's name does.
enum asking { ANYBODY, LOOKS, CHANGES };

static const struct {
    uint32_t type;
    enum asking asking;
    size_t owner_at;
    int (*serve)(struct keeper *k, const union ipc_any *any);
} requests[] = {
    {MSG_GET, LOOKS, OWNER(msg_get), serve_get},
    {MSG_LIST, LOOKS, OWNER(msg_list), serve_list},
    {MSG_WAIT, LOOKS, OWNER(msg_wait), serve_wait},
    {MSG_LOG, LOOKS, OWNER(msg_log), serve_log},
    {MSG_WATCH, LOOKS, OWNER(msg_watch), feed_watch},
    {MSG_DESTROY, CHANGES, OWNER(msg_get), serve_destroy},
    {MSG_INPUT, CHANGES, OWNER(msg_input), serve_input},
    {MSG_SUB_ACT, CHANGES, OWNER(msg_sub_act), serve_sub_act},
    {MSG_CAPACITY, ANYBODY, 0, serve_capacity},
    {MSG_QUOTA, LOOKS, OWNER(msg_quota), quota_serve}, // see may_ask
    {MSG_DRAIN, CHANGES, 0, serve_drain},
    {MSG_AUDIT, ANYBODY, 0, people_audit},
    {MSG_AUDIT_LIST, LOOKS, offsetof(struct msg_audit_list, who),
     people_audit_list},
    {MSG_INVITE, CHANGES, 0, people_invite},
    {MSG_JOIN, CHANGES, OWNER(msg_join), people_join},
    {MSG_KEY, ANYBODY, 0, people_key}, // see may_ask
    {MSG_KEY_LIST, LOOKS, OWNER(msg_account), people_key_list},
    {MSG_VOLUME_LIST, LOOKS, OWNER(msg_volume), volume_list_serve},
};

// Has the node's file operators who sign with a key, from anywhere? Then it is
// the api role's word that one of them did.
static bool operators_sign(const struct keeper *k, bool changes)
{
    for (uint32_t i = 0; i < k->cfg.noperators; i++)
        if (k->cfg.operators[i].is_key &&
            (!changes || k->cfg.operators[i].may_change))
            return true;
    return false;
}

// What is in nobody's name is the operator's, and only its own role asks on its
// behalf: the one that strangers reach must name a customer.
static bool may_ask(const struct keeper *k, const union ipc_any *any,
                    enum asking asking, size_t owner_at)
{
    if (any->head.tag & CHAN_TAG_OTHER)
        return true;
    if (any->head.type == MSG_KEY && any->key.by_operator)
        asking = CHANGES;
    if (any->head.type == MSG_QUOTA && any->quota.set) {
        asking = CHANGES; // a customer may look at his own only
        owner_at = 0;
    }
    return asking == ANYBODY ||
           (owner_at && memcmp((const char *)any + owner_at, &operator_key,
                               sizeof(operator_key))) ||
           operators_sign(k, asking == CHANGES);
}

static int breach(const union ipc_any *any, struct err *e)
{
    return err_set(e, EPROTO, "the api role asks \"%s\" as the operator",
                   ipc_name(any->head.type));
}

int serve_request(struct keeper *k, const union ipc_any *any,
                  int fds[IPC_FDS_MAX], struct err *e)
{
    if (any->head.tag & CHAN_TAG_OTHER && any->head.type >= MSG_DOM_CREATE &&
        any->head.type <= MSG_DOM_DEVICES)
        return dom_serve(k, any, fds, e);
    if (any->head.type == MSG_SUBMIT)
        return submit_serve(k, &any->submit, steal_fd(&fds[0]), e);
    if (any->head.type == MSG_ATTACH)
        return may_ask(k, any, CHANGES, OWNER(msg_attach))
                   ? serve_attach(k, any, fds)
                   : breach(any, e);
    if (any->head.type == MSG_VOLUME)
        return may_ask(k, any, CHANGES, OWNER(msg_volume))
                   ? volume_serve(k, &any->volume, fds, e)
                   : breach(any, e);
    if (any->head.type == MSG_CALL)
        return may_ask(k, any, CHANGES, OWNER(msg_call))
                   ? function_serve(k, &any->call, fds)
                   : breach(any, e);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        if (requests[i].type == any->head.type)
            return may_ask(k, any, requests[i].asking, requests[i].owner_at)
                       ? requests[i].serve(k, any)
                       : breach(any, e);
    return err_set(e, EPROTO, "the api role may not send \"%s\"",
                   ipc_name(any->head.type));
}
