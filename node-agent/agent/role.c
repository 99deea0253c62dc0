// SPDX-License-Identifier: ISC
// What every role does first: become little. See roles.h.

#include "node-agent/agent/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(n) (1ull << (n))

struct role_rule {
    const char *name;
    uint32_t channels; /* BIT(role) of each peer */
    uint32_t fds;      /* BIT(fd) beside 0-4, the lock and the channels */
    uint64_t caps;     /* kept; 0 = becomes its own uid */
    rlim_t nofile;     /* at most; the hard limit may be lower */
};

/* What a spawner and the nursery it starts may do to the machine. */
static const uint64_t spawner_caps =
    BIT(CAP_SETUID) |       /* nursery: a monitor runs as its slot's user */
    BIT(CAP_SETGID) |       /* nursery: and group, with no other groups */
    BIT(CAP_SETPCAP) |      /* nursery: a monitor's bounding set is emptied */
    BIT(CAP_SYS_ADMIN) |    /* nursery: its empty root folder */
    BIT(CAP_CHOWN) |        /* slot folders belong to the slot's user */
    BIT(CAP_FOWNER) |       /* and are changed and removed again */
    BIT(CAP_DAC_OVERRIDE) | /* likewise, when root is not their owner */
    BIT(CAP_KILL) |         /* ends domains; budgets' signals (perf sigtrap) */
    BIT(CAP_PERFMON);       /* CPU budgets: perf events on slots' processes */

/* The builder gives all of these up itself, by moving into a user namespace;
 * see builder/house.h. */
static const uint64_t builder_caps =
    BIT(CAP_SETUID) |    /* maps the build slots' users, becomes its own */
    BIT(CAP_SETGID) |    /* likewise */
    BIT(CAP_SETFCAP) |   /* Linux 5.12: maps that hold user 0 ask for it */
    BIT(CAP_SETPCAP) |   /* empties bounding sets */
    BIT(CAP_SYS_ADMIN) | /* mounts its root folder */
    BIT(CAP_SYS_CHROOT) |
    BIT(CAP_CHOWN) |        /* build folders belong to the slot's user */
    BIT(CAP_DAC_OVERRIDE) | /* makes its root folder inside the run folder */
    BIT(CAP_KILL);          /* ends builds */

/* What the jobs it starts need until they have given it up, too; see
 * volume/contract.h. */
static const uint64_t volumes_caps =
    BIT(CAP_SETUID) |          /* a job runs as its volume's user */
    BIT(CAP_SETGID) |          /* and group, with no other groups */
    BIT(CAP_SETPCAP) |         /* a job's bounding set is emptied */
    BIT(CAP_SYS_ADMIN) |       /* a job's root folder */
    BIT(CAP_CHOWN) |           /* a volume's folders belong to its user */
    BIT(CAP_DAC_OVERRIDE) |    /* they are opened, and removed in the end */
    BIT(CAP_DAC_READ_SEARCH) | /* jobs read what its user may not */
    BIT(CAP_FOWNER) |          /* modes of such folders */
    BIT(CAP_KILL);             /* ends jobs */
/* Interfaces, addresses, routes, nftables: all of that is one capability. */
static const uint64_t net_caps = BIT(CAP_NET_ADMIN);

static const struct role_rule rules[ROLE_COUNT] = {
    [ROLE_API] = {"api", BIT(ROLE_KEEPER) | BIT(ROLE_LEDGER),
                  BIT(ROLE_TCP_FD) | BIT(ROLE_SECRET_FD) | BIT(ROLE_METRICS_FD),
                  0, 8192},
    [ROLE_KEEPER] = {"keeper",
                     BIT(ROLE_API) | BIT(ROLE_OPERATOR) | BIT(ROLE_LEDGER) |
                         BIT(ROLE_SPAWNER) | BIT(ROLE_BUILDER) | BIT(ROLE_NET) |
                         BIT(ROLE_VOLUMES),
                     BIT(ROLE_SECRET_FD) | BIT(ROLE_SHELF_FD) |
                         BIT(ROLE_SHELF_FD + 1),
                     0, 65536},
    [ROLE_BUILDER] = {"builder", BIT(ROLE_KEEPER), 0, builder_caps, 1024},
    [ROLE_LEDGER] = {"ledger",
                     BIT(ROLE_API) | BIT(ROLE_OPERATOR) | BIT(ROLE_KEEPER),
                     BIT(ROLE_SECRET_FD), 0, 1024},
    [ROLE_SPAWNER] = {"spawner", BIT(ROLE_KEEPER), 0, spawner_caps, 131072},
    [ROLE_OPERATOR] = {"operator", BIT(ROLE_KEEPER) | BIT(ROLE_LEDGER),
                       BIT(ROLE_UNIX_FD) | BIT(ROLE_CONTROL_FD), 0, 2048},
    [ROLE_VOLUMES] = {"volumes", BIT(ROLE_KEEPER), 0, volumes_caps, 1024},
    [ROLE_NET] = {"net", BIT(ROLE_KEEPER), 0, net_caps, 1024},
};

const char *role_name(enum role role)
{
    return (unsigned)role < ROLE_COUNT ? rules[role].name : NULL;
}

static int self = -1;

int role_self(void)
{
    return self;
}

int role_channel(enum role a, enum role b)
{
    return (rules[a].channels >> b) & 1;
}

static void fds_close(const struct role_rule *r)
{
    uint64_t keep = BIT(ROLE_CONFIG_FD) | BIT(ROLE_LIFELINE_FD) |
                    BIT(ROLE_LOCK_FD) | (uint64_t)r->channels << ROLE_FD(0) |
                    r->fds;

    for (int fd = 3; fd < ROLE_FD_END; fd++) {
        if (!(keep & BIT(fd)))
            close(fd);
        else
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    close_range(ROLE_FD_END, ~0u, 0);
}

static int limits_set(const struct role_rule *r, struct err *e)
{
    struct rlimit core = {0, 0}, files;

    if (setrlimit(RLIMIT_CORE, &core) < 0)
        return err_errno(e, "turning off core dumps");
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return err_errno(e, "reading the limit of open files");
    /* Raising the hard limit needs a capability that a container's root has
     * not; then what there is must do. */
    if (files.rlim_max > r->nofile)
        files.rlim_max = r->nofile;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        return err_errno(e, "limiting open files");
    return 0;
}

/* What it may use now, and what any program it runs could ever have. */
static int caps_drop(uint64_t keep, uint64_t bound, struct err *e)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct have[2], want[2];

    if (syscall(SYS_capget, &head, have) < 0)
        return err_errno(e, "reading capabilities");
    for (int i = 0; i < 2; i++) {
        uint32_t keep_half = keep >> (32 * i);

        want[i].permitted = have[i].permitted & keep_half;
        want[i].effective = want[i].permitted;
        want[i].inheritable = 0;
    }
    for (int cap = 0; cap < 64; cap++) /* also ones newer than our headers */
        if (!(bound & BIT(cap)) && prctl(PR_CAPBSET_READ, cap) == 1 &&
            prctl(PR_CAPBSET_DROP, cap) < 0)
            return err_errno(e, "dropping a capability for good");
    if (syscall(SYS_capset, &head, want) < 0)
        return err_errno(e, "dropping capabilities");
    return 0;
}

static int uid_become(uid_t uid, struct err *e)
{
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
        setresuid(uid, uid, uid) < 0)
        return err_errno(e, "becoming user %u", uid);
    /* It must not be possible to go back. */
    if (setuid(0) == 0)
        return err_set(e, EPERM, "user %u could become root again", uid);
    return 0;
}

int role_confine(const struct node_config *cfg, enum role role, struct err *e)
{
    const struct role_rule *r = &rules[role];
    struct pollfd lifeline = {.fd = ROLE_LIFELINE_FD, .events = POLLIN};
    char dir[NODE_PATH_MAX + 16];

    self = role;
    fds_close(r);
    umask(077);
    snprintf(dir, sizeof(dir), "%s/%s", cfg->state_dir, r->name);
    if (chdir(dir) < 0)
        return err_errno(e, "%s", dir);
    if (limits_set(r, e) < 0)
        return -e->code;
    if (r->caps) {
        if (setgroups(0, NULL) < 0)
            return err_errno(e, "leaving groups");
        if (caps_drop(r->caps, r->caps, e) < 0)
            return -e->code;
    } else {
        /* The rest goes with the user id. */
        if (caps_drop(BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP), 0,
                      e) < 0 ||
            uid_become(UID_ROLE(cfg->uid_base, role), e) < 0)
            return -e->code;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_errno(e, "giving up privileges");
    /* It may have died before it was to take us along. */
    if (poll(&lifeline, 1, 0) != 0)
        return err_set(e, EPIPE, "the supervisor is gone");
    return 0;
}

void role_ready(void)
{
    /* A supervisor that is gone needs no answer: the lifeline tells us. */
    if (write(ROLE_LIFELINE_FD, "R", 1) < 0)
        return;
}
