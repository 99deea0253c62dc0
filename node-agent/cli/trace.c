// SPDX-License-Identifier: ISC
// Exchanges on record; see trace.h.

#include "node-agent/cli/trace.h"

#include <ctype.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

struct trace {
    json_t *record, *headers;
};

struct trace *trace_begin(const char *method, const char *target)
{
    struct trace *t;

    if (!getenv("HOSTEL_TRACE"))
        return NULL;
    t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->headers = json_object();
    t->record = json_pack("{s:s, s:s, s:O}", "method", method, "target", target,
                          "headers", t->headers);
    return t;
}

void trace_header(struct trace *t, const char *line, size_t len)
{
    const char *colon = t ? memchr(line, ':', len) : NULL;
    char name[128];
    size_t n;

    if (t && len > 5 && !strncmp(line, "HTTP/", 5))
        json_object_clear(t->headers); // the answer after a 100
    n = colon ? (size_t)(colon - line) : 0;
    if (!n || n >= sizeof(name))
        return;
    for (size_t i = 0; i < n; i++)
        name[i] = (char)tolower((unsigned char)line[i]);
    name[n] = '\0';
    line = colon + 1;
    len -= n + 1;
    while (len && isspace((unsigned char)*line))
        line++, len--;
    while (len && isspace((unsigned char)line[len - 1]))
        len--;
    json_object_set_new(t->headers, name, json_stringn(line, len));
}

void trace_end(struct trace *t, long status, const void *body, size_t len)
{
    cleanup_close int fd = -1;
    char *line;

    if (!t)
        return;
    json_object_set_new(t->record, "status", json_integer(status));
    if (!body ||
        json_object_set_new(t->record, "body", json_stringn(body, len)))
        json_object_set_new(t->record, "body", json_null());
    line = json_dumps(t->record, JSON_COMPACT);
    fd = open(getenv("HOSTEL_TRACE"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
              0666);
    // Lines of several commands at once must not mix: one write each.
    if (line && fd >= 0) {
        size_t n = strlen(line);

        line[n] = '\n';
        (void)!write(fd, line, n + 1);
    }
    free(line);
    json_decref(t->record);
    json_decref(t->headers);
    free(t);
}
