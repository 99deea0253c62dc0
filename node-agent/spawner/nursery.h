// SPDX-License-Identifier: ISC
// `hostel-hv nursery`, the process that forks monitors: started, asked, heard.

#ifndef SPAWNER_NURSERY_H
#define SPAWNER_NURSERY_H

#include <stdint.h>
#include <sys/types.h>
#include "hypervisor/monitor/control.h"
#include "lib/err.h"

/* Starts it; it ends with us. Returns the socket, *pid the process. */
int nursery_start(const char *hv_path, pid_t *pid, struct err *e);

/* Asks for a monitor; the descriptors stay the caller's. */
int nursery_make(int fd, const struct hvc_make *m, int listen_fd, int page_fd,
                 const int *procs, struct err *e);

/* An answer: 1 and *pidfd (-1 if made->error), 0 when it has ended, or
 * -errno. */
int nursery_made(int fd, struct hvc_made *made, int *pidfd, struct err *e);

#endif
