// SPDX-License-Identifier: ISC
// hosteld.conf(5): reading it, and checking it against the machine.

#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include <stdio.h>
#include "lib/err.h"
#include "node-agent/agent/role.h"

#define CONFIG_PATH_DEFAULT "/etc/hostel/hosteld.conf"

// Defaults as they are on this machine: programs beside `exe_dir`, memory and
// host name as found.
void config_defaults(struct node_config *cfg, const char *exe_dir);

// Replaces what the file sets. Checks everything that can be checked without
// looking at the machine. One sentence on failure, beginning with the file's
// name.
int config_read(struct node_config *cfg, const char *path, struct err *e);

// The same for settings from the command line: "key = value".
int config_set(struct node_config *cfg, const char *text, struct err *e);

// Checks that need the machine: programs exist, uids belong to nobody. Fills
// in what follows from other settings (cgroup_path).
int config_check(struct node_config *cfg, struct err *e);

// The whole configuration in the file's own syntax.
void config_print(const struct node_config *cfg, FILE *out);

// Do uids from `first` on, `count` of them, occur in a passwd(5) or in a
// subuid(5) file's text? 0, or -EEXIST with a sentence that names the line's
// owner. For tests.
int config_uids_free(const char *name, const char *text, int is_subuid,
                     uint64_t first, uint64_t count, struct err *e);

#endif
