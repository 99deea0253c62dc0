// SPDX-License-Identifier: ISC
// Both ends of event streams: a program's bytes as text, and a stream that
// arrives in pieces of any size.

#include "node-agent/api/utf8.h"

#include <errno.h>

#include "node-agent/cli/sse.h"
#include "tests/unit/lib_check.h"

// ---------------------------------------------------------------------- utf8

static void clean_is(const char *in, size_t len, int more, const char *out,
                     size_t taken)
{
    struct buf b = BUF_INIT(1024);

    CHECK(utf8_clean(&b, in, len, more) == taken);
    if (strcmp(buf_str(&b), out))
        fprintf(stderr, "gave \"%s\", not \"%s\"\n", buf_str(&b), out);
    CHECK(!strcmp(buf_str(&b), out));
    buf_free(&b);
}
#define CLEAN(in, more, out, taken)                                            \
    clean_is(in, sizeof(in) - 1, more, out, taken)

static void test_clean(void)
{
    CLEAN("", 1, "", 0);
    CLEAN("plain\n\x1b[1m", 1, "plain\n\x1b[1m", 10);
    CLEAN("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", 0,
          "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", 9);
    CLEAN("a\0b", 0,
          "a\xef\xbf\xbd"
          "b",
          3);
    CLEAN("\xff\xfe", 0, "\xef\xbf\xbd\xef\xbf\xbd", 2);
    // Overlong, surrogate, beyond the last plane.
    CLEAN("\xc0\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd", 2);
    CLEAN("\xe0\x80\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3);
    CLEAN("\xed\xa0\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3);
    CLEAN("\xf4\x90\x80\x80", 0,
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 4);
    // Cut at the end: waits for the rest, unless there is none.
    CLEAN("a\xe2\x82", 1, "a", 1);
    CLEAN("a\xe2\x82", 0, "a\xef\xbf\xbd\xef\xbf\xbd", 3);
    // Cut by something else: it is no character.
    CLEAN("\xe2\x82z", 1, "\xef\xbf\xbd\xef\xbf\xbdz", 3);
}

// ----------------------------------------------------------------------- sse

struct record {
    char text[1024];
    int stop_after;
};

static int record_event(void *arg, const char *event, const char *id,
                        const char *data)
{
    struct record *r = arg;
    size_t n = strlen(r->text);

    snprintf(r->text + n, sizeof(r->text) - n, "[%s %s %s]", event, id, data);
    return r->stop_after && --r->stop_after == 0 ? 77 : 0;
}

static const char stream[] = ": hello\n"
                             "\n"
                             "event: state\r\n"
                             "id: 1-0-0\r\n"
                             "data: {\"a\":1}\r\n"
                             "\r\n"
                             "data:one\n"
                             "data: two\n"
                             "unknown: field\n"
                             "\n"
                             "event: nothing\n"
                             "\n"
                             "id\n"
                             "data\n"
                             "\n"
                             "data: cut";
#define SEEN "[state 1-0-0 {\"a\":1}][message 1-0-0 one\ntwo][message  ]"

static void test_pieces(void)
{
    for (size_t piece = 1; piece < sizeof(stream); piece++) {
        struct record r = {0};
        struct sse s = SSE_INIT(record_event, &r);

        for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
            size_t n = sizeof(stream) - 1 - at;

            CHECK(sse_feed(&s, stream + at, n < piece ? n : piece) == 0);
        }
        CHECK(!strcmp(r.text, SEEN));
        // What was cut is forgotten, the id is not.
        sse_restart(&s);
        CHECK(sse_feed(&s, "id: 9\ndata: x\n\n", 15) == 0);
        CHECK(strstr(r.text, "[message 9 x]"));
        sse_free(&s);
    }
}

static void test_bounds(void)
{
    struct record r = {.stop_after = 1};
    struct sse s = SSE_INIT(record_event, &r);
    static char much[SSE_FIELD_MAX];
    int left = 4, got = 0;

    CHECK(sse_feed(&s, stream, sizeof(stream) - 1) == 77);
    sse_free(&s);
    s = (struct sse)SSE_INIT(record_event, &r);
    memset(much, 'x', sizeof(much));
    while (left-- && got == 0)
        got = sse_feed(&s, much, sizeof(much));
    CHECK(got == -E2BIG);
    sse_free(&s);
}

int main(void)
{
    test_clean();
    test_pieces();
    test_bounds();
    return 0;
}
