// SPDX-License-Identifier: ISC
// Volumes in manifests: which of the customer's are attached, and where.
// Self-contained, because messages between the agent's processes hold it.
#ifndef BUNDLE_VOLUMES_H
#define BUNDLE_VOLUMES_H

#include <stdint.h>
#include "lib/err.h"

#define VOLUME_NAME_MAX      47 // bytes
#define VOLUME_MOUNT_MAX     51 // HV_FS_MOUNT_MAX, with its NUL
#define MANIFEST_VOLUMES_MAX 8 // each is a device and a process

struct volume_use {
    char name[VOLUME_NAME_MAX + 1];
    char mount[VOLUME_MOUNT_MAX + 1]; // absolute, clean, not "/"
    uint32_t read_only;
    uint32_t shared; // others may have it at the same time
};

// Letters, digits, '-', '_' and '.', the first a letter or digit.
int volume_name_check(const char *name, struct err *e);

// As manifest_check wants one.
int volume_use_check(const struct volume_use *use, struct err *e);

// Reads "NAME:MOUNT[:ro][:shared]" as users write it.
int volume_use_parse(const char *text, struct volume_use *out, struct err *e);

#endif
