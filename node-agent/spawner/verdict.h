// SPDX-License-Identifier: ISC
/*
 * Why a domain ended and what it used, from all the evidence there is. The
 * kernel's word (CPU, memory, out-of-memory kills, our clock) stands; the
 * monitor's word, in its counter page, is believed as far as the kernel does
 * not contradict it.
 */
#ifndef SPAWNER_VERDICT_H
#define SPAWNER_VERDICT_H

#include <stdbool.h>
#include "node-agent/agent/msg.h"

struct evidence {
    /* Kernel and our own clocks. */
    uint64_t cpu_ns; /* since the slot was parked */
    uint64_t peak_kib;
    bool oom_killed;
    uint64_t started_mono_ns, noticed_mono_ns;
    bool unseen; /* it died while no spawner looked: noticed is too late */
    /* What was asked for. */
    uint64_t cpu_budget_ns;  /* 0 = none */
    bool watched;            /* by perf events, whose word then counts: */
    bool budget_hit;         /* one of them has ended it */
    uint64_t wall_budget_ns; /* 0 = none */
    uint64_t memory_kib, console_bytes_max;
    uint64_t net_in_max, net_out_max; /* 0 = none */
    uint32_t asked_cause; /* with which we had it stopped; 0 = not */
    /* The monitor's word, which it writes before it says HVC_EXITED. */
    const struct hvc_page *page; /* a private copy; NULL: unreadable */
    /* The word of its volumes' back ends. */
    uint64_t fs_read_bytes, fs_write_bytes, fs_ops;
};

/* What it has used until `noticed`: of a running domain, or of an ended one. */
void evidence_usage(const struct evidence *v, struct usage *u);

/* Why it ended. Fills cause, status and text of *m. */
void evidence_cause(const struct evidence *v, struct msg_domain *m);

#endif
