// SPDX-License-Identifier: ISC
// The back ends there are; see backends.h.

#include "hypervisor/dev/backends.h"

#include "hypervisor/dev/block.h"
#include "hypervisor/dev/net.h"
#include "hypervisor/dev/vhost.h"

const struct device_ops *const backends[] = {
    &block_ops,
    &net_ops,
};
const size_t backends_count = sizeof(backends) / sizeof(backends[0]);
const struct device_ops *const backend_outside = &vhost_ops;
