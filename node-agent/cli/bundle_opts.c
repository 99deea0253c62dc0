// SPDX-License-Identifier: ISC
// Options that shape a bundle; see bundle_opts.h.

#include "node-agent/cli/bundle_opts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/hex.h"
#include "node-agent/bundle/key.h"
#include "node-agent/bundle/secrets.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/show.h"

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
    case OPT_OUTPUT_KIB:
        return take_number(&o->q.output_kib, "--output-kib", arg);
    case OPT_VALID_HOURS:
        return take_number(&o->q.valid_hours, "--valid-hours", arg);
    case OPT_MAX_COST:
        o->q.max_cost = arg;
        return 1;
    case 's':
        if (o->q.nsecrets == ENV_MAX) {
            fprintf(stderr, "hostel: -s: at most %u secrets fit\n", ENV_MAX);
            return -1;
        }
        o->secret[o->q.nsecrets++] = arg;
        return 1;
    case OPT_VOLUME:
        if (o->q.nvolumes == MANIFEST_VOLUMES_MAX) {
            fprintf(stderr, "hostel: --volume: at most %d volumes fit\n",
                    MANIFEST_VOLUMES_MAX);
            return -1;
        }
        o->volume[o->q.nvolumes++] = arg;
        return 1;
    case OPT_SERVICE:
        o->q.run = "service";
        return 1;
    case OPT_FUNCTION:
        o->q.run = "function";
        return 1;
    case OPT_RESTART:
        o->q.restart = arg;
        return 1;
    case OPT_RESTARTS:
        return take_number(&o->q.restarts, "--restarts", arg);
    case OPT_BACKOFF_MS:
        return take_number(&o->q.backoff_ms, "--backoff-ms", arg);
    case OPT_CONCURRENCY:
        return take_number(&o->q.concurrency, "--concurrency", arg);
    case OPT_REQUEST_MS:
        return take_number(&o->q.request_ms, "--request-ms", arg);
    case OPT_CPU_WEIGHT:
        return take_number(&o->q.cpu_weight, "--cpu-weight", arg);
    case OPT_CPU_CAP:
        return take_number(&o->q.cpu_cap, "--cpu-cap", arg);
    case OPT_NET:
        o->q.network = arg;
        return 1;
    case OPT_LINK:
        o->q.link = arg;
        return 1;
    case OPT_NET_IN_MIB:
        return take_number(&o->q.net_in_mib, "--net-in-mib", arg);
    case OPT_NET_OUT_MIB:
        return take_number(&o->q.net_out_mib, "--net-out-mib", arg);
    case OPT_PUBLISH:
        if (o->q.npublish == NET_PUBLISH_MAX) {
            fprintf(stderr,
                    "hostel: --publish: at most %d ports can be published\n",
                    NET_PUBLISH_MAX);
            return -1;
        }
        o->publish[o->q.npublish++] = arg;
        return 1;
    default:
        return 0;
    }
}

// Asks the node for its key for secrets and seals them to it. The node's id
// is pinned, so an impostor's key is not used.
static int seal(struct bundle_plan *p, const struct seckey *sk,
                struct buf *sealed, struct err *e)
{
    uint8_t signature[SECRETS_SIGNATURE_BYTES];
    struct manifest *m = &p->m;
    struct client *c;
    struct pubkey pk;
    json_t *node;
    int r;

    if (!p->nsecrets)
        return 0;
    c = client_open(CLIENT_ANYBODY, e);
    node = c ? client_get_json(c, e, "/v1/node") : NULL;
    client_close(c);
    if (!node)
        return err_prefix(e, "asking the node for its key for secrets");
    if (hex_decode(m->sealed_key, KEY_BYTES, get_text(node, "secrets_key")) ||
        hex_decode(signature, sizeof(signature),
                   get_text(node, "secrets_key_signature")))
        r = err_set(e, EPROTO, "the node has no key for secrets");
    else
        r = secrets_key_verify(m->sealed_key, signature, m->audience, e);
    json_decref(node);
    key_public(sk, &pk);
    if (r == 0)
        r = secrets_seal(p->secret, p->nsecrets, pk.key, m->sealed_key, sealed,
                         e);
    m->sealed = sealed->data;
    m->sealed_len = sealed->len;
    return r;
}

int bundle_opts_make(struct bundle_opts *o, const struct context *ctx,
                     const char *path, size_t nargs, char *const *args, int fd,
                     struct err *e)
{
    const char *node = o->audience ? o->audience : ctx->node_id;
    uint8_t audience[KEY_BYTES];
    char key_path[PATH_MAX];
    struct buf sealed = BUF_INIT(SEALED_MAX);
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
    o->q.volumes = o->volume;
    o->q.secrets = o->secret;
    o->q.publish = o->publish;
    r = bundle_plan(&o->q, &p, e);
    if (r == 0)
        r = seal(&p, &sk, &sealed, e);
    if (r == 0)
        r = bundle_write(fd, &p.m, p.from, &sk, e);
    bundle_plan_free(&p);
    buf_free(&sealed);
    key_forget(&sk);
    return r;
}
