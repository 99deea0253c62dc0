// SPDX-License-Identifier: ISC
/*
 * A domain's console: the guest's ring to a sink, a source to the ring.
 *
 * The sink gets at most `limit` bytes; what is beyond is counted and dropped.
 * One that rolls gets all, and keeps the last `limit` (HVC_F_ROLL).
 * A sink that is full (a pipe) makes the guest wait, never the monitor. Input
 * comes from a descriptor that is read as the ring has room, or in messages.
 */
#ifndef MONITOR_CONSOLE_H
#define MONITOR_CONSOLE_H

#include "hypervisor/engine/engine.h"
#include "hypervisor/monitor/control.h"

// Input in messages that the guest has not read: a power of 2. Memory of a
// monitor only where somebody types faster than the guest reads.
#define CONSOLE_QUEUE_MAX (4u * HVC_INPUT_MAX)

struct console {
    struct domain *domain;
    struct hvc_page *page; // counters
    int sink_fd, source_fd;
    bool sink_waits; // may block: not a regular file
    bool sink_full;  // output is waiting for it
    bool eof;        // no more input will come
    uint64_t limit;
    bool rolls;
    uint64_t base;              // the sink's length when it was opened
    uint64_t hole;              // what is before it was given back
    uint32_t out_cons, in_prod; // ours; the guest may scribble on the ring's

    // The domain's files, see struct hv_console. files_fd -1: none are taken.
    int files_fd;
    uint32_t files_max;
    bool files;          // the guest has begun with them ...
    uint32_t files_from; // ... from here on

    // Input in messages, see struct hvc_input.
    uint64_t writer;
    uint64_t taken;  // position of the stream: what is queued or in the ring
    uint32_t queued; // of these, bytes not yet in the ring
    bool ending;     // the end follows what is queued
    char queue[CONSOLE_QUEUE_MAX];
};

void console_open(struct console *, struct domain *, struct hvc_page *,
                  int sink_fd, int source_fd, uint64_t limit, bool roll);

// Takes files too, into a regular file; after console_open.
void console_take_files(struct console *, int files_fd, uint32_t max);

// Both return 0, or -EPROTO when the guest broke the ring.
int console_output(struct console *);
int console_input(struct console *);

// Takes of a message what there is room for and may be taken. *accepted: of
// its bytes, those that are taken now.
enum hvc_taken_result console_queue(struct console *, const struct hvc_input *,
                                    uint32_t *accepted);
// There is room for a good part of a message again.
bool console_has_room(const struct console *);

// Wants its source watched: the ring has room.
bool console_wants_input(struct console *);

// What is left after the guest is gone; waits for a slow sink a little.
void console_finish(struct console *);

#endif
