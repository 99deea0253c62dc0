// SPDX-License-Identifier: ISC
// The api role, as its files see each other. roles.h has its entry point,
// DESIGN.md the whole.

#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "node-agent/agent/msg.h"
#include "node-agent/agent/role.h"
#include "node-agent/api/currency.h"
#include "node-agent/api/known.h"
#include "node-agent/api/metrics.h"
#include "node-agent/api/mux.h"
#include "node-agent/api/spool.h"
#include "node-agent/api/times.h"
#include "node-agent/api/waits.h"

struct nonces;
struct rate;

// One in a process; constant once it serves, except where said.
struct api {
    const struct node_config *cfg;
    struct mux *keeper, *ledger;
    struct nonces *nonces;
    // Requests of an address and of a customer; handshakes of an address.
    struct rate *by_address, *by_customer, *handshakes;
    struct metrics metrics;
    uint64_t started_real_ns;
    struct times times; // has somebody set the clock?
    struct spool spool; // uploads under way
    struct waits waits; // requests that wait
    struct known known; // who has an account
    struct currencies currencies;
    // What the ledger said when the role started.
    char currency[8];
    char ratecard[32]; // version
    char *key_cert;    // certificate of the receipts key, base64
};

// Makes the tables that bound what strangers may do. -ENOMEM.
int api_init(struct api *api, struct err *e);

// Is this user of the machine an operator; one who may change things?
static inline bool api_operator_uid(const struct node_config *cfg, uid_t uid,
                                    bool changes)
{
    for (uint32_t i = 0; i < cfg->noperators; i++)
        if (!cfg->operators[i].is_key && cfg->operators[i].uid == uid &&
            (cfg->operators[i].may_change || !changes))
            return true;
    return uid == 0 || uid == cfg->operator_uid;
}

// Asks the ledger for what stands in struct api. 0 or a negative code.
int api_load(struct api *api, struct err *e);

#endif
