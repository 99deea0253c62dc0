// SPDX-License-Identifier: ISC
/*
 * The builder role: compiles submissions, each in a sandbox of its own, and
 * measures what that took.
 *
 * It is entered as root, for as long as it takes to make itself a house (see
 * house.h): cgroups for the build slots, a root folder that holds the
 * toolchain and little else, and a user namespace in which it may become the
 * build slots' users and nobody else. From then on it has no privilege on the
 * machine, and only then does it read its first message.
 *
 * Channels: ROLE_FD(ROLE_KEEPER), nothing else. It answers each MSG_BUILD
 * with one MSG_BUILT, in any order. The keeper queues; a build too many is
 * answered with OUTCOME_LOST.
 */
#ifndef BUILDER_BUILDER_H
#define BUILDER_BUILDER_H

#include "node-agent/agent/role.h"

/* Runs until the keeper or the supervisor is gone; the exit status. */
int builder_main(const struct node_config *cfg);

#endif
