// SPDX-License-Identifier: ISC
// The options of every verb that makes a bundle: bundle, quote, run.
//
//     struct bundle_opts o = {0};
//     while ((c = getopt_long(argc, argv, "+o:" BUNDLE_OPTS, longs, 0)) != -1)
//         if (c == 'o') ...
//         else if (bundle_opts_take(&o, c, optarg) <= 0)
//             return cmd_usage(...);
//     r = bundle_opts_make(&o, &ctx, path, nargs, args, fd, &e);

#ifndef CLI_BUNDLE_OPTS_H
#define CLI_BUNDLE_OPTS_H

#include <getopt.h>
#include <stddef.h>

#include "lib/err.h"
#include "node-agent/bundle/plan.h"
#include "node-agent/cli/context.h"

#define BUNDLE_OPTS "k:a:n:m:e:s:"

enum {
    OPT_CPU_MS = 0x100,
    OPT_WALL_MS,
    OPT_BUILD_CPU_MS,
    OPT_CONSOLE_KIB,
    OPT_OUTPUT_KIB,
    OPT_MAX_COST,
    OPT_VALID_HOURS,
    OPT_SERVICE,
    OPT_FUNCTION,
    OPT_RESTART,
    OPT_RESTARTS,
    OPT_BACKOFF_MS,
    OPT_CONCURRENCY,
    OPT_REQUEST_MS,
    OPT_CPU_WEIGHT,
    OPT_CPU_CAP,
    OPT_VOLUME,
    OPT_NET,
    OPT_PUBLISH,
    OPT_LINK,
    OPT_NET_IN_MIB,
    OPT_NET_OUT_MIB,
    OPT_VERB, // a verb's own long options begin here
};

#define BUNDLE_LONG_OPTS                                                       \
    {"key", required_argument, NULL, 'k'},                                     \
        {"audience", required_argument, NULL, 'a'},                            \
        {"name", required_argument, NULL, 'n'},                                \
        {"memory", required_argument, NULL, 'm'},                              \
        {"env", required_argument, NULL, 'e'},                                 \
        {"cpu-ms", required_argument, NULL, OPT_CPU_MS},                       \
        {"wall-ms", required_argument, NULL, OPT_WALL_MS},                     \
        {"build-cpu-ms", required_argument, NULL, OPT_BUILD_CPU_MS},           \
        {"console-kib", required_argument, NULL, OPT_CONSOLE_KIB},             \
        {"output-kib", required_argument, NULL, OPT_OUTPUT_KIB},               \
        {"max-cost", required_argument, NULL, OPT_MAX_COST},                   \
        {"secret", required_argument, NULL, 's'},                              \
        {"service", no_argument, NULL, OPT_SERVICE},                           \
        {"function", no_argument, NULL, OPT_FUNCTION},                         \
        {"restart", required_argument, NULL, OPT_RESTART},                     \
        {"restarts", required_argument, NULL, OPT_RESTARTS},                   \
        {"backoff-ms", required_argument, NULL, OPT_BACKOFF_MS},               \
        {"concurrency", required_argument, NULL, OPT_CONCURRENCY},             \
        {"request-ms", required_argument, NULL, OPT_REQUEST_MS},               \
        {"cpu-weight", required_argument, NULL, OPT_CPU_WEIGHT},               \
        {"cpu-cap", required_argument, NULL, OPT_CPU_CAP},                     \
        {"volume", required_argument, NULL, OPT_VOLUME},                       \
        {"net", required_argument, NULL, OPT_NET},                             \
        {"publish", required_argument, NULL, OPT_PUBLISH},                     \
        {"link", required_argument, NULL, OPT_LINK},                           \
        {"net-in-mib", required_argument, NULL, OPT_NET_IN_MIB},               \
        {"net-out-mib", required_argument, NULL, OPT_NET_OUT_MIB},             \
    {                                                                          \
        "valid-hours", required_argument, NULL, OPT_VALID_HOURS                \
    }

// For the help of a verb.
#define BUNDLE_OPTS_HELP                                                       \
    "  -k KEY   sign with this key: a name (see keygen) or a path with a "     \
    "slash;\n           default: the context's, else \"default\"\n"            \
    "  -a NODE  the node that may run it, 64 hex digits; default: the "        \
    "context's\n"                                                              \
    "  -n NAME  name of the program\n"                                         \
    "  -m MIB   memory, in MiB\n"                                              \
    "  -e NAME=VALUE          add an environment variable\n"                   \
    "  -s NAME[=VALUE]        add a secret, which only the node can read; "    \
    "without a\n                         value, from your environment\n"       \
    "  --service              start it again when it ends: --restart "         \
    "on-failure|always,\n                         --restarts N, "              \
    "--backoff-ms N\n"                                                         \
    "  --function             start it for each request (hostel call): "       \
    "--concurrency N,\n"                                                       \
    "                         --request-ms N\n"                                \
    "  --cpu-weight N         share when CPUs are short, 1 to 10000; "         \
    "usual: 100\n"                                                             \
    "  --cpu-cap N            at most this many percent of a CPU\n"            \
    "  --volume NAME:MOUNT[:ro][:shared]   attach a volume of yours\n"         \
    "  --net none|nat|routed|bridge|any   give it a network: --link NAME,\n"   \
    "                         --net-in-mib N, --net-out-mib N\n"               \
    "  --publish [tcp:|udp:]HOSTPORT:PORT   a port of the node's leads to "    \
    "it\n"                                                                     \
    "  --cpu-ms, --wall-ms, --build-cpu-ms N   hard budgets\n"                 \
    "  --console-kib N        how much console output is kept\n"               \
    "  --output-kib N         how much is kept of files it leaves in /out\n"   \
    "  --max-cost \"0.05 EUR\"  stop before it costs more\n"                   \
    "  --valid-hours N        when the signature expires, at most 168\n"       \
    "Without an option, the folder's bundle.cfg says, or the default.\n"

struct bundle_opts {
    struct bundle_request q;
    const char *key;      // as given
    const char *audience; // hex
    const char *env[ENV_MAX], *secret[ENV_MAX];
    const char *volume[MANIFEST_VOLUMES_MAX];
    const char *publish[NET_PUBLISH_MAX];
};

// 1: taken; 0: not one of these; -1: bad value, and it was said why.
int bundle_opts_take(struct bundle_opts *o, int c, const char *arg);

// Plans, signs and writes the bundle of path to fd. Arguments may be none.
int bundle_opts_make(struct bundle_opts *o, const struct context *ctx,
                     const char *path, size_t nargs, char *const *args, int fd,
                     struct err *e);

#endif
