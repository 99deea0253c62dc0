// SPDX-License-Identifier: ISC
/*
 * Devices that an outside back end serves, by the vhost-user protocol: the
 * monitor is its front end. The back end gets the I/O window and nothing else
 * of the domain, works on the rings itself, and rings an eventfd. It is a
 * program of the operator's that a guest may have taken over: what it sends is
 * checked, what it does not send is not waited for once the domain runs, and
 * its end is the device's failure, not the domain's.
 *
 * Descriptors of HVC_DEVICE: the connected socket, the eventfd by which the
 * back end calls, then one eventfd a queue by which it is kicked. Nobody else
 * keeps those.
 */
#ifndef DEV_VHOST_H
#define DEV_VHOST_H

#include "hypervisor/dev/device.h"

#define VHOST_QUEUES_MAX (HVC_DEVICE_FDS_MAX - 2)

extern const struct device_ops vhost_ops;

#endif
