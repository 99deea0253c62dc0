// SPDX-License-Identifier: ISC
// Event streams as a node that was taken could send them: in whatever pieces
// they come, the client sees the same events.

#include "node-agent/cli/sse.c"

#include <stdlib.h>

#include "node-agent/api/utf8.h"

// The events that were seen, one after the other.
static int seen(void *arg, const char *event, const char *id, const char *data)
{
    buf_printf(arg, "%s|%s|%s;", event, id, data);
    return 0;
}

static struct buf feed(const uint8_t *data, size_t len, size_t piece)
{
    struct buf all = BUF_INIT(1 << 22);
    struct sse s = SSE_INIT(seen, &all);

    for (size_t at = 0; at < len; at += piece) {
        // A copy of exactly this length, so that reading beyond it is seen.
        size_t n = len - at < piece ? len - at : piece;
        uint8_t *copy = malloc(n ? n : 1);

        memcpy(copy, data + at, n);
        sse_feed(&s, copy, n);
        free(copy);
    }
    sse_free(&s);
    return all;
}

static void check_text(const uint8_t *data, size_t len)
{
    struct buf once = BUF_INIT(1 << 22), again = BUF_INIT(1 << 22);

    if (utf8_clean(&once, data, len, 0) != len)
        abort();
    // What is clean stays as it is.
    if (utf8_clean(&again, once.data, once.len, 0) != once.len ||
        strcmp(buf_str(&once), buf_str(&again)))
        abort();
    if (len - utf8_clean(&again, data, len, 1) > 3)
        abort();
    buf_free(&once);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf whole, pieces;

    if (len < 1 || len > 65536)
        return 0;
    whole = feed(data + 1, len - 1, len);
    pieces = feed(data + 1, len - 1, 1 + data[0] % 16);
    if (strcmp(buf_str(&whole), buf_str(&pieces)))
        abort();
    buf_free(&whole);
    buf_free(&pieces);
    check_text(data, len);
    return 0;
}
