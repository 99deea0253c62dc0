// SPDX-License-Identifier: ISC
// Documents that the ledger makes: it hands over a memfd.

#ifndef API_DOCUMENT_H
#define API_DOCUMENT_H

#include "node-agent/api/request.h"

// Fetches the document that msg (all but its head) describes and replies with
// it, or with the ledger's refusal.
void document_reply(struct request *rq, struct msg_document *msg,
                    const char *type);

// The same, asked again until `until_ns` (CLOCK_MONOTONIC) while the answer is
// 425, not yet: the ledger has no message that says when.
void document_wait_reply(struct request *rq, struct msg_document *msg,
                         const char *type, uint64_t until_ns);

#endif
