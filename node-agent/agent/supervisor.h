// SPDX-License-Identifier: ISC
// The supervisor: root, and as little as can be. It starts the roles, starts
// all of them anew when one dies, and reads nothing that anybody outside the
// machine has written.

#ifndef AGENT_SUPERVISOR_H
#define AGENT_SUPERVISOR_H

#include "lib/err.h"
#include "node-agent/agent/role.h"

// Reads the whole configuration again, and checks it.
typedef int config_reader(struct node_config *cfg, struct err *e);

// Runs the node until SIGTERM or SIGINT. 0, or -errno with a sentence when it
// could not be started at all.
int supervisor_run(const struct node_config *checked, config_reader *reread,
                   struct err *e);

#endif
