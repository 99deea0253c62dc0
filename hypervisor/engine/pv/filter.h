// SPDX-License-Identifier: ISC
// The guest's seccomp filter: five system calls, and anything at all from the
// set-up pages while they are there.

#ifndef PV_FILTER_H
#define PV_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

// Writes the program; returns its number of instructions.
size_t filter_build(struct sock_filter *program, size_t max);

#endif
