// SPDX-License-Identifier: ISC
// Where a node is, and why what answers there is believed to be it.
//
//     host:port           HTTPS; plain HTTP on this machine's own addresses
//     https://host:port   HTTPS
//     http://host:port    plain HTTP, which everybody on the way can read
//
// Over HTTPS either the node's certificate comes from the node itself: it must
// be signed by the key that the context has pinned, and the host's name does
// not matter, since a node is its key. Or it comes from an authority that this
// machine (or the context, by `ca`) trusts, and must name the host.

#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define NODE_PORT_DEFAULT 7070

enum trust {
    TRUST_PLAIN, // no TLS
    TRUST_NODE,  // the node's own key
    TRUST_WEB,   // authorities of this machine
    TRUST_ANY,   // nobody is checked: to ask a stranger who he is
};

struct place {
    char authority[300]; // "host:port", the Host header
    enum trust trust;
    uint8_t node_id[32]; // for TRUST_NODE
    const char *ca;      // for TRUST_WEB: a file instead; kept by reference
    char *socket;        // a unix socket instead; owned
};

// Reads an address. trust becomes TRUST_PLAIN or TRUST_WEB, for the caller to
// narrow.
int place_parse(struct place *p, const char *address, struct err *e);

// Tells a curl handle where to go and whom to believe.
int place_apply(const struct place *p, CURL *curl, const char *target,
                struct err *e);

// The sentence for a transfer that failed.
int place_fail(const struct place *p, CURLcode code, struct err *e);

void place_free(struct place *p);

#endif
