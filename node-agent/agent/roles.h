// SPDX-License-Identifier: ISC
/*
 * Where each role begins. hosteld runs itself again as `hosteld --role NAME`;
 * main.c takes the configuration off ROLE_CONFIG_FD and calls one of these.
 * The first thing a role does, before it reads anything from a channel, is
 * role_confine.
 *
 * A role's main returns its exit status; it ends when its lifeline or one of
 * its channels closes (then 0), or because of an error it has logged (then 1).
 */
#ifndef AGENT_ROLES_H
#define AGENT_ROLES_H

#include "lib/err.h"
#include "node-agent/agent/role.h"

int api_main(const struct node_config *cfg);
int keeper_main(const struct node_config *cfg);
int builder_main(const struct node_config *cfg);
int ledger_main(const struct node_config *cfg);
int spawner_main(const struct node_config *cfg);

/* "api", "keeper", ... ; NULL when out of range. */
const char *role_name(enum role role);

/* 1 if the table of channels in role.h joins the two. */
int role_channel(enum role a, enum role b);

/*
 * Give up everything this role does not need: descriptors that role.h does
 * not list for it, root (api, keeper and ledger become their own uid; builder
 * and spawner keep root with only the capabilities their tables name), the
 * right to gain privileges, core dumps, and being traced by its own uid. The
 * working folder becomes state_dir/NAME. The role dies with the supervisor.
 * From here on open nothing outside that folder except what the role's
 * DESIGN.md names.
 *
 * role_confine does not load a seccomp filter: a role that has opened what it
 * needs calls role_seal, which does.
 */
int role_confine(const struct node_config *cfg, enum role role, struct err *e);
int role_seal(enum role role, struct err *e);

/* Tell the supervisor that this role serves; when all have, it is ready. */
void role_ready(void);

#endif
