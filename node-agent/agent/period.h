// SPDX-License-Identifier: ISC
// What a submission that runs on and on is to the ledger: a chain of
// *periods*, numbered from 0, each of them held, recorded and settled like a
// submission of its own (keeper/period.h). Period 0 has the submission's own
// number.
#ifndef AGENT_PERIOD_H
#define AGENT_PERIOD_H

#include <sodium.h>
#include "node-agent/agent/msg.h"

static inline sub_id_t period_id(const sub_id_t *id, uint32_t period)
{
    static const char context[] = "hostel submission period v1";
    crypto_generichash_state state;
    uint64_t number = period;
    sub_id_t out = *id;

    if (!period)
        return out;
    crypto_generichash_init(&state, NULL, 0, sizeof(out.b));
    crypto_generichash_update(&state, (const uint8_t *)context,
                              sizeof(context));
    crypto_generichash_update(&state, id->b, sizeof(id->b));
    crypto_generichash_update(&state, (const uint8_t *)&number, sizeof(number));
    crypto_generichash_final(&state, out.b, sizeof(out.b));
    return out;
}

#endif
