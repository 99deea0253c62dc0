// SPDX-License-Identifier: ISC
// The HTTP server: libmicrohttpd, one thread a connection.

#ifndef API_SERVER_H
#define API_SERVER_H

#include <stdbool.h>

#include "node-agent/api/api.h"

struct server;

// Serves a listening socket, which it takes; local: a unix socket. NULL on
// failure.
struct server *server_start(struct api *api, int listen_fd, bool local);

// Ends all connections and joins their threads.
void server_stop(struct server *s);

#endif
