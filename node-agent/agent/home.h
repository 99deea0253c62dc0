// SPDX-License-Identifier: ISC
// The folders of a node: made at its start, tidied at its end.
//
//   state_dir/identity  root        the node's key
//   state_dir/ROLE      the role's  what it keeps
//   run_dir/hosteld.pid             the supervisor's process id, and the lock
//   run_dir/hostel.sock             the operator's way in
//   run_dir/ready                   there while all roles serve; for scripts:
//                                   lines "node HEX", "tcp HOST:PORT" or
//                                   "tcp https://HOST:PORT", "metrics URL",
//                                   "role NAME PID"
//   run_dir/slots/N                 the spawner's

#ifndef AGENT_HOME_H
#define AGENT_HOME_H

#include <sys/types.h>
#include "lib/err.h"
#include "node-agent/agent/role.h"

// Makes folders that are missing; refuses ones that belong to somebody else.
int home_make(const struct node_config *cfg, struct err *e);

// Takes the lock that no two generations of roles of one run_dir can hold
// together, waiting a little for a dying one, and writes the pid file.
// Returns a descriptor; the lock is held while any copy of it is open.
int home_lock(const struct node_config *cfg, struct err *e);

// Listening sockets: the customers', the operator's, and that for metrics; -1:
// the configuration has none. Sets the ports in cfg.
struct home_sockets {
    int tcp, local, metrics;
    int control; // run_dir/control.sock, SOCK_SEQPACKET
};
int home_listen(struct node_config *cfg, struct home_sockets *s, struct err *e);

// Owner and mode of the operator's sockets, after the configuration changed.
int home_permit(const struct node_config *cfg, struct err *e);

void home_ready(const struct node_config *cfg, const pid_t pid[ROLE_COUNT]);
void home_unready(const struct node_config *cfg);

// Removes what a stopped node need not leave.
void home_tidy(const struct node_config *cfg);

#endif
