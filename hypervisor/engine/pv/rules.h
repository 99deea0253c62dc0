// SPDX-License-Identifier: ISC
// The pv guest's seccomp filter.

#ifndef PV_RULES_H
#define PV_RULES_H

#include <linux/filter.h>
#include <stddef.h>

size_t rules_build(struct sock_filter *, size_t max);

#endif
