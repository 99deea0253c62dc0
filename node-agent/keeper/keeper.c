// SPDX-License-Identifier: ISC
// The keeper's loop; see keeper.h.

#include "node-agent/keeper/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/keeper/console.h"
#include "node-agent/keeper/function.h"
#include "node-agent/keeper/machine.h"
#include "node-agent/keeper/net.h"
#include "node-agent/keeper/people.h"
#include "node-agent/keeper/quota.h"
#include "node-agent/keeper/service.h"

// ------------------------------------------------------------- open and close

// The keeper must know the currency of the node's prices before it can take a
// bundle; a quote for nothing tells it. The API waits meanwhile.
static void currency_ask(struct keeper *k)
{
    struct msg_quote m = {0};

    ipc_head(&m, MSG_QUOTE, 0);
    chan_post(&k->ledger, &m, NULL, 0);
}

static int channels_open(struct keeper *k, const struct keeper_fds *fds,
                         struct err *e)
{
    int r = chan_open(&k->api, fds->api, "api", e);

    if (r == 0)
        r = chan_open(&k->ledger, fds->ledger, "ledger", e);
    if (r == 0)
        r = chan_open(&k->spawner, fds->spawner, "spawner", e);
    if (r == 0)
        r = chan_open(&k->builder, fds->builder, "builder", e);
    if (r == 0)
        r = chan_open(&k->volumed, fds->volumed, "volumes", e);
    if (r == 0 && fds->net >= 0)
        r = chan_open(&k->net, fds->net, "net", e);
    if (r == 0 && fds->operator>= 0)
        r = chan_open(&k->operator, fds->operator, "operator", e);
    k->api.other = &k->operator;
    return r;
}

// 0 means 100 percent in configurations that tests make.
static void capacity_reckon(struct keeper *k)
{
    uint32_t percent =
        k->cfg.memory_overcommit ? k->cfg.memory_overcommit : 100;
    uint64_t by_cpu = (uint64_t)k->cfg.domains_per_cpu * get_nprocs();

    k->memory_kib = k->cfg.memory_kib / 100 * percent;
    if (percent == 100)
        k->memory_kib = k->cfg.memory_kib;
    k->domains_max = k->cfg.slots;
    if (by_cpu && by_cpu < k->domains_max)
        k->domains_max = by_cpu;
}

// Either the node was off for days, or the clock is wrong.
static void clock_begin(struct keeper *k)
{
    clock_watch_begin(&k->clock, journal_written_ns("keeper.db"));
    if (clock_watch_doubts(&k->clock))
        log_info("the clock is more than a day ahead of the journal's last "
                 "change: for an hour nothing is deleted for its age");
}

int keeper_open(struct keeper *k, const struct node_config *cfg,
                const struct keeper_fds *fds, struct err *e)
{
    int r;

    memset(k, 0, sizeof(*k));
    k->cfg = *cfg;
    k->lifeline_fd = fds->lifeline;
    if (fds->secrets)
        k->secrets = *fds->secrets;
    k->adopting = true;
    k->rested_due_ns = UINT64_MAX;
    k->store = (struct store){.blobs = -1, .logs = -1};
    k->operator.fd = - 1;
    k->reserve = (struct reserve)RESERVE_INIT;
    k->volumed.fd = -1;
    k->net.fd = -1;
    shelf_open(&k->doms.shelf, fds->shelf);
    subs_init(&k->subs);
    feed_open(&k->feed, clock_real_ns());
    k->functions = malloc(sizeof(*k->functions));
    if (!k->functions)
        return err_set(e, ENOMEM, "no memory for functions");
    functions_init(k->functions);
    k->quotas = quotas_new();
    k->joins = joins_new();
    if (!k->quotas || !k->joins)
        return err_set(e, ENOMEM, "no memory for quotas");
    capacity_reckon(k);
    r = channels_open(k, fds, e);
    reserve_open(&k->reserve, clock_mono_ns());
    if (r == 0)
        r = store_open(&k->store, STORE_BYTES_MAX, e);
    clock_begin(k);
    if (r == 0)
        r = journal_open(&k->journal, "keeper.db", e);
    if (r < 0)
        return r;
    k->draining = access(DRAINING, F_OK) == 0;
    k->lease_due_ns = clock_mono_ns() + k->cfg.lease_ns / 3;
    k->sweep_due_ns = clock_mono_ns() + SWEEP_NS;
    currency_ask(k);
    r = volumes_open(k, e);
    if (r == 0)
        r = nets_open(k, e);
    if (r == 0)
        r = recover_journal(k, e);
    if (r == 0)
        net_recover(k);
    return r < 0 ? r : doms_open(k, e);
}

void keeper_close(struct keeper *k)
{
    if (k->functions)
        functions_fini(k->functions);
    free(k->functions);
    quotas_free(k->quotas);
    nets_close(k);
    joins_free(k->joins);
    volumes_close(k);
    lane_fini(&k->builds);
    lane_fini(&k->starts);
    subs_fini(&k->subs);
    doms_close(k);
    journal_close(&k->journal);
    store_close(&k->store);
    reserve_close(&k->reserve);
    chan_close(&k->api);
    chan_close(&k->ledger);
    chan_close(&k->spawner);
    chan_close(&k->builder);
    chan_close(&k->volumed);
    chan_close(&k->net);
    chan_close(&k->operator);
}

void keeper_fail(struct keeper *k, const struct err *e)
{
    if (!k->broken)
        k->failure = *e;
    k->broken = true;
}

// --------------------------------------------------------------------- timers

static void leases_renew(struct keeper *k)
{
    uint64_t until_ns = clock_mono_ns() + k->cfg.lease_ns;

    for (struct sub *s = sub_next(&k->subs, NULL); s;
         s = sub_next(&k->subs, s)) {
        struct msg_renew m = {.id = s->info.id, .lease_mono_ns = until_ns};

        if (s->info.state != SUB_RUNNING || s->info.run.mode == RUN_FUNCTION)
            continue;
        ipc_head(&m, MSG_RENEW, 0);
        chan_post(&k->spawner, &m, NULL, 0);
    }
    doms_renew(k, until_ns);
}

static bool blob_used(void *arg, const key_id_t *customer,
                      const uint8_t name[32])
{
    struct keeper *k = arg;

    for (const struct sub *s = sub_next(&k->subs, NULL); s;
         s = sub_next(&k->subs, s)) {
        if (memcmp(&s->info.customer, customer, sizeof(*customer)))
            continue;
        if (!memcmp(s->bundle, name, 32) || !memcmp(s->image, name, 32) ||
            !memcmp(s->initrd, name, 32))
            return true;
    }
    return doms_use_blob(k, customer, name);
}

static void forget_log(void *arg, const sub_id_t *id)
{
    struct keeper *k = arg;

    store_log_drop(&k->store, id);
}

// Should the turn fail, rows are left without their logs, and go the next time.
static void forget_old(struct keeper *k)
{
    // What is deleted does not come back when the clock is set right.
    uint64_t now_ns = clock_watch_ns(&k->clock, NULL), keep_s = KEEP_S;
    struct err e;

    if (store_free(&k->store) < FREE_LOW)
        keep_s = KEEP_LOW_S;
    if (journal_forget(&k->journal, now_ns - keep_s * 1000000000u,
                       now_ns / 1000000000u, FORGET_ROWS, forget_log, k,
                       &e) < 0)
        keeper_fail(k, &e);
    people_forget(k, now_ns);
    if (journal_built_forget(&k->journal, now_ns - KEEP_S * 1000000000u, &e) <
        0)
        keeper_fail(k, &e);
}

static void timers_run(struct keeper *k)
{
    uint64_t now_ns = clock_mono_ns();
    int64_t step_ns;

    clock_watch_ns(&k->clock, &step_ns);
    clock_step_log(&k->clock, step_ns);

    serve_expired(k, now_ns);
    doms_timers(k, now_ns);
    service_rested(k, now_ns);
    function_record(k, now_ns);
    volumes_timers(k, now_ns);
    if (now_ns >= k->lease_due_ns) {
        leases_renew(k);
        function_renew(k, now_ns + k->cfg.lease_ns);
        submit_expire(k, now_ns);
        forget_old(k);
        k->lease_due_ns = now_ns + k->cfg.lease_ns / 3;
    }
    if (now_ns >= k->sweep_due_ns) {
        store_sweep(&k->store, BLOB_KEEP_S, blob_used, k);
        k->sweep_due_ns = now_ns + SWEEP_NS;
    }
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int wait_ms(const struct keeper *k, int timeout_ms)
{
    uint64_t now_ns = clock_mono_ns(), due_ns, ms;

    due_ns = min_u64(min_u64(k->lease_due_ns, k->sweep_due_ns),
                     waiters_due_ns(&k->waiters));
    due_ns = min_u64(due_ns, doms_due_ns(k));
    due_ns = min_u64(due_ns, feed_due_ns(&k->feed));
    due_ns = min_u64(due_ns, k->rested_due_ns);
    due_ns = min_u64(due_ns, k->functions->record_due_ns);
    due_ns = min_u64(due_ns, volumes_due_ns(k));
    if ((k->starts.waiting || k->functions->waiting) &&
        k->starts_after_ns > now_ns)
        due_ns = min_u64(due_ns, k->starts_after_ns);
    if (k->builds.waiting && k->builds_after_ns > now_ns)
        due_ns = min_u64(due_ns, k->builds_after_ns);
    ms = due_ns > now_ns ? (due_ns - now_ns) / 1000000 + 1 : 0;
    if (timeout_ms >= 0)
        ms = min_u64(ms, timeout_ms);
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

// ------------------------------------------------------------------- the turn

enum peer {
    PEER_SPAWNER,
    PEER_BUILDER,
    PEER_LEDGER,
    PEER_VOLUMED,
    PEER_NET,
    PEER_OPERATOR,
    PEER_API,
    PEERS
};

static struct chan *peer_chan(struct keeper *k, enum peer p)
{
    struct chan *const chans[PEERS] = {&k->spawner, &k->builder, &k->ledger,
                                       &k->volumed, &k->net,
                                       &k->operator, & k->api };

    return chans[p];
}

static int dispatch(struct keeper *k, enum peer p, union ipc_any *any,
                    int fds[IPC_FDS_MAX], struct err *e)
{
    switch (p) {
    case PEER_SPAWNER:
        if (any->head.type == MSG_GIVEN) {
            doms_given(k, &any->given, fds);
            return 0;
        }
        if (any->head.type == MSG_FAILED) {
            doms_failed(k, &any->failed);
            return 0;
        }
        return news_of_spawner(k, any, e);
    case PEER_BUILDER:
        return news_of_builder(k, any, fds, e);
    case PEER_NET:
        return news_of_net(k, any, fds, e);
    case PEER_LEDGER:
        return news_of_ledger(k, any, e);
    case PEER_VOLUMED:
        return volumes_job_news(k, any, fds, e);
    case PEER_OPERATOR:
        any->head.tag |= CHAN_TAG_OTHER;
        return serve_request(k, any, fds, e);
    default:
        if (any->head.tag & CHAN_TAG_OTHER)
            return err_set(e, EPROTO, "the api role forges a tag");
        return serve_request(k, any, fds, e);
    }
}

static int take_waiting(struct keeper *k, enum peer p, struct err *e)
{
    struct chan *c = peer_chan(k, p);
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    for (int n = 0; n < TURN_MAX && c->waiting < CHAN_WAITING_MAX; n++) {
        int r = chan_take(c, &any, fds, e);

        if (r <= 0)
            return r;
        k->taken++;
        r = dispatch(k, p, &any, fds, e);
        ipc_close(fds);
        if (r < 0)
            return r;
    }
    return 0;
}

static void ended_count(struct keeper *k, const struct sub_info *info)
{
    if (info->outcome <= OUTCOME_LOST)
        k->ended[info->outcome]++;
    k->ended_cpu_ns += info->usage.cpu_ns;
    k->ended_build_cpu_ns += info->usage.build_cpu_ns;
}

// Everything that changed, in one transaction; then those who wait for it.
static int save(struct keeper *k, struct err *e)
{
    while (k->subs.touched) {
        struct sub *s = k->subs.touched;
        int r = journal_save(&k->journal, s, e);

        if (r < 0)
            return r;
        k->subs.touched = s->touched_next;
        s->touched = false;
        serve_change(k, s);
        feed_add(k, s);
        if (s->info.state == SUB_DONE) {
            quota_leave(k, s);
            ended_count(k, &s->info);
            sub_free(&k->subs, s);
        }
    }
    if (k->broken) {
        *e = k->failure;
        return -EIO;
    }
    if (doms_save(k, e) < 0 || volumes_save(k, e) < 0)
        return -EIO;
    if (journal_commit(&k->journal, e) < 0)
        return -EIO;
    console_reuse(k);
    feed_serve(k, clock_mono_ns());
    return 0;
}

static int flush(struct keeper *k, struct err *e)
{
    for (enum peer p = 0; p < PEERS; p++) {
        int r = chan_flush(peer_chan(k, p), e);

        if (r < 0)
            return r;
    }
    return 0;
}

// Lets more messages come for one commit, see GATHER_NS.
static void gather(struct keeper *k)
{
    uint64_t since_ns = clock_mono_ns() - k->saved_ns;
    bool busy = k->taken >= GATHER_MIN;

    k->taken = 0;
    if (busy && since_ns < GATHER_NS)
        clock_nanosleep(CLOCK_MONOTONIC, 0,
                        &(struct timespec){.tv_nsec = GATHER_NS - since_ns},
                        NULL);
}

int keeper_turn(struct keeper *k, int timeout_ms, struct err *e)
{
    struct pollfd fd[PEERS + 1];
    int r = flush(k, e); // what opening it has posted

    if (r < 0)
        return r;
    for (enum peer p = 0; p < PEERS; p++) {
        const struct chan *c = peer_chan(k, p);

        fd[p] = (struct pollfd){.fd = c->fd, .events = chan_events(c)};
    }
    if (!*k->currency)
        fd[PEER_API].fd = fd[PEER_OPERATOR].fd = -1;
    fd[PEERS] = (struct pollfd){.fd = k->lifeline_fd, .events = POLLIN};
    if (poll(fd, PEERS + 1, wait_ms(k, timeout_ms)) < 0)
        return errno == EINTR ? 0 : err_errno(e, "poll");
    if (fd[PEERS].revents)
        return err_set(e, EPIPE, "the supervisor is gone");
    gather(k);
    reserve_look(&k->reserve, clock_mono_ns());
    for (enum peer p = 0; p < PEERS && r == 0; p++)
        if (fd[p].revents)
            r = take_waiting(k, p, e);
    if (r < 0)
        return r;
    timers_run(k);
    machine_schedule(k);
    r = save(k, e);
    if (r == 0)
        r = flush(k, e);
    k->saved_ns = clock_mono_ns();
    return r;
}
