// SPDX-License-Identifier: ISC
// `hostel-hv nursery`, the process that forks monitors: started, asked, heard.

#ifndef SPAWNER_NURSERY_H
#define SPAWNER_NURSERY_H

#include <stdint.h>
#include <sys/types.h>
#include "hypervisor/monitor/control.h"
#include "lib/err.h"
#include "node-agent/spawner/cgroup.h"

/*
 * Starts it, in the control group "nursery", after a predecessor's is gone
 * with everything it had just forked: from then on no process can turn up in
 * a slot's group that was not asked for. It ends with us. Returns the socket,
 * *pid the process.
 */
int nursery_start(const struct cgroup_tree *t, const char *hv_path, pid_t *pid,
                  struct err *e);

/* Asks for a monitor; the descriptors stay the caller's. */
int nursery_make(int fd, const struct hvc_make *m, int listen_fd, int page_fd,
                 const int *procs, struct err *e);

/* An answer: 1 and *pidfd (-1 if made->error), 0 when it has ended, or
 * -errno. */
int nursery_made(int fd, struct hvc_made *made, int *pidfd, struct err *e);

/* Closes its socket, by which it ends, and waits for that. */
void nursery_end(const struct cgroup_tree *t, int fd, pid_t pid);

#endif
