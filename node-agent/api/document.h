// SPDX-License-Identifier: ISC
// Documents that the ledger makes: it hands over a memfd.

#ifndef API_DOCUMENT_H
#define API_DOCUMENT_H

#include "node-agent/api/request.h"

// One way to have a document: what the argument "format" says for it.
struct document_format {
    const char *name, *type; // type: for Content-Type
    uint32_t kind;           // enum document_kind
};

// The one that the argument "format" names; absent: the first. NULL: it names
// none, and the problem is already the reply.
const struct document_format *
document_format(struct request *rq, const struct document_format *formats,
                size_t count);
#define document_format_of(rq, formats)                                        \
    document_format(rq, formats, sizeof(formats) / sizeof((formats)[0]))

// Fetches the document that msg (all but its head) describes and replies with
// it, or with the ledger's refusal.
void document_reply(struct request *rq, struct msg_document *msg,
                    const char *type);

// The same, asked again until `until_ns` (CLOCK_MONOTONIC) while the answer is
// 425, not yet: the ledger has no message that says when.
void document_wait_reply(struct request *rq, struct msg_document *msg,
                         const char *type, uint64_t until_ns);

#endif
