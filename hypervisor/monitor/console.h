// SPDX-License-Identifier: ISC
/*
 * A domain's console: the guest's ring to a sink, a source to the ring.
 *
 * The sink gets at most `limit` bytes; what is beyond is counted and dropped.
 * A sink that is full (a pipe) makes the guest wait, never the monitor. Input
 * comes from a descriptor that is read as the ring has room, or in messages.
 */
#ifndef MONITOR_CONSOLE_H
#define MONITOR_CONSOLE_H

#include "hypervisor/engine/engine.h"
#include "hypervisor/monitor/control.h"

// Input in messages that the guest has not read; more is dropped.
#define CONSOLE_QUEUE_MAX (4 * HVC_INPUT_MAX)

struct console {
    struct domain *domain;
    struct hvc_page *page; // counters
    int sink_fd, source_fd;
    bool sink_waits; // may block: not a regular file
    bool sink_full;  // output is waiting for it
    bool eof;        // no more input will come
    uint64_t limit;
    uint32_t out_cons, in_prod; // ours; the guest may scribble on the ring's
    uint32_t queued;
    char queue[CONSOLE_QUEUE_MAX];
};

void console_open(struct console *, struct domain *, struct hvc_page *,
                  int sink_fd, int source_fd, uint64_t limit);

// Both return 0, or -EPROTO when the guest broke the ring.
int console_output(struct console *);
int console_input(struct console *);

void console_queue(struct console *, const char *data, size_t len);
void console_end_input(struct console *);

// Wants its source watched: the ring has room.
bool console_wants_input(struct console *);

// What is left after the guest is gone; waits for a slow sink a little.
void console_finish(struct console *);

#endif
