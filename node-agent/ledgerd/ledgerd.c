// SPDX-License-Identifier: ISC
// The ledger role's loop; see ledgerd.h.

#include "node-agent/ledgerd/ledgerd.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "billing/settled.h"
#include "lib/clock.h"

const struct tariff_card *ledgerd_card(const struct ledgerd *d,
                                       const uint8_t *customer)
{
    struct account a;
    const char *currency =
        customer && ledger_account_get(d->ledger, customer, &a, NULL) == 0
            ? a.currency
            : NULL;

    return tariff_pick(&d->tariff, customer, currency,
                       ledger_now_ns(d->ledger));
}

static int cards_read(struct ledgerd *d, const char *path, struct err *e)
{
    int r = tariff_load(&d->tariff, path, e);

    if (r < 0)
        return r;
    d->card = tariff_pick(&d->tariff, NULL, NULL, ledger_now_ns(d->ledger));
    return d->card
               ? 0
               : err_set(e, EINVAL, "%s: no rate card is effective yet", path);
}

// What an earlier run left unsealed is sealed with the first turn.
static int books_open(struct ledgerd *d, const struct ledgerd_options *o,
                      struct err *e)
{
    struct ledger_options lo = {
        .path = o->path, .key = o->key, .clock_ns = books_clock_ns};
    int r;

    books_clock_begin();
    memcpy(lo.node_id, o->node_id, sizeof(lo.node_id));
    r = ledger_open(&d->ledger, &lo, e);
    if (r == 0)
        r = cards_read(d, o->ratecard_path, e);
    if (r == 0)
        r = ledgerd_group(d, e);
    if (r == 0)
        r = ledger_ratecard_set(d->ledger, &d->card->card, e);
    if (r == 0)
        r = ledger_batch_seal(d->ledger, NULL, e);
    if (r < 0)
        return r;
    d->grouped = false;
    return ledger_commit(d->ledger, e);
}

int ledgerd_open(struct ledgerd *d, const struct ledgerd_options *o,
                 struct err *e)
{
    int r;

    *d = (struct ledgerd){
        .reserve = RESERVE_INIT,
        .api.fd = -1,
        .keeper.fd = -1,
        .operator.fd = - 1,
        .api_admin = o->api_admin,
        .lifeline_fd = o->lifeline_fd,
        .batch_ns = o->batch_ns,
        .interval_ns = o->interval_ns,
        .cert = o->key->cert,
    };
    r = chan_open(&d->api, o->api_fd, "api", e);
    if (r == 0)
        r = chan_open(&d->keeper, o->keeper_fd, "keeper", e);
    if (r == 0 && o->operator_fd >= 0)
        r = chan_open(&d->operator, o->operator_fd, "operator", e);
    if (r == 0 && o->invoice_path && *o->invoice_path)
        r = invoice_terms_load(&d->terms, o->invoice_path, e);
    if (r == 0 && o->payment_secret) {
        d->payment_secret_len = o->payment_secret_len;
        memcpy(d->payment_secret, o->payment_secret, o->payment_secret_len);
    }
    reserve_open(&d->reserve, clock_mono_ns());
    if (r == 0)
        r = books_open(d, o, e);
    return r;
}

void ledgerd_close(struct ledgerd *d)
{
    if (d->grouped)
        ledger_rollback(d->ledger);
    if (d->ledger)
        ledger_close(d->ledger);
    reserve_close(&d->reserve);
    chan_close(&d->api);
    chan_close(&d->keeper);
    chan_close(&d->operator);
    tariff_free(&d->tariff);
    sodium_memzero(d->payment_secret, sizeof(d->payment_secret));
    *d = (struct ledgerd){
        .api.fd = -1, .keeper.fd = -1, .operator.fd = - 1, .lifeline_fd = -1};
}

// When the next batch is due by CLOCK_MONOTONIC; UINT64_MAX: nothing waits.
static uint64_t seal_due_ns(const struct ledgerd *d)
{
    uint64_t due_ns, soon_ns = d->sealed_mono_ns + SEAL_SPACING_NS;

    if (!d->unsealed_mono_ns)
        return UINT64_MAX;
    due_ns = d->unsealed_mono_ns + d->batch_ns;
    return d->receipt_wanted && soon_ns < due_ns ? soon_ns : due_ns;
}

static int serve_waiting(struct ledgerd *d, struct chan *from, struct err *e)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    for (int n = 0; n < GROUP_MAX && from->waiting < CHAN_WAITING_MAX; n++) {
        int r = chan_take(from, &any, fds, e);

        if (r <= 0)
            return r;
        ipc_close(fds); // none of our requests carries one
        r = request_serve(d, from, &any, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int seal_and_commit(struct ledgerd *d, struct err *e)
{
    uint64_t now_ns = clock_mono_ns();
    int r;

    if (d->grouped && !d->unsealed_mono_ns)
        d->unsealed_mono_ns = now_ns;
    if (now_ns >= seal_due_ns(d)) {
        r = ledgerd_group(d, e);
        if (r == 0)
            r = ledger_batch_seal(d->ledger, NULL, e);
        if (r < 0)
            return err_prefix(e, "sealing a batch");
        d->unsealed_mono_ns = 0;
        d->sealed_mono_ns = now_ns;
        d->receipt_wanted = false;
        d->sealed = true;
    }
    if (!d->grouped)
        return 0;
    d->grouped = false;
    return ledger_commit(d->ledger, e);
}

static int wait_ms(const struct ledgerd *d, int timeout_ms)
{
    uint64_t due_ns = seal_due_ns(d), now_ns = clock_mono_ns(), ms;

    if (later_due_ns(d) < due_ns)
        due_ns = later_due_ns(d);
    if (due_ns == UINT64_MAX)
        return timeout_ms;
    ms = due_ns > now_ns ? (due_ns - now_ns) / 1000000 + 1 : 0;
    if (timeout_ms >= 0 && ms > (uint64_t)timeout_ms)
        return timeout_ms;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

int ledgerd_turn(struct ledgerd *d, int timeout_ms, struct err *e)
{
    struct pollfd p[] = {
        {.fd = d->lifeline_fd, .events = POLLIN},
        {.fd = d->api.fd, .events = chan_events(&d->api)},
        {.fd = d->keeper.fd, .events = chan_events(&d->keeper)},
        {.fd = d->operator.fd, .events = chan_events(&d->operator)},
    };
    int r;

    if (poll(p, 4, wait_ms(d, timeout_ms)) < 0)
        return errno == EINTR ? 0 : err_errno(e, "poll");
    if (p[0].revents)
        return err_set(e, EPIPE, "the supervisor is gone");
    reserve_look(&d->reserve, clock_mono_ns());
    d->sealed = false;
    books_clock_look(d);
    // The keeper first: customers' work waits for it.
    r = p[2].revents ? serve_waiting(d, &d->keeper, e) : 0;
    if (r == 0 && p[1].revents)
        r = serve_waiting(d, &d->api, e);
    if (r == 0 && p[3].revents)
        r = serve_waiting(d, &d->operator, e);
    if (r == 0)
        r = seal_and_commit(d, e);
    if (r == 0 && (d->sealed || later_due_ns(d) <= clock_mono_ns()))
        r = later_serve(d, clock_mono_ns(), e);
    if (r == 0)
        r = chan_flush(&d->keeper, e);
    if (r == 0)
        r = chan_flush(&d->api, e);
    if (r == 0)
        r = chan_flush(&d->operator, e);
    return r;
}
