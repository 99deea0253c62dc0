// SPDX-License-Identifier: ISC
// A trap report: what killed a domain, for its owner to read.

#ifndef MONITOR_REPORT_H
#define MONITOR_REPORT_H

#include <stddef.h>
#include "hypervisor/engine/engine.h"

// From the trap in shared_info, guest memory and the image's symbols; a text
// of lines, cut to fit.
void report_write(struct domain *, int image_fd, char *text, size_t max);

// The same of a guest that gave up, which has these registers.
void report_crash(struct domain *, int image_fd, const struct hv_regs *,
                  char *text, size_t max);

#endif
