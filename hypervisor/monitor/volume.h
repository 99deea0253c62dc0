// SPDX-License-Identifier: ISC
/*
 * A volume as an operator writes it, and its back end (hypervisor/fs):
 *
 *     FOLDER:MOUNT[:OPTION]...
 *
 * FOLDER is the host's, MOUNT where the domain finds it. Options are ro, rw,
 * shared, quota=BYTES (with K, M, G or T behind the number), files=N.
 */
#ifndef MONITOR_VOLUME_H
#define MONITOR_VOLUME_H

#include <limits.h>
#include <stdbool.h>

#include "hypervisor/fs/contract.h"
#include "hypervisor/monitor/control.h"
#include "lib/err.h"

struct volume {
    char folder[PATH_MAX];
    char mount[HV_FS_MOUNT_MAX];
    bool read_only, shared;
    uint64_t quota_bytes, quota_files; // 0: none
};

#define VOLUME_FDS 4 // socket, call, two kicks

int volume_parse(struct volume *, const char *text, struct err *);

// Starts a back end that runs as the folder's owner, and fills the message for
// it and the descriptors that go with it, which are the caller's to close. The
// folder is locked for as long as the back end may use it.
int volume_open(const struct volume *, struct hvc_device *, int fds[VOLUME_FDS],
                struct err *);

// What all of them did; the caller has started no other process of theirs.
struct fs_meter volume_usage(void);

// In a process that is forked after this: it is not to have their folders.
void volume_forget(void);

// Waits for the end of all, once their monitor is gone.
void volume_end(void);

#endif
