// SPDX-License-Identifier: ISC
// The back ends there are.

#ifndef DEV_BACKENDS_H
#define DEV_BACKENDS_H

#include "hypervisor/dev/device.h"

extern const struct device_ops *const backends[];
extern const size_t backends_count;

// The one for devices that are served from outside, of whatever type.
extern const struct device_ops *const backend_outside;

#endif
