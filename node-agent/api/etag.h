// SPDX-License-Identifier: ISC
// Entity tags (RFC 9110, 8.8.3 and 13): a client need not fetch what it has,
// and can insist that nothing has changed since it looked.

#ifndef API_ETAG_H
#define API_ETAG_H

#include <stdbool.h>

#include "node-agent/api/request.h"

// Names what the answer will hold; text has no quotes in it. true: the client
// has just this (If-None-Match), and 304 is the reply.
bool etag_known(struct request *rq, const char *text);

// Without setting anything: does If-Match let the request act on what has this
// tag? Without the header, yes.
bool etag_matches(const struct request *rq, const char *text);

#endif
