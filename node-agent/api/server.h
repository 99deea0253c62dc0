// SPDX-License-Identifier: ISC
// The HTTP server: libmicrohttpd, one thread a connection.

#ifndef API_SERVER_H
#define API_SERVER_H

#include <stdbool.h>

#include "node-agent/api/api.h"

struct server;

enum server_kind {
    SERVER_TCP,     // customers, plain
    SERVER_LOCAL,   // a unix socket
    SERVER_TLS,     // customers; tls_load must have been called
    SERVER_METRICS, // who watches the node: health and figures alone
};

// Serves a listening socket, which it takes. NULL on failure.
struct server *server_start(struct api *api, int listen_fd,
                            enum server_kind kind);

// Ends all connections and joins their threads.
void server_stop(struct server *s);

#endif
