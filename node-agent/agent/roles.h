// SPDX-License-Identifier: ISC
/*
 * Where each role begins. hosteld runs itself again as `hosteld --role NAME`;
 * main.c takes the configuration off ROLE_CONFIG_FD, confines the process as
 * role_confine describes, and calls one of these.
 *
 * A role's main returns its exit status; it ends when its lifeline or one of
 * its channels closes (then 0), or because of an error it has logged (then 1).
 */
#ifndef AGENT_ROLES_H
#define AGENT_ROLES_H

#include "lib/err.h"
#include "node-agent/agent/role.h"

int api_main(const struct node_config *cfg);
int operator_main(const struct node_config *cfg);
int keeper_main(const struct node_config *cfg);
int builder_main(const struct node_config *cfg);
int ledger_main(const struct node_config *cfg);
int spawner_main(const struct node_config *cfg);
int volumes_main(const struct node_config *cfg);
int net_main(const struct node_config *cfg);

/* "api", "keeper", ... ; NULL when out of range. */
const char *role_name(enum role role);

/* 1 if the table of channels in role.h joins the two. */
int role_channel(enum role a, enum role b);

/*
 * Give up everything this role does not need: descriptors that role.h does
 * not list for it, root (api, keeper and ledger become their own uid; builder,
 * spawner, net and volumes keep root with only the capabilities their tables name), the
 * right to gain privileges, core dumps, and being traced by its own uid. The
 * working folder becomes state_dir/NAME. The role dies with the supervisor.
 * From here on a role opens nothing outside that folder except what its
 * folder's DESIGN.md names.
 */
int role_confine(const struct node_config *cfg, enum role role, struct err *e);

/*
 * The second step, for roles with a uid of their own, once they have opened
 * what they need outside their folder. From now on a role can open files only
 * in there (landlock, where the kernel has it), and make only the system calls
 * of the table in seal.c; another one kills it. Before threads are started.
 */
int role_seal(struct err *e);

/* Which role this process is; -1 in none (tests). */
int role_self(void);

/* Tell the supervisor that this role serves; when all have, it is ready. */
void role_ready(void);

#endif
