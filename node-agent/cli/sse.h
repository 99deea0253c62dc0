// SPDX-License-Identifier: ISC
// Reading a stream of server-sent events (the HTML standard, 9.2).

#ifndef CLI_SSE_H
#define CLI_SSE_H

#include <stddef.h>

#include "lib/buf.h"

#define SSE_FIELD_MAX (1u << 20) // of one event's data; a node's have 64 KiB
#define SSE_ID_MAX    128

struct sse {
    struct buf line, data;
    char event[64];      // of the event under way
    char id[SSE_ID_MAX]; // of the last one that had an id
    // Each event; data is a string. Returns 0, or another number to stop.
    int (*event_seen)(void *arg, const char *event, const char *id,
                      const char *data);
    void *arg;
};
#define SSE_INIT(seen, a)                                                      \
    {                                                                          \
        .line = BUF_INIT(SSE_FIELD_MAX + 16), .data = BUF_INIT(SSE_FIELD_MAX), \
        .event_seen = (seen), .arg = (a)                                       \
    }

// The next bytes. 0; what event_seen returned; -E2BIG: no such stream.
int sse_feed(struct sse *s, const void *data, size_t len);

// Forgets an event that was cut by the end of a connection.
void sse_restart(struct sse *s);
void sse_free(struct sse *s);

#endif
