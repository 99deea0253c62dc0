// SPDX-License-Identifier: ISC
// Entity tags; see etag.h.

#include "node-agent/api/etag.h"

#include <stdio.h>
#include <string.h>

// Is the tag in the list? weak: W/"x" is as good as "x".
static bool listed(const char *list, const char *tag, bool weak)
{
    size_t len = strlen(tag);

    while (*list) {
        bool is_weak;

        list += strspn(list, ", \t");
        if (*list == '*')
            return true;
        is_weak = !strncmp(list, "W/", 2);
        if (is_weak)
            list += 2;
        if (*list != '"')
            return false; // malformed: nothing matches
        if (!strncmp(list, tag, len) && (weak || !is_weak))
            return true;
        list++;
        list += strcspn(list, "\"");
        list += *list == '"';
    }
    return false;
}

static void tag_make(char out[ETAG_SIZE], const char *text)
{
    snprintf(out, ETAG_SIZE, "\"%s\"", text);
}

bool etag_known(struct request *rq, const char *text)
{
    const char *have = request_field(rq, MHD_HTTP_HEADER_IF_NONE_MATCH);

    tag_make(rq->etag, text);
    reply_header(rq, MHD_HTTP_HEADER_ETAG, rq->etag);
    if (!have || !listed(have, rq->etag, true))
        return false;
    reply_unchanged(rq);
    return true;
}

bool etag_matches(const struct request *rq, const char *text)
{
    const char *wanted = request_field(rq, MHD_HTTP_HEADER_IF_MATCH);
    char tag[ETAG_SIZE];

    tag_make(tag, text);
    return !wanted || listed(wanted, tag, false);
}
