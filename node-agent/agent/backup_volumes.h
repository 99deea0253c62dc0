// SPDX-License-Identifier: ISC
// Volumes' files in a backup; part of backup.c.

#ifndef AGENT_BACKUP_VOLUMES_H
#define AGENT_BACKUP_VOLUMES_H

#include "lib/err.h"
#include "node-agent/agent/role.h"

// Copies the files of each volume that the journal in `dir` has, into
// dir/volumes. While a volume is copied whoever serves it to a domain is
// stopped (SIGSTOP), so the copy is what a power cut at that moment would have
// left; if this program dies they go on. A program that starts meanwhile makes
// it begin again; one that starts and ends in that time is not noticed. A
// volume that was deleted meanwhile is an empty one in the copy.
int backup_volumes(const struct node_config *cfg, const char *dir,
                   struct err *e);

#endif
