// SPDX-License-Identifier: ISC
// Between POSIX's addresses and lwIP's.
#ifndef RT_NET_ADDRESS_H
#define RT_NET_ADDRESS_H

#include "unikernel-runtime/net/socket.h"

#include <lwip/err.h>
#include <lwip/ip_addr.h>

// What lwIP calls the addresses that a socket of this family may have.
unsigned address_type(const struct socket *s);

// An IPv4 address in IPv6's clothes becomes a plain one, the unspecified one
// what stands for all that `s` may have. 0, -EINVAL or -EAFNOSUPPORT.
int address_get(const struct socket *s, const struct name *name, ip_addr_t *ip,
                uint16_t *port);

// As a socket of `family` names it.
void address_put(int family, const ip_addr_t *ip, uint16_t port,
                 struct name *name);

// As it is.
void address_name(const ip_addr_t *ip, uint16_t port, struct name *name);

// -errno of an error of lwIP.
int address_error(err_t error);

#endif
