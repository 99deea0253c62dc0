// SPDX-License-Identifier: ISC
// Strict JSON and problem documents.

#include "lib/json.h"
#include "tests/unit/lib_check.h"

static int parse(const char *text, struct err *e)
{
    json_t *v = json_parse("request", text, strlen(text), e);

    json_decref(v);
    return v ? 0 : -e->code;
}

static void test_parse(void)
{
    char deep[100] = "";
    struct guarded g = guarded_new(64);
    static const char whole[] = "{\"a\": [1, \"x\\u0041\", true, null]}";

    CHECK_WORKS(parse(whole, e));
    CHECK_WORKS(parse("{\"a\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}", e));
    CHECK_FAILS(parse("{\"a\": 1, \"a\": 2}", e), "duplicate");
    CHECK_FAILS(parse("{} x", e), "request is not valid JSON: line 1");
    CHECK_FAILS(parse("", e), "not valid JSON");
    CHECK_FAILS(parse("{\"a\": 1e999}", e), "not valid JSON");
    CHECK_FAILS(parse("{\"a\": 99999999999999999999}", e), "not valid JSON");
    CHECK_FAILS(parse("{\"a\": \"\xff\"}", e), "not valid JSON");
    CHECK_FAILS(parse("{\"a\": \"b\\u0000\"}", e), "not valid JSON");
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        deep[i] = '[', deep[2 * JSON_DEPTH_MAX - 1 - i] = ']';
    CHECK_WORKS(parse(deep, e));
    memset(deep, '[', sizeof(deep) - 1);
    CHECK_FAILS(parse(deep, e), "nests deeper than 16 levels");

    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        const void *cut = guarded_put(&g, whole, n);

        CHECK(!json_parse("cut", cut, n, NULL));
    }
    guarded_free(&g);
}

static void test_get(void)
{
    json_t *o = json_parse("o", "{\"s\":\"00ff\",\"n\":7}", 18, NULL);
    const char *s = NULL;
    uint8_t b[2];
    int64_t n = 0;

    CHECK(o);
    CHECK_WORKS(json_get_str(o, "s", &s, e));
    CHECK_WORKS(json_get_int(o, "n", 0, 7, &n, e));
    CHECK_WORKS(json_get_hex(o, "s", b, 2, e));
    CHECK(strcmp(s, "00ff") == 0 && n == 7 && b[1] == 255);
    CHECK_FAILS(json_get_int(o, "n", 0, 6, &n, e), "\"n\" is 7");
    CHECK_FAILS(json_get_int(o, "s", 0, 6, &n, e), "must be an integer");
    CHECK_FAILS(json_get_str(o, "n", &s, e), "must be a string");
    CHECK_FAILS(json_get_str(o, "x", &s, e), "\"x\" is missing");
    CHECK_FAILS(json_get_hex(o, "s", b, 1, e), "2 hexadecimal digits");
    json_decref(o);
}

static void test_problem(void)
{
    json_t *o = json_problem(404, "Not Found", "there is no \"x\"");
    char *text = json_text(o, false);

    CHECK(strcmp(text,
                 "{\"type\":\"about:blank\",\"title\":\"Not Found\","
                 "\"status\":404,\"detail\":\"there is no \\\"x\\\"\"}") == 0);
    free(text);
    json_decref(o);
}

int main(void)
{
    test_parse();
    test_get();
    test_problem();
    return 0;
}
