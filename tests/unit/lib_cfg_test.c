// SPDX-License-Identifier: ISC
// The config reader: golden files, every truncation, what the table asks.

#include "lib/cfg.h"
#include "tests/unit/lib_check.h"

struct example {
    char *name;
    int64_t memory;
    bool verbose;
    struct cfg_list args;
};

static const struct cfg_key keys[] = {
    CFG_STR_KEY("name", struct example, name, 16, CFG_REQUIRED),
    CFG_INT_KEY("memory", struct example, memory, -5, 4096, 0),
    CFG_BOOL_KEY("verbose", struct example, verbose, 0),
    CFG_LIST_KEY("args", struct example, args, 4, 0),
    {0},
};

static int render(const char *name, const char *text, size_t len,
                  struct buf *out)
{
    struct example x = {.memory = 64};
    struct err e;
    int r = cfg_parse(name, text, len, keys, &x, &e);

    if (r < 0) {
        buf_printf(out, "%s\n", e.text);
    } else {
        buf_printf(out, "name=<%s> memory=%lld verbose=%d args=%s", x.name,
                   (long long)x.memory, x.verbose, x.args.item ? "" : "unset");
        for (size_t i = 0; i < x.args.n; i++)
            buf_printf(out, "<%s>@%d", x.args.item[i], x.args.line[i]);
        buf_printf(out, "\n");
    }
    cfg_free(keys, &x);
    return r;
}

static void test_truncations(void)
{
    static const char whole[] = "name = \"a\" # note\nargs = [ 'x', 1,\n 2 ]\n"
                                "memory = 0x40; verbose = 1\n";
    struct guarded g = guarded_new(sizeof(whole));
    int good = 0;

    for (size_t n = 0; n <= sizeof(whole) - 1; n++) {
        struct example x = {0};
        const void *cut = guarded_put(&g, whole, n);

        good += cfg_parse("cut", cut, n, keys, &x, NULL) == 0;
        cfg_free(keys, &x);
    }
    CHECK(good > 5 && good < (int)sizeof(whole) / 2);
    guarded_free(&g);
}

static void test_limits(void)
{
    struct example x = {0};
    char *big = malloc(CFG_FILE_MAX + 1);

    memset(big, '\n', CFG_FILE_MAX + 1);
    CHECK_FAILS(cfg_parse("big", big, CFG_FILE_MAX + 1, keys, &x, e),
                "larger than the 65536 bytes");
    CHECK_FAILS(cfg_parse("big", big, CFG_FILE_MAX, keys, &x, e),
                "big: the key name is missing");
    CHECK_FAILS(cfg_parse("nul", "name = \"a\0b\"", 12, keys, &x, e),
                "nul:1: a string may not hold the control character 0x00");
    CHECK_FAILS(cfg_read("/nonexistent/x.cfg", keys, &x, e),
                "/nonexistent/x.cfg: No such file");
    free(big);
    cfg_free(keys, &x);
}

int main(void)
{
    golden_run("tests/golden/cfg", render);
    test_truncations();
    test_limits();
    return 0;
}
