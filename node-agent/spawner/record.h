// SPDX-License-Identifier: ISC
/*
 * What a spawner writes down about its domains for its successor: one file,
 * run_dir/slots/records, an array indexed by slot, mapped. A kill cannot
 * interrupt a store halfway, and after a power cut there are no domains: no
 * syncing is needed, and starting a domain costs no system call here.
 *
 * A record counts from the moment `state` says so, which is written last, and
 * before the monitor is told to start the domain. RECORD_ENDED holds the
 * figures as they were told, so that they are told again exactly.
 */
#ifndef SPAWNER_RECORD_H
#define SPAWNER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "lib/err.h"
#include "node-agent/agent/msg.h"

enum record_state { RECORD_NONE, RECORD_RUNNING, RECORD_ENDED };

#define RECORD_VERSION 3u

struct record {
    uint32_t version; /* RECORD_VERSION */
    uint32_t state;   /* enum record_state; written last */
    sub_id_t id;
    uint64_t started_mono_ns, started_real_ns;
    uint64_t cpu_base_ns; /* the group's CPU when the slot was parked */
    uint64_t oom_base;    /* and its out-of-memory kills */
    uint64_t memory_kib, cpu_ns, wall_ns, console_bytes; /* as asked for */
    uint64_t lease_mono_ns;                              /* as last renewed */
    uint64_t max_kib;
    uint64_t net_in_bytes, net_out_bytes; /* as in struct msg_start */
    uint32_t domid, engine;
    uint32_t paused;
    uint32_t incarnation; /* the keeper's, told with all news */
    uint32_t window_kib;  /* of its devices; counts for its group's limit */
    uint32_t asked_cause; /* why we had it stopped; 0 = we have not */
    int32_t monitor_pid;
    uint64_t monitor_born;   /* with the pid, an identity: see process.h */
    struct msg_domain ended; /* RECORD_ENDED */
};

struct record_file {
    struct record *at;
    size_t count;
};

/* Opens or makes the file in the folder `slots`; older records stay. */
int record_open(struct record_file *f, const char *dir, size_t count,
                struct err *e);

void record_set_state(struct record *r, enum record_state state);
enum record_state record_state(const struct record *r);
/* Written by another version of this program, of a domain. */
bool record_is_foreign(const struct record *r);

#endif
