// SPDX-License-Identifier: ISC
// A live submission, and the table of all that are not done yet.
//
// The journal holds the same facts durably (journal.h). During a turn of the
// loop a submission is changed in memory and marked with sub_touch; at the
// turn's end all that were touched are saved in one transaction, and only
// then does any message leave.
#ifndef KEEPER_SUB_H
#define KEEPER_SUB_H

#include <stdbool.h>
#include <stdint.h>
#include "node-agent/agent/msg.h"
#include "node-agent/bundle/volumes.h"
#include "node-agent/keeper/limits.h"

// Before HELD: the ledger was asked for money, nobody was told yes. A row in
// this state only serves to give the money back should we die now.
#define SUB_ASKED  0
#define SUB_STATES (SUB_DONE + 1)

struct admission; // admit.h

// A domain as the spawner last told of it; only for looking at.
struct dom_figures {
    uint32_t domid, engine, letter;
    uint32_t weight, cap;
    uint64_t max_kib, mem_kib;
    uint64_t real_ns; // when; 0: nothing was heard yet
    struct usage usage;
};
static inline void figures_take(struct dom_figures *f, const struct msg_domain *m)
{
    *f = (struct dom_figures){.domid = m->domid,
                              .engine = m->engine,
                              .letter = m->letter,
                              .weight = m->cpu_weight,
                              .cap = m->cpu_cap_percent,
                              .max_kib = m->max_kib,
                              .mem_kib = m->mem_kib,
                              .real_ns = m->now_real_ns,
                              .usage = m->usage};
}

// The hold of the next period, see period.h.
enum hold_state {
    HOLD_IDLE,     // there is none
    HOLD_ASKED,    // the ledger is asked for it
    HOLD_HELD,     // it is there; a record of the present one is on its way
    HOLD_SETTLING, // it is the present one; the ledger is to settle the last
    HOLD_UNPAID,   // there was no money for it
    HOLD_VOIDING   // it is given back, for this is the end
};
struct hold_ahead {
    uint32_t state; // enum hold_state
    uint32_t pad;
    int64_t hold_nano;
    uint64_t to_real_ns; // the present period's; 0: not known yet
};

struct sub {
    struct sub_info info; // what its customer sees

    // From the manifest.
    bool is_source;
    // Of the cost cap, for the ledger to compare with the account's; not kept
    // over a restart, when the hold is nearly always made already.
    char cap_currency[8];
    uint64_t expires_s;
    uint8_t nonce[16];
    uint8_t bundle[32]; // the manifest's digest; names the bundle's blob
    bool has_image, has_initrd;
    uint8_t image[32], initrd[32]; // names of blobs

    // Metering; see meter.h.
    struct usage before;       // by domains of it that are gone; no builds
    struct usage recorded;     // sum of the records made so far
    uint64_t recorded_real_ns; // where the last one ended
    uint64_t sequence;         // number of the last one
    bool record_pending;       // the ledger has not confirmed it
    struct hold_ahead ahead;

    bool destroyed; // somebody asked for its end
    bool spent;     // what was held for it is used up

    // Only in memory.
    uint32_t index, generation; // its place in the table
    bool touched, starting, adopted, voiding;
    bool counted;                // takes a slot and memory
    struct admission *admission; // while ASKED: the bundle; owned
    char *cmdline;               // arguments, environment; owned, cmdline.c
    uint32_t argc, envc, cmdline_len;
    unsigned waiters, build_tries;
    bool used_up;            // all of the present hold is
    uint64_t ahead_retry_ns; // CLOCK_MONOTONIC; HOLD_UNPAID: not before
    uint64_t asked_mono_ns;
    struct dom_figures now;  // of its domain
    struct sub *hash_next, *touched_next;
    bool queued;             // in a lane, see lane.h
    bool resting;            // in the list of service.h
    unsigned failures;       // of a service, one after the other
    uint64_t began_ns;       // its domain, CLOCK_MONOTONIC; 0: before us
    uint64_t start_after_ns; // CLOCK_MONOTONIC; of a service that rests
    struct sub *rest_next;
    // Of a function, see function.h.
    uint32_t calls, calls_waiting;
    uint64_t promised_cpu_ns, promised_wall_ns;
    bool unrecorded;
    bool in_quota; // its customer's
    struct volume_use *volume; // of its manifest; owned, NULL: not loaded
    uint32_t nvolumes;
    bool attached; // they are
    bool console_read; // somebody has, or may have, its console's file
    bool console_kept; // its console is in the journal
    uint64_t fed;      // number of its last change, see feed.h
    uint64_t marked_bytes, marked_real_ns; // last mark in its console
    struct sub *lane_next;
    uint32_t net_group; // of its link, see net.h; 0: not yet known
};

// Memory that its domain takes: an interface has a window beside the RAM.
#define NET_WINDOW_KIB (HVC_WINDOW_MIN_KIB + HVC_NET_WINDOW_KIB)
static inline uint64_t sub_memory_kib(const struct sub *s)
{
    return s->info.limits.memory_kib + (s->info.net.mode ? NET_WINDOW_KIB : 0);
}

struct subs {
    struct sub *at[LIVE_MAX];
    uint32_t generation[LIVE_MAX];
    uint32_t free[LIVE_MAX], nfree;
    struct sub *bucket[LIVE_MAX];
    struct sub *touched; // in any order
    uint32_t count;
};

void subs_init(struct subs *t);
void subs_fini(struct subs *t); // frees all submissions

// A new one with this id, all else zero. NULL: the table is full.
struct sub *sub_new(struct subs *t, const sub_id_t *id);
void sub_free(struct subs *t, struct sub *s); // not while touched

// Overwrites and frees its strings.
void cmdline_forget(struct sub *s);

struct sub *sub_find(struct subs *t, const sub_id_t *id);

// A number for requests about it to other roles; sub_by_tag gives NULL when
// it has gone meanwhile.
uint64_t sub_tag(const struct sub *s);
struct sub *sub_by_tag(struct subs *t, uint64_t tag);

// It changed: a new version, to be saved at the end of the turn.
void sub_touch(struct subs *t, struct sub *s);

// The live ones, in no order: for (s = sub_next(t, NULL); s; ...)
struct sub *sub_next(struct subs *t, const struct sub *s);

#define SUB_ID_TEXT 33
char *sub_id_text(char out[SUB_ID_TEXT], const sub_id_t *id);

#endif
