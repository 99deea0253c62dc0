// SPDX-License-Identifier: ISC
// Options that shape a bundle; see bundle_opts.h.

#include "node-agent/cli/bundle_opts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "node-agent/bundle/key.h"

static int take_number(int64_t *to, const char *what, const char *arg)
{
    char *end;

    errno = 0;
    *to = strtoll(arg, &end, 10);
    // The manifest's own limits are tighter, and checked later.
    if (errno == 0 && end != arg && *end == 0 && *to > 0 && *to < INT32_MAX)
        return 1;
    fprintf(stderr, "hostel: %s must be a positive number, not \"%s\"\n", what,
            arg);
    return -1;
}

int bundle_opts_take(struct bundle_opts *o, int c, const char *arg)
{
    switch (c) {
    case 'k':
        o->key = arg;
        return 1;
    case 'a':
        o->audience = arg;
        return 1;
    case 'n':
        o->q.name = arg;
        return 1;
    case 'm':
        return take_number(&o->q.memory_mib, "-m", arg);
    case 'e':
        if (o->q.nenv == ENV_MAX) {
            fprintf(stderr, "hostel: -e: at most %u variables fit\n", ENV_MAX);
            return -1;
        }
        o->env[o->q.nenv++] = arg;
        return 1;
    case OPT_CPU_MS:
        return take_number(&o->q.cpu_ms, "--cpu-ms", arg);
    case OPT_WALL_MS:
        return take_number(&o->q.wall_ms, "--wall-ms", arg);
    case OPT_BUILD_CPU_MS:
        return take_number(&o->q.build_cpu_ms, "--build-cpu-ms", arg);
    case OPT_CONSOLE_KIB:
        return take_number(&o->q.console_kib, "--console-kib", arg);
    case OPT_VALID_HOURS:
        return take_number(&o->q.valid_hours, "--valid-hours", arg);
    case OPT_MAX_COST:
        o->q.max_cost = arg;
        return 1;
    default:
        return 0;
    }
}

int bundle_opts_make(struct bundle_opts *o, const struct context *ctx,
                     const char *path, size_t nargs, char *const *args, int fd,
                     struct err *e)
{
    const char *node = o->audience ? o->audience : ctx->node_id;
    uint8_t audience[KEY_BYTES];
    char key_path[PATH_MAX];
    struct bundle_plan p = {0};
    struct seckey sk;
    int r;

    if (!node)
        return err_set(e, EINVAL,
                       "for which node? Give -a NODE, its 64 hex digits, or "
                       "make a context with `hostel context`");
    if (pubkey_from_hex(node, audience, e) < 0)
        return err_prefix(e, "the node's id");
    if ((r = context_key_path(ctx, o->key, key_path, e)) < 0 ||
        (r = seckey_read(key_path, &sk, e)) < 0)
        return r;
    o->q.path = path;
    o->q.audience = audience;
    o->q.nargs = nargs;
    o->q.args = (const char *const *)args;
    o->q.env = o->env;
    r = bundle_plan(&o->q, &p, e);
    if (r == 0)
        r = bundle_write(fd, &p.m, p.from, &sk, e);
    bundle_plan_free(&p);
    key_forget(&sk);
    return r;
}
