// SPDX-License-Identifier: ISC
/*
 * One build: from MSG_BUILD to MSG_BUILT.
 *
 *   free --build_start--> running --(process ends, or build_stop)--> ending
 *        ending --(cgroup empty, log read to its end)--> build_finish --> free
 *
 * The loop in builder.c polls what build_poll names and calls build_step,
 * also every BUILD_TICK_MS, since no kernel tells when a cgroup has used up
 * its CPU time.
 */
#ifndef BUILDER_BUILD_H
#define BUILDER_BUILD_H

#include <poll.h>
#include <stdbool.h>

#include "lib/err.h"
#include "node-agent/agent/msg.h"
#include "node-agent/builder/slot.h"

/* A CPU budget is overrun by at most this much on each CPU. */
#define BUILD_TICK_MS 20

/* Compiler's messages that are kept; more than anyone reads. */
#define BUILD_LOG_MAX (256u << 10)

#define BUILD_POLL_FDS 2

enum build_state { BUILD_FREE, BUILD_RUNNING, BUILD_ENDING };

struct build {
    enum build_state state;
    struct build_slot slot;
    sub_id_t id;
    uint64_t cpu_limit_ns, wall_limit_ns, memory_kib;
    uint64_t started_mono_ns, ended_mono_ns, cpu_before_ns, oom_before;

    int pid_fd;           /* bwrap, once the child has become it */
    int log_from, log_to; /* the compiler's end of a pipe; the keeper's file */
    int talk_fd;          /* hello: sandbox.h */
    int status_fd;        /* what bwrap says */
    int out_fd;           /* folder with the output; -1 before the hello */
    uint64_t log_bytes;
    uint32_t cause; /* enum sub_outcome: why build_stop; 0 = ended itself */
    char why[SUB_REPORT_MAX];
};

/* Once, for each slot; the slot stays. */
void build_init(struct build *b, const struct build_slot *slot);

/*
 * Begins. bundle and log are the build's from now on. Limits in `m` beyond
 * the node's have been cut. On failure the build is free again.
 */
int build_start(struct build *b, const struct msg_build *m, int bundle_fd,
                int log_fd, struct err *e);

/* Puts an end to it, for a reason: budget or destroyed. */
void build_stop(struct build *b, uint32_t cause, const char *why, ...)
    __attribute__((format(printf, 3, 4)));

/* What to wait for; entries with fd -1 where there is nothing. */
void build_poll(const struct build *b, struct pollfd p[BUILD_POLL_FDS]);

/* Looks at everything. True when build_finish may be called. */
bool build_step(struct build *b);

/* Fills in the answer and frees the build. Returns the image or -1. */
int build_finish(struct build *b, struct msg_built *out);

#endif
