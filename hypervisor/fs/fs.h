// SPDX-License-Identifier: ISC
/*
 * A volume being served: what all parts of the back end work on. One thread,
 * but for the helpers of job.h, which know their job and nothing else.
 *
 * Functions return 0 or more, or -errno, which is what the guest gets.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "hypervisor/fs/contract.h"

struct node;
struct handle;

struct fs {
    bool read_only, shared;
    uint64_t quota_bytes, quota_files; // 0: none
    struct fs_page *page;              // the volume's, or one of our own
    int page_fd;                       // -1: our own
    struct fs_meter *meter;
    bool counts;      // somebody wants to know what is used
    bool initialised; // FUSE_INIT has come
};

#endif
