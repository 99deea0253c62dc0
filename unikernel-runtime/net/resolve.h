// SPDX-License-Identifier: ISC
// Asking name servers.
#ifndef RT_NET_RESOLVE_H
#define RT_NET_RESOLVE_H

#include "unikernel-runtime/net/socket.h"

// The address of `family` that a name has; takes no longer than the name
// server's last try. 0; -ENOENT: it has none; -EAGAIN: nobody answered;
// -EINVAL: not a name.
int resolve_ask(const char *host, int family, struct name *out);

// How many name servers are known, and one more of them.
int resolve_servers(void);
void resolve_server_add(const struct name *server);

#endif
