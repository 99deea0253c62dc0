// SPDX-License-Identifier: ISC
// One request; see ask.h.

#include "node-agent/cli/ask.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "node-agent/cli/cmd.h"

json_t *ask(enum client_who who, const char *method, json_t *o,
            const char *path)
{
    struct err e = {0};
    struct client *c = client_open(who, &e);
    cleanup_answer struct answer a = ANSWER_INIT;
    cleanup_free char *text = o ? json_text(o, false) : NULL;
    const struct call call = {.method = method,
                              .type = text ? "application/json" : NULL,
                              .body = text,
                              .body_len = text ? strlen(text) : 0};
    int r = -1;

    json_decref(o);
    if (c)
        r = client_call(c, &call, &a, &e, "%s", path);
    client_close(c);
    o = r < 0
            ? NULL
            : json_parse("the node's answer", buf_str(&a.body), a.body.len, &e);
    if (!o)
        cmd_fail(&e);
    return o;
}
