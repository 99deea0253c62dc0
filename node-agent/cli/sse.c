// SPDX-License-Identifier: ISC
// Reading server-sent events; see sse.h.

#include "node-agent/cli/sse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// The end of an event: told if it had data.
static int event_end(struct sse *s)
{
    int r = 0;

    if (s->data.len) {
        s->data.data[--s->data.len] = '\0'; // the last line's end
        r = s->event_seen(s->arg, *s->event ? s->event : "message", s->id,
                          buf_str(&s->data));
    }
    s->data.len = 0;
    *s->event = '\0';
    return r;
}

static int line_take(struct sse *s, char *line)
{
    char *value = strchr(line, ':');

    if (!*line)
        return event_end(s);
    if (value == line)
        return 0; // a comment
    if (value) {
        *value++ = '\0';
        value += *value == ' ';
    } else {
        value = line + strlen(line);
    }
    if (!strcmp(line, "event"))
        snprintf(s->event, sizeof(s->event), "%s", value);
    else if (!strcmp(line, "id") && strlen(value) < sizeof(s->id))
        strcpy(s->id, value);
    else if (!strcmp(line, "data"))
        return buf_printf(&s->data, "%s\n", value);
    return 0;
}

int sse_feed(struct sse *s, const void *data, size_t len)
{
    const char *at = data, *end = at + len;

    while (at < end) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        int r = buf_add(&s->line, at, (size_t)((eol ? eol : end) - at));

        if (r < 0)
            return r;
        if (!eol)
            break;
        at = eol + 1;
        if (s->line.len && s->line.data[s->line.len - 1] == '\r')
            s->line.data[--s->line.len] = '\0';
        r = s->line.len ? line_take(s, (char *)s->line.data) : event_end(s);
        s->line.len = 0;
        if (r)
            return r;
    }
    return 0;
}

void sse_restart(struct sse *s)
{
    s->line.len = s->data.len = 0;
    *s->event = '\0';
}

void sse_free(struct sse *s)
{
    buf_free(&s->line);
    buf_free(&s->data);
}
