// SPDX-License-Identifier: ISC
// Network devices as lwIP's interfaces.
#ifndef RT_NET_DEVICE_H
#define RT_NET_DEVICE_H

// Starts every network device of the domain, and configures its interface. The
// network's lock is held.
void net_devices_start(void);

#endif
