// SPDX-License-Identifier: ISC
// The operator's side of the node: domains, over its control socket
// (agent/dom.h). The kernel says who we are, so nothing is signed.
//
//     struct ctl *c = ctl_open(&e);
//     struct ctl_list l;
//     if (c && ctl_list(c, "", &l, &e) == 0)
//         ...
//     ctl_list_free(&l);
//     ctl_close(c);

#ifndef CLI_CTL_H
#define CLI_CTL_H

#include <stdbool.h>

#include "lib/err.h"
#include "node-agent/agent/ipc.h"

struct ctl;

// Verbs that customers have too mean the operator's domains when -S is given,
// or when no node is named (no -H, -C or -k, no context) and the machine's own
// control socket is there for us.
bool ctl_wanted(void);

// The socket beside the one that -S, $HOSTEL_SOCKET or the usual place name.
struct ctl *ctl_open(struct err *e);
void ctl_close(struct ctl *c);

// Sends a message (its head filled in) and waits for the reply of its type.
// *fd gets a descriptor that came along, or -1. 0; -EREMOTEIO: refused, with
// the node's sentence in e and reply->reply.status; others: no answer.
int ctl_call(struct ctl *c, const struct msg_head *m, const int *fds, int nfds,
             union ipc_any *reply, int *fd, struct err *e);

struct ctl_list {
    struct dom_info *at; // by number
    size_t n;
};

// Who: "" for all. One that is not there is an error.
int ctl_list(struct ctl *c, const char *who, struct ctl_list *l, struct err *e);
void ctl_list_free(struct ctl_list *l);

// Of one domain.
int ctl_devices(struct ctl *c, const char *who, struct dom_devices *d,
                struct err *e);

int ctl_act(struct ctl *c, const char *who, enum dom_action action,
            uint64_t value, const char *text, struct err *e);

// The number of a domain's run, as a submission's is written.
int ctl_find_run(const char *who, char id[33], struct err *e);

// Is it the operator's own?
bool ctl_is_own(const struct dom_info *i);

// "r-----" and so on.
#define CTL_STATE_SIZE 7
char *ctl_state(char out[CTL_STATE_SIZE], const struct dom_info *i);

const char *ctl_engine(const struct dom_info *i);

#endif
