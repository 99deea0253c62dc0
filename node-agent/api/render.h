// SPDX-License-Identifier: ISC
// Messages of the other roles as JSON. Money is told twice, as an integer of
// nano-units ("charged_nano") and as decimal text ("charged"); so are times,
// in ns ("started_ns") and by RFC 3339 ("started_at"). What does not apply is
// null. All return new references, or NULL when there is no memory.

#ifndef API_RENDER_H
#define API_RENDER_H

#include <jansson.h>

#include "node-agent/agent/msg.h"

json_t *render_submission(const struct sub_info *info, const char *currency);

// The same in the currency of its customer's account.
struct api;
json_t *render_submission_of(struct api *api, const struct sub_info *info);
json_t *render_account(const struct account_info *account);
json_t *render_quote(const struct msg_quote_reply *quote);
json_t *render_capacity(const struct msg_capacity_reply *capacity);

// "held", "building", ... ; "exited", "build-failed", ... ; "unknown".
const char *render_state(uint32_t state);
const char *render_outcome(uint32_t outcome);

// 2026-11-22T17:03:44.123456789Z
#define RENDER_TIME_SIZE 40
char *render_time(char out[RENDER_TIME_SIZE], uint64_t real_ns);

#endif
