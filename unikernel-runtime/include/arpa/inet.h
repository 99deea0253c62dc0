// SPDX-License-Identifier: ISC
// Addresses as text.
#ifndef _ARPA_INET_H
#define _ARPA_INET_H

#include <netinet/in.h>

#ifdef __cplusplus
extern "C" {
#endif

in_addr_t inet_addr(const char *text);
int inet_aton(const char *text, struct in_addr *address);
char *inet_ntoa(struct in_addr address);
int inet_pton(int family, const char *restrict text, void *restrict address);
const char *inet_ntop(int family, const void *restrict address,
                      char *restrict text, socklen_t len);
in_addr_t inet_network(const char *text);
in_addr_t inet_netof(struct in_addr address);
in_addr_t inet_lnaof(struct in_addr address);
struct in_addr inet_makeaddr(in_addr_t net, in_addr_t host);

#ifdef __cplusplus
}
#endif

#endif
