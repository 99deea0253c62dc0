// SPDX-License-Identifier: ISC
// The control socket: requests about domains (agent/dom.h), from the operator's
// command to the keeper and back. Nothing is kept or decided here but who may
// ask and which requests there are.

#ifndef API_CONTROL_H
#define API_CONTROL_H

#include <stdbool.h>

#include "node-agent/api/api.h"

// Serves connections on threads of their own. False: it cannot begin.
bool control_start(struct api *api, int listen_fd);

#endif
