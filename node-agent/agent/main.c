// SPDX-License-Identifier: ISC
// hosteld: the node agent. See hosteld(8); node-agent/DESIGN.md shows its
// processes.

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/io.h"
#include "lib/log.h"
#include "node-agent/agent/backup.h"
#include "node-agent/agent/config.h"
#include "node-agent/agent/roles.h"
#include "node-agent/agent/supervisor.h"
#include "node-agent/netd/netd.h"

static const char usage_text[] =
    "usage: hosteld [-n] [-b DIR [-V]] [-c FILE] [-o 'KEY = VALUE']...\n"
    "\n"
    "  -c, --config FILE        instead of " CONFIG_PATH_DEFAULT "\n"
    "  -o, --set 'KEY = VALUE'  overrides one setting; may be repeated\n"
    "  -b, --backup DIR         copy the node's state to a new folder and "
    "exit;\n                           the node may run meanwhile\n"
    "  -V, --without-volumes    the backup has no files of volumes\n"
    "  -n, --check              check the configuration, print it and exit\n"
    "\n"
    "hosteld(8) and hosteld.conf(5) say more.\n";

static int (*const role_main[ROLE_COUNT])(const struct node_config *) = {
    [ROLE_API] = api_main,         [ROLE_KEEPER] = keeper_main,
    [ROLE_BUILDER] = builder_main, [ROLE_LEDGER] = ledger_main,
    [ROLE_SPAWNER] = spawner_main, [ROLE_OPERATOR] = operator_main,
    [ROLE_VOLUMES] = volumes_main, [ROLE_NET] = net_main,
};

/* The second life of this program: as a role, started by the supervisor. */
static int role_run(const char *name)
{
    static struct node_config cfg;
    char comm[16];
    struct err e;
    int role = 0;

    while (role < ROLE_COUNT && strcmp(role_name(role), name) != 0)
        role++;
    if (role == ROLE_COUNT ||
        read_full(ROLE_CONFIG_FD, &cfg, sizeof(cfg)) != sizeof(cfg) ||
        cfg.size != sizeof(cfg)) {
        fputs("hosteld: --role is for hosteld's own use\n", stderr);
        return 2;
    }
    log_open(role_name(role));
    if (cfg.log_json)
        log_use_json();
    snprintf(comm, sizeof(comm), "hosteld-%s", name);
    prctl(PR_SET_NAME, comm);
    if (role_confine(&cfg, role, &e) < 0) {
        log_error("%s", e.text);
        return 1;
    }
    return role_main[role](&cfg);
}

/* The folder this program is in. */
static void exe_dir(char out[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);

    out[n < 0 ? 0 : n] = 0;
    if (strrchr(out, '/'))
        *strrchr(out, '/') = 0;
}

static int fail(const char *text)
{
    log_error("%s", text);
    return 1;
}

/* The command line, for when the configuration is read again. */
static struct {
    const char *path, *const *sets;
    int nsets;
} given;

static int config_load(struct node_config *cfg, struct err *e)
{
    char dir[PATH_MAX];

    exe_dir(dir);
    config_defaults(cfg, dir);
    /* Without -c, a machine without a file runs with the defaults. */
    if ((given.path || access(CONFIG_PATH_DEFAULT, F_OK) == 0) &&
        config_read(cfg, given.path ? given.path : CONFIG_PATH_DEFAULT, e) < 0)
        return -e->code;
    for (int i = 0; i < given.nsets; i++)
        if (config_set(cfg, given.sets[i], e) < 0)
            return -e->code;
    if (config_check(cfg, e) < 0)
        return -e->code;
    return net_check(&cfg->network, e);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"check", no_argument, NULL, 'n'},
        {"backup", required_argument, NULL, 'b'},
        {"without-volumes", no_argument, NULL, 'V'},
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 'o'},
        {"role", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *path = NULL, *backup = NULL,
               **sets = calloc(argc, sizeof(*sets));
    static struct node_config cfg;
    int c, check = 0, nsets = 0, volumes = 1;
    struct err e;

    while (sets &&
           (c = getopt_long(argc, argv, "nc:o:b:Vh", longs, NULL)) != -1) {
        switch (c) {
        case 'n':
            check = 1;
            break;
        case 'c':
            path = optarg;
            break;
        case 'o':
            sets[nsets++] = optarg;
            break;
        case 'b':
            backup = optarg;
            break;
        case 'V':
            volumes = 0;
            break;
        case 'r':
            free(sets);
            return role_run(optarg);
        case 'h':
            fputs(usage_text, stdout);
            return 0;
        default:
            fputs(usage_text, stderr);
            return 2;
        }
    }
    if (optind != argc || (!volumes && !backup)) {
        fputs(usage_text, stderr);
        return 2;
    }
    log_open("hosteld");
    given.path = path;
    given.sets = sets;
    given.nsets = nsets;
    if (config_load(&cfg, &e) < 0)
        return fail(e.text);
    if (check) {
        config_print(&cfg, stdout);
        return 0;
    }
    if (backup)
        return backup_make(&cfg, backup, volumes, &e) < 0 ? fail(e.text) : 0;
    if (geteuid() != 0)
        return fail("hosteld must be started as root; it gives that up in "
                    "all but two of its processes");
    if (cfg.log_json)
        log_use_json();
    if (supervisor_run(&cfg, config_load, &e) < 0)
        return fail(e.text);
    return 0;
}
