// SPDX-License-Identifier: ISC
// What keeping a volume costs; see volume.h.
//
// Real time is what counts, since files are stored while the node is off. A
// clock that was set back makes no time go by until it is where it was, or, if
// that is more than a day, until the next period, which begins at once. One
// that was set ahead by less than a day costs what it costs until then, and
// nothing for that time when it is set back; by more, it is not believed for an
// hour (lib/clock_watch.h), and then costs no more than the hold of one period.

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/keeper/keeper.h"
#include "node-agent/keeper/volume.h"

#define DAY_NS 86400000000000ull

// There was no money: asked again so much later.
#define UNPAID_RETRY_NS (60ull * 1000000000u)

typedef unsigned __int128 byte_ns_t;

static byte_ns_t byte_ns_get(const struct volume_row *r)
{
    return (byte_ns_t)r->byte_ns_high << 64 | r->byte_ns_low;
}

static void byte_ns_set(struct volume_row *r, byte_ns_t value)
{
    r->byte_ns_low = (uint64_t)value;
    r->byte_ns_high = (uint64_t)(value >> 64);
}

uint64_t volumes_now_ns(struct keeper *k)
{
    return clock_watch_ns(&k->volumes->clock, NULL);
}

// Is it of a future that will not come so soon: was the clock wrong?
static bool is_far(uint64_t real_ns, uint64_t now_ns)
{
    return real_ns > now_ns && real_ns - now_ns > DAY_NS;
}

void volume_integrate(struct volume *v, uint64_t now_real_ns)
{
    struct volume_row *r = &v->row;

    if (now_real_ns <= r->counted_real_ns)
        return;
    // What nobody pays for is not kept count of.
    if (r->period_state != PERIOD_NONE)
        byte_ns_set(r, byte_ns_get(r) + (byte_ns_t)r->info.used_bytes *
                                            (now_real_ns - r->counted_real_ns));
    r->counted_real_ns = now_real_ns;
}

// Whole KiB-ms come off, the rest stays for the next record.
static uint64_t kib_ms_take(struct volume_row *r)
{
    const byte_ns_t unit = 1024u * (byte_ns_t)1000000u;
    byte_ns_t whole = byte_ns_get(r) / unit;

    if (whole > INT64_MAX)
        whole = INT64_MAX; // more than any hold
    byte_ns_set(r, byte_ns_get(r) - whole * unit);
    return (uint64_t)whole;
}

void volume_period_id(const struct volume_row *row, uint64_t period,
                      sub_id_t *id)
{
    static const char context[] = "hostel volume period v1";
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, sizeof(id->b));
    crypto_generichash_update(&state, (const uint8_t *)context,
                              sizeof(context));
    crypto_generichash_update(&state, row->info.id.b, sizeof(row->info.id.b));
    crypto_generichash_update(&state, (const uint8_t *)&period, sizeof(period));
    crypto_generichash_final(&state, id->b, sizeof(id->b));
}

static uint64_t tag_of(const struct volume *v)
{
    return VOLUME_TAG | v->row.number;
}

// All that its quota lets it hold, until the period's end.
static void hold_post(struct keeper *k, struct volume *v)
{
    const struct volume_row *r = &v->row;
    struct msg_hold m = {.customer = r->info.customer, .is_storage = 1};
    uint64_t ms = (r->to_real_ns - r->from_real_ns) / 1000000u + 1;

    volume_period_id(r, r->period, &m.id);
    m.storage_kib_ms = (r->info.quota_bytes + 1023) / 1024 * ms;
    ipc_head(&m, MSG_HOLD, tag_of(v));
    chan_post(&k->ledger, &m, NULL, 0);
    v->asking = true;
}

static void settle_post(struct keeper *k, struct volume *v)
{
    const struct volume_row *r = &v->row;
    struct msg_record m = {.customer = r->info.customer,
                           .sequence = r->settle_kib_ms ? 1 : 0,
                           .from_real_ns = r->from_real_ns,
                           .to_real_ns = r->settle_real_ns,
                           .usage.storage_kib_ms = r->settle_kib_ms};

    volume_period_id(r, r->period, &m.id);
    ipc_head(&m, MSG_SETTLE, tag_of(v));
    chan_post(&k->ledger, &m, NULL, 0);
    v->asking = true;
}

static void period_begin(struct keeper *k, struct volume *v, uint64_t now_ns)
{
    struct volume_row *r = &v->row;

    r->period++;
    r->period_state = PERIOD_ASKED;
    r->from_real_ns = r->to_real_ns;
    if (now_ns > r->to_real_ns || is_far(r->to_real_ns, now_ns))
        r->from_real_ns = now_ns;
    r->counted_real_ns = r->from_real_ns;
    // The end of this day, UTC: so each day's spending has its own.
    r->to_real_ns = (r->from_real_ns / DAY_NS + 1) * DAY_NS;
    volume_touch(k, v);
    hold_post(k, v);
}

static void period_end(struct keeper *k, struct volume *v, uint64_t now_ns)
{
    struct volume_row *r = &v->row;
    uint64_t end_ns = now_ns < r->to_real_ns ? now_ns : r->to_real_ns;

    volume_integrate(v, end_ns);
    r->settle_kib_ms = kib_ms_take(r);
    r->settle_real_ns = end_ns > r->from_real_ns ? end_ns : r->from_real_ns;
    r->period_state = PERIOD_SETTLING;
    volume_touch(k, v);
    settle_post(k, v);
}

void volume_bill(struct keeper *k, struct volume *v, bool last)
{
    uint64_t now_ns = volumes_now_ns(k);
    struct volume_row *r = &v->row;

    if (v->asking)
        return;
    switch (r->period_state) {
    case PERIOD_NONE:
        if (!last && clock_mono_ns() >= v->retry_ns)
            period_begin(k, v, now_ns);
        break;
    case PERIOD_ASKED: // by a predecessor of ours
        hold_post(k, v);
        break;
    case PERIOD_HELD:
        if (last || now_ns >= r->to_real_ns || is_far(r->to_real_ns, now_ns))
            period_end(k, v, now_ns);
        break;
    case PERIOD_SETTLING:
        settle_post(k, v);
        break;
    }
}

void volume_held(struct keeper *k, struct volume *v,
                 const struct msg_hold_reply *m)
{
    struct volume_row *r = &v->row;
    bool paid = m->reply.status == 200;

    v->asking = false;
    if (r->period_state != PERIOD_ASKED)
        return;
    volume_touch(k, v);
    if (!paid) {
        // Nothing of this period is charged; its number is not used again.
        byte_ns_set(r, 0);
        v->retry_ns = clock_mono_ns() + UNPAID_RETRY_NS;
    }
    r->period_state = paid ? PERIOD_HELD : PERIOD_NONE;
    r->info.unpaid = !paid;
    r->info.held_nano = paid ? m->hold_nano : 0;
    r->info.charged_until_real_ns = r->from_real_ns;
    if (!paid && r->info.state == VOLUME_MAKING)
        volume_created(k, v, m->reply.status, m->reply.text);
    volume_step(k, v);
}

void volume_settled(struct keeper *k, struct volume *v,
                    const struct msg_settle_reply *m)
{
    struct volume_row *r = &v->row;

    v->asking = false;
    if (r->period_state != PERIOD_SETTLING)
        return;
    if (m->reply.status != 200)
        log_error("period %llu of volume %u cannot be settled: %s",
                  (unsigned long long)r->period, r->number, m->reply.text);
    r->period_state = PERIOD_NONE;
    r->info.held_nano = 0;
    r->info.charged_until_real_ns = r->settle_real_ns;
    volume_touch(k, v);
    volume_step(k, v);
}
