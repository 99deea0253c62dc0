// SPDX-License-Identifier: ISC
// A copy of a node's state, also while the node runs.

#ifndef AGENT_BACKUP_H
#define AGENT_BACKUP_H

#include <stdbool.h>
#include "lib/err.h"
#include "node-agent/agent/role.h"

// Copies state_dir to `dir`, which must not be there, with volumes' files
// (backup_volumes.h) if they are wanted. To restore, stop the node and put the
// copy in state_dir's place: it is a state_dir.
//
// The journal is copied before the ledger, so the ledger may be the newer one
// by what happened meanwhile. That is the way round which is safe: what the
// journal does again is in the ledger already, and changes nothing there.
int backup_make(const struct node_config *cfg, const char *dir, bool volumes,
                struct err *e);

#endif
