// SPDX-License-Identifier: ISC
// Functions and their calls; see function.h.
//
// A call's id is a number of this keeper's life, the call's place in the table
// and how often that was used: whatever the spawner still says about calls of
// an earlier life is nobody's, and is released.

#include "node-agent/keeper/function.h"

#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "node-agent/keeper/machine.h"
#include "node-agent/keeper/meter.h"
#include "node-agent/keeper/quota.h"

#define NS_PER_MS 1000000ull

// Calls answer to tags beyond any submission's place in its table.
#define CALL_TAG 0x80000000u

// With less than this no program gets anywhere.
#define WORTH_NS (1 * NS_PER_MS)

// Of one function, behind those that run: half a second of patience.
#define WAITING_PER_RUNNING 4u

void functions_init(struct functions *f)
{
    memset(f, 0, sizeof(*f));
    randombytes_buf(&f->prefix, sizeof(f->prefix));
    f->last = &f->first;
    f->record_due_ns = UINT64_MAX;
    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        f->call[i].body_fd = f->call[i].answer_fd = -1;
        f->free[f->nfree++] = CALLS_MAX - 1 - i;
    }
}

static void files_close(struct call *c)
{
    if (c->body_fd >= 0)
        close(c->body_fd);
    if (c->answer_fd >= 0)
        close(c->answer_fd);
    c->body_fd = c->answer_fd = -1;
}

void functions_fini(struct functions *f)
{
    for (uint32_t i = 0; i < CALLS_MAX; i++)
        files_close(&f->call[i]);
}

// ------------------------------------------------------------------ the table

static uint32_t index_of(const struct functions *f, const struct call *c)
{
    return c - f->call;
}

static uint64_t tag_of(const struct functions *f, const struct call *c)
{
    return (uint64_t)c->generation << 32 | CALL_TAG | index_of(f, c);
}

static struct call *call_new(struct functions *f)
{
    struct call *c;
    uint32_t index;

    if (!f->nfree)
        return NULL;
    index = f->free[--f->nfree];
    c = &f->call[index];
    *c = (struct call){.generation = c->generation + 1,
                       .used = true,
                       .body_fd = -1,
                       .answer_fd = -1};
    memcpy(c->id.b, &f->prefix, 8);
    memcpy(c->id.b + 8, &index, 4);
    memcpy(c->id.b + 12, &c->generation, 4);
    return c;
}

static void call_free(struct functions *f, struct call *c)
{
    files_close(c);
    c->used = false;
    f->free[f->nfree++] = index_of(f, c);
}

static struct call *call_find(struct functions *f, const sub_id_t *id)
{
    struct call *c;
    uint32_t index;

    memcpy(&index, id->b + 8, 4);
    c = index < CALLS_MAX ? &f->call[index] : NULL;
    return c && c->used && !memcmp(&c->id, id, sizeof(*id)) ? c : NULL;
}

static struct call *call_by_tag(struct functions *f, uint64_t tag)
{
    uint32_t index = (uint32_t)tag & ~CALL_TAG;
    struct call *c = index < CALLS_MAX ? &f->call[index] : NULL;

    return (uint32_t)tag & CALL_TAG && c && c->used && tag_of(f, c) == tag
               ? c
               : NULL;
}

// ------------------------------------------------------------------- answers

static void answer(struct keeper *k, struct call *c, unsigned status,
                   unsigned retry_after_s, const char *why,
                   const struct msg_domain *d)
{
    struct msg_call_reply reply;

    if (c->answered)
        return;
    c->answered = true;
    chan_reply_init(&reply, &c->to, status, why);
    reply.reply.retry_after_s = retry_after_s;
    if (d) {
        reply.outcome = machine_outcome(d->cause, d->status);
        reply.exit_status = d->cause == HVC_POWEROFF ? d->status & 0xff : 0;
    }
    chan_post(&k->api, &reply, NULL, 0);
}

// ------------------------------------------------------------------- taking

// Is it a function of this customer that takes calls? Else the answer's status.
static unsigned callable(struct keeper *k, const struct msg_call *m,
                         struct sub **out, const char **why)
{
    static const key_id_t operator_key;
    struct sub *s = sub_find(&k->subs, &m->id);
    bool own =
        s && (!memcmp(&m->customer, &operator_key, sizeof(key_id_t)) ||
              !memcmp(&m->customer, &s->info.customer, sizeof(key_id_t)));

    *out = s;
    if (!own || s->info.state == SUB_ASKED) {
        *why = "there is no such submission, or it is over";
        return 404;
    }
    if (s->info.run.mode != RUN_FUNCTION) {
        *why = "this submission is no function: it takes no requests";
        return 409;
    }
    if (s->info.state < SUB_RUNNING) {
        *why = "the function is not built yet; try again";
        return 503;
    }
    if (s->info.state != SUB_RUNNING || s->destroyed || s->spent) {
        *why = "the function is over: it takes no more requests";
        return 409;
    }
    if (s->calls_waiting >= WAITING_PER_RUNNING * s->info.run.concurrency) {
        *why = "the function has as many requests waiting as it may";
        return 429;
    }
    return 0;
}

int function_serve(struct keeper *k, const struct msg_call *m,
                   int fds[IPC_FDS_MAX])
{
    struct functions *f = k->functions;
    const char *why = NULL;
    struct sub *s;
    unsigned status = callable(k, m, &s, &why);
    struct call *c = status ? NULL : call_new(f);

    if (!c) {
        struct call refused = {.to = m->head};

        answer(k, &refused, status ? status : 503, status == 409 ? 0 : 1,
               why ? why
                   : "the node has as many requests under way as it takes",
               NULL);
        return 0;
    }
    c->to = m->head;
    c->function = s;
    c->body_fd = steal_fd(&fds[0]);
    c->answer_fd = steal_fd(&fds[1]);
    *f->last = c;
    f->last = &c->next;
    f->waiting++;
    s->calls_waiting++;
    return 0;
}

// ------------------------------------------------------------------- starting

static uint64_t minimum(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t left_of(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

bool function_is_spent(const struct sub *s)
{
    return left_of(s->info.limits.cpu_ns, s->before.cpu_ns) < WORTH_NS ||
           left_of(s->info.limits.wall_ns, s->before.wall_ns) < WORTH_NS;
}

// A whole call's worth, or with no other call under way whatever is left. 0:
// not now.
static uint64_t promise(const struct sub *s, uint64_t limit, uint64_t used,
                        uint64_t promised)
{
    uint64_t left = left_of(limit, used);
    uint64_t want = minimum(s->info.run.request_ms * NS_PER_MS, left);

    return left_of(left, promised) >= want ? want : 0;
}

static bool promise_make(struct call *c)
{
    struct sub *s = c->function;
    const struct sub_limits *l = &s->info.limits;

    c->cpu_ns = promise(s, l->cpu_ns, s->before.cpu_ns, s->promised_cpu_ns);
    c->wall_ns = promise(s, l->wall_ns, s->before.wall_ns, s->promised_wall_ns);
    if (c->cpu_ns < WORTH_NS || c->wall_ns < WORTH_NS)
        return false;
    s->promised_cpu_ns += c->cpu_ns;
    s->promised_wall_ns += c->wall_ns;
    return true;
}

static void promise_end(struct call *c)
{
    c->function->promised_cpu_ns -= c->cpu_ns;
    c->function->promised_wall_ns -= c->wall_ns;
}

static int start_post(struct keeper *k, struct call *c, struct err *e)
{
    struct sub *s = c->function;
    cleanup_close int image = -1, initrd = -1;
    struct msg_start m = {
        .id = c->id,
        .memory_kib = s->info.limits.memory_kib,
        .cpu_ns = c->cpu_ns,
        .wall_ns = c->wall_ns,
        .console_bytes = s->info.limits.console_bytes,
        .lease_mono_ns = clock_mono_ns() + k->cfg.lease_ns,
        .cpu_weight = s->info.run.cpu_weight,
        .cpu_cap_percent = s->info.run.cpu_cap_percent,
        .has_initrd = s->has_initrd,
        .has_source = 1,
        .argc = s->argc,
        .envc = s->envc,
        .cmdline_len = s->cmdline_len,
    };
    int fds[IPC_FDS_MAX], n = 2;

    image = store_get(&k->store, &s->info.customer, s->image, e);
    if (image < 0)
        return image;
    if (s->has_initrd) {
        initrd = store_get(&k->store, &s->info.customer, s->initrd, e);
        if (initrd < 0)
            return initrd;
    }
    // What is refused for want of a slot is started again: copies.
    fds[0] = steal_fd(&image);
    fds[1] = fcntl(c->answer_fd, F_DUPFD_CLOEXEC, 0);
    if (s->has_initrd)
        fds[n++] = steal_fd(&initrd);
    fds[n++] = fcntl(c->body_fd, F_DUPFD_CLOEXEC, 0);
    memcpy(m.name, s->info.name, sizeof(m.name));
    memcpy(m.cmdline, s->cmdline, s->cmdline_len);
    ipc_head_cut(&m, MSG_START, tag_of(k->functions, c), cmdline,
                 s->cmdline_len);
    chan_post(&k->spawner, &m, fds, n);
    explicit_bzero(m.cmdline, s->cmdline_len);
    return 0;
}

static void room_take(struct keeper *k, struct call *c)
{
    c->running = true;
    c->function->calls++;
    k->slots_used++;
    k->memory_used_kib += c->function->info.limits.memory_kib;
    quota_take(k, c->function);
}

static void room_give(struct keeper *k, struct call *c)
{
    c->running = false;
    c->function->calls--;
    k->slots_used--;
    k->memory_used_kib -= c->function->info.limits.memory_kib;
    quota_give(k, c->function);
    promise_end(c);
}

static bool is_room(struct keeper *k, const struct sub *s)
{
    return k->slots_used < k->domains_max && quota_fits(k, s) &&
           k->memory_used_kib + s->info.limits.memory_kib <= k->memory_kib;
}

static void begin(struct keeper *k, struct call *c)
{
    struct err e;

    room_take(k, c);
    if (cmdline_load(k, c->function, &e) == 0 && start_post(k, c, &e) == 0)
        return;
    answer(k, c, 503, 1, e.text, NULL);
    room_give(k, c);
    call_free(k->functions, c);
}

static struct call *unlink_at(struct functions *f, struct call **at)
{
    struct call *c = *at;

    *at = c->next;
    if (!*at)
        f->last = at;
    c->next = NULL;
    c->function->calls_waiting--;
    f->waiting--;
    return c;
}

void function_schedule(struct keeper *k)
{
    struct functions *f = k->functions;
    struct call **at = &f->first;

    while (*at) {
        struct sub *s = (*at)->function;

        if (s->calls < s->info.run.concurrency && is_room(k, s) &&
            promise_make(*at))
            begin(k, unlink_at(f, at));
        else
            at = &(*at)->next;
    }
}

// No clean slot after all: first in line, when there may be one again.
static void wait_again(struct keeper *k, struct call *c)
{
    struct functions *f = k->functions;

    room_give(k, c);
    c->next = f->first;
    if (!f->first)
        f->last = &c->next;
    f->first = c;
    f->waiting++;
    c->function->calls_waiting++;
    k->starts_after_ns = clock_mono_ns() + BUSY_NS;
}

// ----------------------------------------------------------------------- news

static void drained(struct keeper *k, struct sub *s)
{
    bool closed = s->destroyed || s->spent;

    if (s->calls == 0 && (closed || function_is_spent(s)))
        machine_event(k, s, .kind = EV_DRAINED);
}

bool function_started(struct keeper *k, const struct msg_reply *m)
{
    struct functions *f = k->functions;
    struct call *c = call_by_tag(f, m->head.tag);
    struct sub *s;

    if (!c)
        return (uint32_t)m->head.tag & CALL_TAG;
    s = c->function;
    if (m->status < 400) {
        files_close(c);
        return true;
    }
    if (m->status == 503 && !s->destroyed && !s->spent) {
        wait_again(k, c);
        return true;
    }
    answer(k, c, 503, 1, "the node could not start the domain", NULL);
    room_give(k, c);
    call_free(f, c);
    drained(k, s);
    return true;
}

static void ended(struct keeper *k, struct call *c, const struct msg_domain *d)
{
    struct functions *f = k->functions;
    struct sub *s = c->function;

    answer(k, c, 200, 0, d->text, d);
    meter_call(s, &d->usage);
    s->info.incarnation++;
    s->unrecorded = true;
    if (f->record_due_ns == UINT64_MAX)
        f->record_due_ns = clock_mono_ns() + k->cfg.interval_ns;
    machine_release(k, &c->id);
    room_give(k, c);
    call_free(f, c);
    drained(k, s);
}

bool function_news(struct keeper *k, const struct msg_domain *m)
{
    struct call *c = call_find(k->functions, &m->id);

    if (!c || !c->running)
        return false;
    if (m->head.type == MSG_OVER)
        answer(k, c, 200, 0, m->text, m);
    else if (m->head.type == MSG_ENDED)
        ended(k, c, m);
    return true;
}

void function_renew(struct keeper *k, uint64_t lease_mono_ns)
{
    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        const struct call *c = &k->functions->call[i];
        struct msg_renew m = {.id = c->id, .lease_mono_ns = lease_mono_ns};

        if (!c->used || !c->running)
            continue;
        ipc_head(&m, MSG_RENEW, 0);
        chan_post(&k->spawner, &m, NULL, 0);
    }
}

void function_record(struct keeper *k, uint64_t now_ns)
{
    uint64_t now_real_ns = clock_real_ns();

    if (now_ns < k->functions->record_due_ns)
        return;
    k->functions->record_due_ns = UINT64_MAX;
    for (struct sub *s = sub_next(&k->subs, NULL); s;
         s = sub_next(&k->subs, s)) {
        if (!s->unrecorded || s->info.state != SUB_RUNNING)
            continue;
        if (s->record_pending) // the ledger is slow: the next interval's
            k->functions->record_due_ns = now_ns + k->cfg.interval_ns;
        else
            s->unrecorded = false;
        machine_record(k, s, now_real_ns);
    }
}

bool function_close(struct keeper *k, struct sub *s)
{
    struct functions *f = k->functions;

    for (struct call **at = &f->first; *at;) {
        if ((*at)->function == s) {
            struct call *c = unlink_at(f, at);

            answer(k, c, 409, 0, "the function is over", NULL);
            call_free(f, c);
        } else {
            at = &(*at)->next;
        }
    }
    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        const struct call *c = &f->call[i];
        struct msg_stop m = {.id = c->id, .cause = HVC_STOPPED};

        if (!c->used || c->function != s)
            continue;
        ipc_head(&m, MSG_STOP, 0);
        chan_post(&k->spawner, &m, NULL, 0);
    }
    return s->calls == 0;
}
