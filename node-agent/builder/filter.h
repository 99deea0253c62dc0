// SPDX-License-Identifier: ISC
// The system calls a compile may make, as a seccomp filter for bwrap.

#ifndef BUILDER_FILTER_H
#define BUILDER_FILTER_H

#include "lib/err.h"

/* A memfd holding the filter as bwrap --seccomp reads it, or -errno. */
int filter_open(struct err *e);

#endif
