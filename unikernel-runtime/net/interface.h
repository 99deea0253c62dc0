// SPDX-License-Identifier: ISC
// The network's interfaces, as POSIX shows them.
#ifndef RT_NET_INTERFACE_H
#define RT_NET_INTERFACE_H

#include "unikernel-runtime/net/socket.h"

#define INTERFACE_NAME_MAX 16

// One address of an interface; an interface without any is shown once, with
// family AF_UNSPEC.
struct interface_address {
    char interface[INTERFACE_NAME_MAX];
    unsigned index, flags;                   // IFF_*
    struct name address, netmask, broadcast; // of length 0 if there is none
};

// The n-th of all addresses: 1, or 0 past the last.
int interface_address_get(unsigned n, struct interface_address *out);

#endif
