// SPDX-License-Identifier: ISC
// A domain's console by way of the control socket: its log as it grows, and
// what is typed.

#ifndef CLI_CTL_CONSOLE_H
#define CLI_CTL_CONSOLE_H

#include "node-agent/cli/ctl.h"

// Stays until the run is over (the status is 0 then) or ^] is typed. The log's
// descriptor is taken; -1: it is asked for.
int ctl_console_run(struct ctl *c, uint32_t domid, int log_fd);

// The verb, for the operator.
int ctl_console_verb(const char *who);

#endif
