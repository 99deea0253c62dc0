// SPDX-License-Identifier: ISC
// The domain's files as the host hands them over: a cpio archive in memory.
#ifndef RT_INITRD_H
#define RT_INITRD_H

// Puts every file of the initrd, if there is one, into the ramfs.
void initrd_load(void);

#endif
