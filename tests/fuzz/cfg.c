// SPDX-License-Identifier: ISC
// The config reader, with a table of every type, and bundle.cfg on top.

#include "lib/cfg.c"
#include "node-agent/bundle/recipe.c"

struct fuzzed {
    char *text;
    int64_t number;
    bool flag;
    struct cfg_list list;
};

static const struct cfg_key fuzzed_keys[] = {
    CFG_STR_KEY("s", struct fuzzed, text, 32, CFG_REQUIRED),
    CFG_INT_KEY("i", struct fuzzed, number, -100, INT64_MAX, 0),
    CFG_BOOL_KEY("b", struct fuzzed, flag, 0),
    CFG_LIST_KEY("l", struct fuzzed, list, 8, 0),
    {0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzzed x = {0};
    struct recipe c;
    struct err e = {0};
    int r = cfg_parse("f", (const char *)data, len, fuzzed_keys, &x, &e);

    // Refused with a sentence, or within what the table says.
    if (r < 0
            ? r != -e.code || !e.text[0]
            : !x.text || strlen(x.text) > 32 || x.number < -100 || x.list.n > 8)
        abort();
    for (size_t i = 0; r == 0 && i < x.list.n; i++)
        if (!x.list.item[i] || x.list.line[i] < 1)
            abort();
    cfg_free(fuzzed_keys, &x);

    recipe_init(&c);
    recipe_parse(&c, "bundle.cfg", (const char *)data, len, &e);
    recipe_free(&c);
    return 0;
}
