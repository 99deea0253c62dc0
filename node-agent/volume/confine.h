// SPDX-License-Identifier: ISC
// What hostel-volume gives up before it reads its first byte.
#ifndef VOLUME_CONFINE_H
#define VOLUME_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>
#include "lib/err.h"

#define CONFINE_FROM "/from"
#define CONFINE_TO   "/to"

// Moves into namespaces of its own with a root that holds the two folders,
// mounted without devices, programs and the following of links, CONFINE_FROM
// read-only. A descriptor below 0: there is none such. Takes the descriptors.
int confine_root(int from_fd, int to_fd, struct err *e);

// Becomes this user, keeps this one capability (-1: none), has limits.
int confine_identity(uid_t uid, int capability, struct err *e);

// From here on only the calls of the table in confine.c; others kill.
int confine_calls(struct err *e);

#endif
