// SPDX-License-Identifier: ISC
// What account.c and billing.c share.

#ifndef API_BILLING_H
#define API_BILLING_H

#include "node-agent/api/request.h"

// Whose account: the signer's; the operator says it in the query. false: the
// problem is already the reply.
bool account_whose(struct request *rq, key_id_t *key);

// The argument "month", "2026-11" as 202611; absent: 0. false: as before.
bool account_month(struct request *rq, uint32_t *month);

// Sends to the ledger what it answers with an account.
void account_reply(struct request *rq, struct msg_head *msg);

#endif
