// SPDX-License-Identifier: ISC
// Requests to the spawner on an operator's behalf; see dom.h.

#include "node-agent/keeper/dom.h"

#include "lib/clock.h"
#include "node-agent/keeper/keeper.h"

// Console input that the guest has no room for.
#define FEED_NS 5000000000ull

static uint64_t ask_tag(const struct doms *t, const struct dom_ask *ask)
{
    return DOM_TAG | (uint64_t)ask->generation << 16 |
           (uint64_t)(ask - t->ask);
}

uint64_t dom_ask_new(struct keeper *k, enum dom_ask_kind kind, int64_t serial,
                     const struct msg_head *to)
{
    for (uint32_t i = 0; i < DOM_ASKS_MAX; i++) {
        struct dom_ask *ask = &k->doms.ask[i];
        uint32_t generation = ask->generation + 1;

        if (ask->kind)
            continue;
        *ask = (struct dom_ask){
            .kind = kind, .generation = generation, .serial = serial};
        if (to) {
            ask->asked = true;
            ask->to = *to;
        }
        ask->due_ns =
            kind == ASK_FEED ? clock_mono_ns() + FEED_NS : UINT64_MAX;
        return ask_tag(&k->doms, ask);
    }
    return 0;
}

bool dom_ask_take(struct keeper *k, uint64_t tag, struct dom_ask *out)
{
    struct dom_ask *ask = &k->doms.ask[tag & 0xffff];

    if (!(tag & DOM_TAG) || (tag & 0xffff) >= DOM_ASKS_MAX || !ask->kind ||
        ask_tag(&k->doms, ask) != tag)
        return false;
    *out = *ask;
    ask->kind = 0;
    return true;
}

void dom_asks_expire(struct keeper *k, uint64_t now_ns)
{
    for (uint32_t i = 0; i < DOM_ASKS_MAX; i++) {
        struct dom_ask *ask = &k->doms.ask[i];

        if (ask->kind != ASK_FEED || now_ns < ask->due_ns)
            continue;
        chan_input_reply(&k->api, &ask->to, &(sub_id_t){{0}}, 429,
                         "the program has to read first");
        ask->kind = 0;
    }
}

uint64_t dom_asks_due_ns(const struct keeper *k)
{
    uint64_t due_ns = UINT64_MAX;

    for (uint32_t i = 0; i < DOM_ASKS_MAX; i++)
        if (k->doms.ask[i].kind && k->doms.ask[i].due_ns < due_ns)
            due_ns = k->doms.ask[i].due_ns;
    return due_ns;
}
