// SPDX-License-Identifier: ISC
// What one can ask of a block device. Nothing can be mounted.
#ifndef _SYS_MOUNT_H
#define _SYS_MOUNT_H

#include <sys/ioctl.h>

#define BLKROGET     0x125e     // int *: 1 = read-only
#define BLKFLSBUF    0x1261     // flushes
#define BLKSSZGET    0x1268     // int *: bytes of a block
#define BLKGETSIZE64 0x80081272 // uint64_t *: bytes
#define BLKDISCARD   0x1277     // uint64_t[2]: offset and length in bytes
#define BLKZEROOUT   0x127f     // the same

#endif
