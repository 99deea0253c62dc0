// SPDX-License-Identifier: ISC
// bundle.cfg; see recipe.h.

#include "node-agent/bundle/recipe.h"

#include <string.h>

#include "node-agent/bundle/limits.h"
#include "node-agent/bundle/net_terms.h"
#include "node-agent/bundle/text.h"
#include "node-agent/bundle/volumes.h"

#define NANO 1000000000ull

#define MS_MAX      (TIME_NS_MAX / 1000000)
#define NET_MIB_MAX (NET_BYTES_MAX >> 20)

static const struct cfg_key recipe_keys[] = {
    CFG_STR_KEY("name", struct recipe, name, NAME_MAX_BYTES, 0),
    CFG_STR_KEY("kind", struct recipe, kind, 16, 0),
    CFG_STR_KEY("image", struct recipe, image, BUNDLE_PATH_MAX, 0),
    CFG_STR_KEY("max_cost", struct recipe, max_cost, 32, 0),
    CFG_LIST_KEY("sources", struct recipe, sources, BUNDLE_FILES_MAX, 0),
    CFG_LIST_KEY("data", struct recipe, data, BUNDLE_FILES_MAX, 0),
    CFG_LIST_KEY("arguments", struct recipe, arguments, ARGS_MAX, 0),
    CFG_LIST_KEY("environment", struct recipe, environment, ENV_MAX, 0),
    CFG_LIST_KEY("cflags", struct recipe, cflags, OPTIONS_MAX, 0),
    CFG_LIST_KEY("libs", struct recipe, libs, 16, 0),
    CFG_INT_KEY("memory", struct recipe, memory_mib, MEMORY_KIB_MIN / 1024,
                MEMORY_KIB_MAX / 1024, 0),
    CFG_INT_KEY("cpu_ms", struct recipe, cpu_ms, 1, MS_MAX, 0),
    CFG_INT_KEY("wall_ms", struct recipe, wall_ms, 1, MS_MAX, 0),
    CFG_INT_KEY("build_cpu_ms", struct recipe, build_cpu_ms, 1, MS_MAX, 0),
    CFG_INT_KEY("console_kib", struct recipe, console_kib, 0,
                CONSOLE_BYTES_MAX / 1024, 0),
    CFG_INT_KEY("output_kib", struct recipe, output_kib, 1,
                OUTPUT_BYTES_MAX / 1024, 0),
    CFG_INT_KEY("valid_hours", struct recipe, valid_hours, 1,
                VALID_S_MAX / 3600, 0),
    CFG_STR_KEY("run", struct recipe, run, 16, 0),
    CFG_STR_KEY("restart", struct recipe, restart, 16, 0),
    CFG_LIST_KEY("secrets", struct recipe, secrets, ENV_MAX, 0),
    CFG_LIST_KEY("volumes", struct recipe, volumes, MANIFEST_VOLUMES_MAX, 0),
    CFG_INT_KEY("restarts", struct recipe, restarts, 1, RESTARTS_MAX, 0),
    CFG_INT_KEY("backoff_ms", struct recipe, backoff_ms, 1, BACKOFF_MS_MAX, 0),
    CFG_INT_KEY("concurrency", struct recipe, concurrency, 1, CONCURRENCY_MAX,
                0),
    CFG_INT_KEY("request_ms", struct recipe, request_ms, 1, REQUEST_MS_MAX, 0),
    CFG_STR_KEY("network", struct recipe, network, 16, 0),
    CFG_STR_KEY("link", struct recipe, link, NET_LINK_MAX - 1, 0),
    CFG_LIST_KEY("publish", struct recipe, publish, NET_PUBLISH_MAX, 0),
    CFG_INT_KEY("net_in_mib", struct recipe, net_in_mib, 1, NET_MIB_MAX, 0),
    CFG_INT_KEY("net_out_mib", struct recipe, net_out_mib, 1, NET_MIB_MAX, 0),
    CFG_INT_KEY("cpu_weight", struct recipe, cpu_weight, 1, CPU_WEIGHT_MAX, 0),
    CFG_INT_KEY("cpu_cap", struct recipe, cpu_cap, 1, CPU_CAP_PERCENT_MAX, 0),
    {0},
};

void recipe_init(struct recipe *r)
{
    *r = (struct recipe){
        .memory_mib = 32,
        .cpu_ms = 10000,
        .wall_ms = 60000,
        .build_cpu_ms = 20000,
        .console_kib = 1024,
        .valid_hours = 24,
    };
}

void recipe_free(struct recipe *r)
{
    cfg_free(recipe_keys, r);
}

// What the table cannot say.
static int recipe_check(const struct recipe *r, const char *name, struct err *e)
{
    uint64_t amount;
    char currency[4];

    if (r->kind && strcmp(r->kind, "source") && strcmp(r->kind, "image"))
        return err_set(e, EINVAL, "%s: kind must be \"source\" or \"image\"",
                       name);
    if (r->kind && !strcmp(r->kind, "source") && r->image)
        return err_set(e, EINVAL,
                       "%s: image goes with kind = \"image\", not with source",
                       name);
    if (r->kind && !strcmp(r->kind, "image") && !r->image)
        return err_set(e, EINVAL,
                       "%s: kind is \"image\": set image to the guest's file",
                       name);
    if (r->image && (r->sources.n || r->cflags.n || r->libs.n))
        return err_set(e, EINVAL,
                       "%s: sources, cflags and libs go with source, not with "
                       "an image",
                       name);
    if (r->max_cost && cost_parse(r->max_cost, &amount, currency, e) < 0)
        return err_prefix(e, "%s: max_cost", name);
    return 0;
}

int recipe_read(struct recipe *r, const char *path, struct err *e)
{
    int n = cfg_read(path, recipe_keys, r, e);

    return n < 0 ? n : recipe_check(r, path, e);
}

int recipe_parse(struct recipe *r, const char *name, const char *text,
                 size_t len, struct err *e)
{
    int n = cfg_parse(name, text, len, recipe_keys, r, e);

    return n < 0 ? n : recipe_check(r, name, e);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int cost_parse(const char *text, uint64_t *amount_nano, char currency[4],
               struct err *e)
{
    uint64_t whole = 0, part = 0, unit = NANO;
    const char *p = text;
    char shown[TEXT_QUOTE_MAX];

    currency[0] = 0;
    if (!is_digit(*p))
        goto bad;
    for (; is_digit(*p) && whole <= COST_NANO_MAX / NANO; p++)
        whole = whole * 10 + (*p - '0');
    if (*p == '.') {
        p++;
        if (!is_digit(*p))
            goto bad;
        for (; is_digit(*p) && unit > 1; p++) {
            unit /= 10;
            part += (*p - '0') * unit;
        }
    }
    if (*p == ' ') {
        p++;
        if (strlen(p) != 3 || strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
            goto bad;
        strcpy(currency, p);
        p += 3;
    }
    if (*p || whole > COST_NANO_MAX / NANO ||
        whole * NANO + part > COST_NANO_MAX)
        goto bad;
    *amount_nano = whole * NANO + part;
    return 0;
bad:
    return err_set(e, EINVAL,
                   "\"%s\" is not an amount of money; write it as 0.05 or "
                   "\"0.05 EUR\", at most 9 decimals and a million",
                   text_quote(shown, text));
}
