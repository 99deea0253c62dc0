// SPDX-License-Identifier: ISC
/*
 * The back end of the vhost-user protocol, and the rings. The front end is the
 * domain's monitor, which its guest may have taken over: what it says is
 * checked, and one that breaks the protocol is left.
 */
#ifndef FS_SERVER_H
#define FS_SERVER_H

#include "hypervisor/fs/fs.h"

// Serves until the front end is gone: 0; or -EPROTO, with a sentence in *why.
int server_run(struct fs *, int socket_fd, int jobs_fd, const char **why);

#endif
