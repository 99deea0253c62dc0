// SPDX-License-Identifier: ISC
// The keeper: the table of submissions, their journal and files, admission,
// and the steps each submission takes. DESIGN.md has the whole picture.
//
// One turn of the loop takes what its peers have sent, lets the machine
// (machine.h) take steps, saves every submission that changed in one
// transaction, and only after its commit sends what was posted meanwhile. So
// each step is durable before anyone hears of it.
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"
#include "node-agent/agent/reserve.h"
#include "node-agent/agent/role.h"
#include "node-agent/bundle/secrets.h"
#include "node-agent/keeper/chan.h"
#include "node-agent/keeper/dom.h"
#include "lib/clock_watch.h"
#include "node-agent/keeper/feed.h"
#include "node-agent/keeper/journal.h"
#include "node-agent/keeper/lane.h"
#include "node-agent/keeper/store.h"
#include "node-agent/keeper/sub.h"
#include "node-agent/keeper/volume.h"
#include "node-agent/keeper/waiter.h"

struct keeper {
    struct node_config cfg;
    struct journal journal;
    struct store store;
    struct chan api, ledger, spawner, builder;
    struct chan volumed;  // the volumes role
    struct chan net;      // fd -1: none
    struct chan operator; // its requests are served as the API's; see chan.h
    int lifeline_fd;      // -1: none
    struct secrets_key secrets; // opens what customers have sealed
    struct subs subs;
    struct waiters waiters;
    struct feed feed;
    struct doms doms;        // the operator's domains
    char boot[DOM_BOOT_MAX]; // of the kernel
    uint64_t feeds; // messages of input given to domains; the last one's tag
    struct lane builds, starts;
    struct functions *functions;
    struct quotas *quotas;
    struct nets *nets;   // leases, see net.h
    struct joins *joins; // see people.h
    struct volumes *volumes;
    struct sub *resting; // services between two domains, see service.h
    // Whose consoles are in the journal with this turn's commit: console.h.
    sub_id_t reuse[CONSOLE_REUSE_MAX];
    uint32_t nreuse;

    char currency[8];   // of the node's prices; "" until the ledger said so
    bool adopting;      // the spawner has not named all it found running
    bool draining;      // no new submissions; kept in the file DRAINING
    bool broken;        // a write failed: what is in memory is not true
    struct err failure; // why

    uint64_t memory_kib;  // to give away, overcommit included
    uint32_t domains_max; // slots, or less by what the CPUs may carry
    uint64_t memory_used_kib;
    uint32_t slots_used, builds_running;
    // Of those that are over, since the start: for MSG_CAPACITY.
    uint64_t ended[OUTCOME_LOST + 1], ended_cpu_ns, ended_build_cpu_ns;

    struct reserve reserve;
    uint64_t saved_ns; // CLOCK_MONOTONIC: when the last turn ended
    uint32_t taken;    // messages in it
    uint64_t lease_due_ns, sweep_due_ns; // CLOCK_MONOTONIC
    uint64_t rested_due_ns;
    struct clock_watch clock; // what is believed of the real clock
    uint64_t starts_after_ns, builds_after_ns; // no free slot before
};

struct keeper_fds { // taken
    int api, ledger, spawner, builder, lifeline;
    int volumed;
    int operator, net;                 // -1: none
    int shelf[2];                      // -1: none
    const struct secrets_key *secrets; // copied
};

// Opens journal and store in the working folder and takes up what is there.
// keeper_close in any case.
int keeper_open(struct keeper *k, const struct node_config *cfg,
                const struct keeper_fds *fds, struct err *e);
void keeper_close(struct keeper *k);

// Waits up to timeout_ms (-1: for ever) and does all there is to do.
// 0; -EPIPE: a peer is gone, time to end; else it cannot go on.
int keeper_turn(struct keeper *k, int timeout_ms, struct err *e);

// Notes that a write failed; the turn will end in it. For places deep inside.
void keeper_fail(struct keeper *k, const struct err *e);

// ---- serve.c: requests of the API
int serve_request(struct keeper *k, const union ipc_any *any,
                  int fds[IPC_FDS_MAX], struct err *e);
// Answers those who wait for a change of this one, or for its admission.
void serve_change(struct keeper *k, struct sub *s);
void serve_refusal(struct keeper *k, struct sub *s, unsigned status,
                   unsigned retry_after_s, const char *why);
void serve_expired(struct keeper *k, uint64_t now_ns);
// What the spawner says became of input.
void serve_fed(struct keeper *k, const struct msg_input_reply *m);

// The operator wants the node to take nothing new.
#define DRAINING "draining"
int serve_drain(struct keeper *k, const union ipc_any *any);

// ---- submit.c: MSG_SUBMIT
int submit_serve(struct keeper *k, const struct msg_submit *m, int fd,
                 struct err *e);
// The ledger's answer about a hold.
void submit_held(struct keeper *k, struct sub *s,
                 const struct msg_hold_reply *m);
// Gives back what is held for submissions that nobody was told yes about; and
// when it was given back.
void submit_expire(struct keeper *k, uint64_t now_ns);
void submit_voided(struct keeper *k, struct sub *s);

// ---- news.c: what ledger, spawner and builder say
int news_of_ledger(struct keeper *k, const union ipc_any *any, struct err *e);
int news_of_spawner(struct keeper *k, const union ipc_any *any, struct err *e);
int news_of_builder(struct keeper *k, const union ipc_any *any,
                    int fds[IPC_FDS_MAX], struct err *e);

// ---- recover.c: taking up where a predecessor ended
int recover_journal(struct keeper *k, struct err *e);
// The spawner has named all its domains: the others are gone.
void recover_lost(struct keeper *k);

// ---- cmdline.c: the strings a domain starts with; argv[0] is the name
// From its manifest, or -EINVAL with a sentence for the customer.
int cmdline_make(struct keeper *k, struct sub *s, const struct manifest *m,
                 struct err *e);
// From the journal, unless they are there.
int cmdline_load(struct keeper *k, struct sub *s, struct err *e);

// ---- cputime.c: CPU used by all roles of the agent, since its start.
// cputime_open comes before role_seal.
void cputime_open(void);
uint64_t agent_cpu_ns(void);

#endif
