// SPDX-License-Identifier: ISC
// Who is asking.
//
// On the unix socket the kernel says so: root and the operator's uid are the
// operator, unless the request is signed by a customer. On TCP a customer
// signs the request (httpsig.h): @method, @authority, @path, @query and, with
// a body, content-digest; parameters created (within SIGNATURE_AGE_S), keyid
// (the public key in hex), nonce (never used before,
// where the request changes something) and tag,
// which names this node (v1.h).

#ifndef API_AUTH_H
#define API_AUTH_H

#include <stdbool.h>

#include "node-agent/api/request.h"
#include "node-agent/api/v1.h"

// Fills in rq->caller once the whole body is there. An unsigned request from
// anywhere else is CALLER_NOBODY, which is for the route to judge. false: the
// signature is bad, and that is the reply.
bool auth_caller(struct request *rq);

// 401 for a request that needs a signature.
void auth_demand(struct request *rq);

#endif
