// SPDX-License-Identifier: ISC
/*
 * A domain as an ELF core file: registers and memory, as gdb opens it beside
 * the image. Of image and RAM there are the pages that were written; what was
 * not, gdb finds in the image. The guest must be parked, or have ended in a
 * trap, from core_make to the last core_read.
 */
#ifndef MONITOR_CORE_H
#define MONITOR_CORE_H

#include "hypervisor/engine/engine.h"
#include "lib/err.h"

// Looks at the domain. `signal` is what gdb shows as the reason. 0 or -errno.
int core_make(struct domain *, unsigned signal, struct err *);

// Some bytes of the file from `at` on: how many, 0 at its end, or -errno.
ssize_t core_read(struct domain *, uint64_t at, void *to, size_t max);

// All of it to a file, if it has no more than `max` bytes. -errno: the file is
// empty, if that can be.
int core_save(struct domain *, unsigned signal, int fd, uint64_t max,
              struct err *);

#endif
