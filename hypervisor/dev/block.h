// SPDX-License-Identifier: ISC
/*
 * The block back end: virtio-blk over a regular file or a block device.
 *
 * A write is done when the file has it; FLUSH is answered when all that was
 * done before is on the medium (fdatasync). Requests are whole blocks inside
 * the disk, at most BLOCK_DATA_MAX bytes each; what is not gets an error and
 * touches nothing. A request without room for its header or status cannot be
 * answered and breaks the rules.
 */
#ifndef DEV_BLOCK_H
#define DEV_BLOCK_H

#include "hypervisor/dev/device.h"

#define BLOCK_DATA_MAX (1u << 20)

extern const struct device_ops block_ops;

#endif
