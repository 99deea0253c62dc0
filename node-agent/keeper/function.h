// SPDX-License-Identifier: ISC
// Functions: a submission that is no domain but answers requests, each by a
// domain of its own (a *call*), started from a clean slot with the request's
// body as its standard input; what it prints goes straight into the file that
// the API gave.
//
// A call is in memory only, and so are its figures until the function's next
// usage record, once an interval: when the agent dies, calls under way are
// ended and not billed. Budgets are over all calls: each is promised a part of
// what is left before it starts, so that together they cannot exceed it.
#ifndef KEEPER_FUNCTION_H
#define KEEPER_FUNCTION_H

#include "node-agent/keeper/keeper.h"

struct call {
    sub_id_t id; // of its domain: our own numbers, see function.c
    uint32_t generation;
    bool used, running, answered;
    struct sub *function;
    struct msg_head to;       // the API's request
    int body_fd, answer_fd;   // until it runs
    uint64_t cpu_ns, wall_ns; // promised
    struct call *next;        // waiting
};

struct functions {
    uint64_t prefix; // of this keeper's call ids
    struct call call[CALLS_MAX];
    uint32_t free[CALLS_MAX], nfree;
    struct call *first, **last; // waiting, in order of arrival
    uint32_t waiting;
    uint64_t record_due_ns; // UINT64_MAX: nothing is unrecorded
};

void functions_init(struct functions *f);
void functions_fini(struct functions *f);

// MSG_CALL. Takes the descriptors.
int function_serve(struct keeper *k, const struct msg_call *m,
                   int fds[IPC_FDS_MAX]);

// Starts what waits and may; before other submissions get their turns, since
// calls are short and somebody waits at the other end.
void function_schedule(struct keeper *k);

// News of the spawner about a call: false when it is none of ours.
bool function_started(struct keeper *k, const struct msg_reply *m);
bool function_news(struct keeper *k, const struct msg_domain *m);

// Leases of calls; and usage records of functions, once an interval.
void function_renew(struct keeper *k, uint64_t lease_mono_ns);
void function_record(struct keeper *k, uint64_t now_ns);

// No more calls; those under way are stopped. EV_DRAINED follows when none is
// left; true: none is.
bool function_close(struct keeper *k, struct sub *s);

// What is left of its budgets is worth no call.
bool function_is_spent(const struct sub *s);

#endif
