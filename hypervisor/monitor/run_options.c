// SPDX-License-Identifier: ISC
// The options of `hostel-hv run` and its domain.cfg(5); see run_state.h.

#include "hypervisor/monitor/run_state.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/engine/select.h"
#include "lib/log.h"

static void usage(FILE *to)
{
    fputs(
        "usage: hostel-hv run [-c FILE] [-m MIB] [-i INITRD] [-e VAR=VALUE]\n"
        "                     [-n NAME] [--engine kvm|pv|auto] "
        "[--cpu-ms N]\n"
        "                     [--wall-ms N] [--usage] [--disk SPEC]...\n"
        "                     [--net SPEC]... [--volume SPEC]... [--gdb PORT]\n"
        "                     [--core FILE] [--trace FILE]\n"
        "                     IMAGE [ARGS]\n",
        to);
}

// A whole number within bounds, or the program ends.
static int64_t number(const char *option, const char *text, int64_t most)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || *end || end == text || v < 1 || v > most) {
        log_error("%s: %s is not a number from 1 to %lld", option, text,
                  (long long)most);
        exit(STATUS_FAILED);
    }
    return v;
}

static void replace(char **at, const char *value)
{
    free(*at);
    *at = strdup(value);
}

static const char short_options[] = "+c:m:i:e:n:h";
static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"memory", required_argument, NULL, 'm'},
    {"initrd", required_argument, NULL, 'i'},
    {"env", required_argument, NULL, 'e'},
    {"name", required_argument, NULL, 'n'},
    {"engine", required_argument, NULL, 'E'},
    {"cpu-ms", required_argument, NULL, 'C'},
    {"wall-ms", required_argument, NULL, 'W'},
    {"disk", required_argument, NULL, 'D'},
    {"net", required_argument, NULL, 'N'},
    {"volume", required_argument, NULL, 'V'},
    {"usage", no_argument, NULL, 'U'},
    {"gdb", required_argument, NULL, 'G'},
    {"core", required_argument, NULL, 'O'},
    {"trace", required_argument, NULL, 'T'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

// Two passes: the file first, so that options override it.
static int parse_config(struct run *r, int argc, char **argv, struct err *e)
{
    static char name[] = "hostel-hv run";
    int o;

    argv[0] = name; // what getopt's sentences begin with
    opterr = 0;
    while ((o = getopt_long(argc, argv, short_options, long_options, NULL)) !=
           -1)
        if (o == 'c')
            r->config_path = optarg;
    opterr = 1;
    optind = 0; // glibc: scan again from the start
    config_init(&r->config);
    if (r->config_path && (config_read(&r->config, r->config_path, e) < 0 ||
                           config_check_run(&r->config, r->config_path, e) < 0))
        return -e->code;
    for (size_t i = 0; i < r->config.disk.n; i++)
        r->disk[r->ndisks++] = r->config.disk.item[i];
    for (size_t i = 0; i < r->config.vif.n; i++)
        r->vif[r->nvifs++] = r->config.vif.item[i];
    for (size_t i = 0; i < r->config.volume.n; i++)
        r->volume[r->nvolumes++] = r->config.volume.item[i];
    return 0;
}

#define ENV_MAX 256

static int add(const char **list, unsigned *n, const char *spec,
               const char *what, struct err *e)
{
    if (*n == HV_DEVICE_MAX)
        return err_set(e, EINVAL, "a domain has at most %d %s", HV_DEVICE_MAX,
                       what);
    list[(*n)++] = spec;
    return 0;
}

static int parse_options(struct run *r, int argc, char **argv, const char **env,
                         size_t *nenv, struct err *e)
{
    int o;

    while ((o = getopt_long(argc, argv, short_options, long_options, NULL)) !=
           -1) {
        switch (o) {
        case 'c':
            break;
        case 'm':
            r->config.memory_mib = number("-m", optarg, HV_RAM_MAX >> 20);
            break;
        case 'i':
            replace(&r->config.ramdisk, optarg);
            break;
        case 'n':
            replace(&r->config.name, optarg);
            break;
        case 'e':
            if (!strchr(optarg, '=') || *nenv == ENV_MAX)
                return err_set(e, EINVAL, "-e takes VAR=VALUE, %d at most",
                               ENV_MAX);
            env[(*nenv)++] = optarg;
            break;
        case 'E':
            replace(&r->config.engine, optarg);
            break;
        case 'C':
            r->config.cpu_ms = number("--cpu-ms", optarg, INT64_MAX / 1000000);
            break;
        case 'W':
            r->config.wall_ms =
                number("--wall-ms", optarg, INT64_MAX / 1000000);
            break;
        case 'D':
            if (add(r->disk, &r->ndisks, optarg, "disks", e) < 0)
                return -e->code;
            break;
        case 'N':
            if (add(r->vif, &r->nvifs, optarg, "interfaces", e) < 0)
                return -e->code;
            break;
        case 'V':
            if (add(r->volume, &r->nvolumes, optarg, "volumes", e) < 0)
                return -e->code;
            break;
        case 'U':
            r->usage = true;
            break;
        case 'G':
            r->gdb_port = number("--gdb", optarg, 65535);
            break;
        case 'O':
            r->core_path = optarg;
            break;
        case 'T':
            r->trace_path = optarg;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(STATUS_FAILED);
        }
    }
    return 0;
}

// Arguments of the command line, else those of the file.
static int add_arguments(struct run *r, char **argv, struct err *e)
{
    struct hvc_prepare *p = &r->prepare;
    int s = config_add_argument(p, r->config.kernel, e);

    if (s == 0 && *argv) {
        while (s == 0 && *argv)
            s = config_add_argument(p, *argv++, e);
        return s;
    }
    for (size_t i = 0; s == 0 && i < r->config.args.n; i++)
        s = config_add_argument(p, r->config.args.item[i], e);
    if (r->config.extra)
        for (char *save, *w = strtok_r(r->config.extra, " \t", &save);
             s == 0 && w; w = strtok_r(NULL, " \t", &save))
            s = config_add_argument(p, w, e);
    return s;
}

int run_describe(struct run *r, int argc, char **argv, struct err *e)
{
    struct hvc_prepare *p = &r->prepare;
    const char *env[ENV_MAX], *name;
    size_t nenv = 0;

    if (parse_config(r, argc, argv, e) < 0 ||
        parse_options(r, argc, argv, env, &nenv, e) < 0)
        return -e->code;
    argv += optind;
    if (*argv)
        replace(&r->config.kernel, *argv++);
    if (!r->config.kernel) {
        usage(stderr);
        exit(STATUS_FAILED);
    }
    if (add_arguments(r, argv, e) < 0)
        return -e->code;
    for (size_t i = 0; i < r->config.env.n; i++)
        if (config_add_environment(p, r->config.env.item[i], e) < 0)
            return -e->code;
    for (size_t i = 0; i < nenv; i++)
        if (config_add_environment(p, env[i], e) < 0)
            return -e->code;
    name = r->config.name ? r->config.name : basename(r->config.kernel);
    snprintf(p->domain_name, sizeof(p->domain_name), "%s", name);
    r->slot.engine = engine_select(r->config.engine ? r->config.engine : "pv");
    if (!r->slot.engine)
        return err_set(e, EINVAL,
                       "there is no engine \"%s\": it is " ENGINE_NAMES,
                       r->config.engine);
    p->memory_kib = (uint64_t)r->config.memory_mib * 1024;
    return 0;
}
