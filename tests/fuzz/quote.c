// SPDX-License-Identifier: ISC
// The body of a quote, as JSON: what is accepted is within the limits of a
// manifest.

#include "node-agent/api/node.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct msg_quote msg = {0};
    struct err e = {0};
    json_t *o = json_parse("the body", (const char *)data, len, &e);

    if (!o) {
        if (!e.text[0])
            abort();
    } else if (json_is_object(o)) {
        const struct sub_limits *l = &msg.limits;
        int r = quote_from_json(&msg, o, &e);

        if (r < 0 && !e.text[0])
            abort();
        if (r == 0 &&
            (l->memory_kib > MEMORY_KIB_MAX || l->cpu_ns > TIME_NS_MAX ||
             l->wall_ns > TIME_NS_MAX || l->build_cpu_ns > TIME_NS_MAX ||
             l->console_bytes > CONSOLE_BYTES_MAX || l->cost_cap_nano < 0 ||
             l->cost_cap_nano > (int64_t)COST_NANO_MAX))
            abort();
    }
    json_decref(o);
    return 0;
}
