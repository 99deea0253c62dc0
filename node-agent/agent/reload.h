// SPDX-License-Identifier: ISC
// A configuration that was read again while the node runs.

#ifndef AGENT_RELOAD_H
#define AGENT_RELOAD_H

#include "lib/err.h"
#include "node-agent/agent/role.h"

// What is to be used from now on: `next`, as it was read, with what `running`
// has found out since its start. `asked` is what was read before. 1: *out is
// another configuration; 0: nothing has changed; -EINVAL: it changes what only
// a restart can, and the sentence says what.
int reload_merge(const struct node_config *running,
                 const struct node_config *asked,
                 const struct node_config *next, struct node_config *out,
                 struct err *e);

#endif
