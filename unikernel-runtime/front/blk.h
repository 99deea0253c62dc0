// SPDX-License-Identifier: ISC
/*
 * Block devices: /dev/vda, /dev/vdb ... A call blocks its thread alone. Any
 * offset and length will do, though what is not whole blocks costs a read
 * before a write.
 */
#ifndef RT_BLK_H
#define RT_BLK_H

#include "unikernel-runtime/fs/file.h"

#define BLK_MAX 16

// How many there are.
unsigned blk_count(void);

// Files of this kind have the number of their device as their object.
extern const struct file_ops blk_file_ops;

#endif
