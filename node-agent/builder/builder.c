// SPDX-License-Identifier: ISC
/*
 * The builder role: compiles submissions, each in a sandbox of its own, and
 * measures what that took.
 *
 * It stays root, with a few capabilities (role.c), for as long as it takes to
 * make the slots' cgroups and to move into its house (house.h). From then on
 * it has no privilege on the machine, and only then does it read its first
 * message.
 *
 * It answers each MSG_BUILD with one MSG_BUILT, in any order. The keeper
 * queues; a build too many is answered with OUTCOME_LOST.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/agent/roles.h"
#include "node-agent/builder/build.h"
#include "node-agent/builder/house.h"
#include "node-agent/bundle/key.h"

#define KEEPER_FD ROLE_FD(ROLE_KEEPER)

/* The least that a compile can do with. */
#define BUILD_MEMORY_KIB_MIN (64u << 10)

struct builder {
    const struct node_config *cfg;
    struct cgroup_tree tree;
    struct build build[BUILD_SLOTS_MAX];
    unsigned nbuilds, running;
};

static int builder_open(struct builder *b, struct err *e)
{
    const struct node_config *cfg = b->cfg;
    struct build_slot slot;

    if (cfg->build_slots > BUILD_SLOTS_MAX)
        return err_set(e, EINVAL, "build_slots is more than %u",
                       BUILD_SLOTS_MAX);
    umask(022); /* the groups are read, and entered, without privilege */
    if (cgroup_tree_open(&b->tree, cfg->cgroup_path, e) < 0)
        return -e->code;
    for (; b->nbuilds < cfg->build_slots; b->nbuilds++) {
        if (slot_open(cfg, &b->tree, b->nbuilds, &slot, e) < 0)
            return -e->code;
        build_init(&b->build[b->nbuilds], &slot);
    }
    if (house_enter(cfg, e) < 0)
        return -e->code;
    /* Builds of a role that died before us, should any be left. */
    for (unsigned i = 0; i < b->nbuilds; i++)
        slot_kill(&b->build[i].slot);
    if (access(HOUSE_BWRAP, X_OK) < 0)
        return err_errno(e, "%s", HOUSE_BWRAP);
    if (access(HOUSE_TOOLCHAIN "/usr/bin/hostel-cc", X_OK) < 0)
        return err_errno(e, "%s/usr/bin/hostel-cc", cfg->toolchain_dir);
    return 0;
}

/* ---------------------------------------------------------------- messages */

static int built_send(const struct msg_built *m, int image)
{
    struct err e;

    if (ipc_send(KEEPER_FD, &m->head, &image, image >= 0 ? 1 : 0, &e) == 0)
        return 0;
    log_warn("%s", e.text);
    return -1;
}

static int build_refuse(const struct msg_build *m, const char *why)
{
    struct msg_built out = {.id = m->id, .outcome = OUTCOME_LOST};

    log_error("%s", why);
    ipc_head(&out, MSG_BUILT, 0);
    snprintf(out.text, sizeof(out.text), "%s", why);
    return built_send(&out, -1);
}

/* A slot whose last build's processes are really gone. */
static struct build *build_free_one(struct builder *b)
{
    for (unsigned i = 0; i < b->nbuilds; i++)
        if (b->build[i].state == BUILD_FREE && slot_empty(&b->build[i].slot))
            return &b->build[i];
    return NULL;
}

static void limits_cut(const struct node_config *cfg, struct msg_build *m)
{
    if (m->memory_kib == 0 || m->memory_kib > cfg->build_memory_kib)
        m->memory_kib = cfg->build_memory_kib;
    if (m->memory_kib < BUILD_MEMORY_KIB_MIN)
        m->memory_kib = BUILD_MEMORY_KIB_MIN;
    if (m->wall_ns == 0 || m->wall_ns > cfg->build_wall_ns)
        m->wall_ns = cfg->build_wall_ns;
}

/* bundle and log are taken over. */
static int message_build(struct builder *b, struct msg_build *m, int bundle,
                         int log)
{
    struct build *build = build_free_one(b);
    struct err e;

    if (!build) {
        close(bundle);
        close(log);
        return build_refuse(m, "the node has no free build slot");
    }
    limits_cut(b->cfg, m);
    if (build_start(build, m, bundle, log, &e) < 0)
        return build_refuse(m, e.text);
    return 0;
}

static void message_stop(struct builder *b, const struct msg_get *m)
{
    for (unsigned i = 0; i < b->nbuilds; i++)
        if (b->build[i].state != BUILD_FREE &&
            memcmp(&b->build[i].id, &m->id, sizeof(m->id)) == 0)
            build_stop(&b->build[i], OUTCOME_DESTROYED,
                       "the build was stopped on request");
}

/* 0, or -1 when the role must end. */
static int message_take(struct builder *b)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    struct err e;
    int n = ipc_recv(KEEPER_FD, &any, fds, &e);

    if (n == 0)
        return -1;
    if (n < 0) {
        log_error("%s", e.text);
        return -1;
    }
    switch (any.head.type) {
    case MSG_BUILD:
        return message_build(b, &any.build, fds[0], fds[1]);
    case MSG_BUILD_STOP:
        message_stop(b, &any.get);
        return 0;
    default:
        log_error("the keeper sent a message for somebody else (%u)",
                  any.head.type);
        ipc_close(fds);
        return -1;
    }
}

/* -------------------------------------------------------------------- loop */

static int builds_step(struct builder *b)
{
    b->running = 0;
    for (unsigned i = 0; i < b->nbuilds; i++) {
        struct msg_built out;
        cleanup_close int image = -1;

        if (build_step(&b->build[i])) {
            image = build_finish(&b->build[i], &out);
            if (built_send(&out, image) < 0)
                return -1;
        }
        b->running += b->build[i].state != BUILD_FREE;
    }
    return 0;
}

/* 1: go on; 0: keeper or supervisor is gone. */
static int builder_wait(struct builder *b)
{
    struct pollfd p[2 + BUILD_POLL_FDS * BUILD_SLOTS_MAX] = {
        {.fd = KEEPER_FD, .events = POLLIN},
        {.fd = ROLE_LIFELINE_FD, .events = POLLIN},
    };
    unsigned n = 2;

    for (unsigned i = 0; i < b->nbuilds; i++, n += BUILD_POLL_FDS)
        build_poll(&b->build[i], &p[n]);
    if (poll(p, n, b->running ? BUILD_TICK_MS : -1) < 0 && errno != EINTR) {
        log_error("waiting failed");
        return 0;
    }
    if (p[1].revents)
        return 0;
    if (p[0].revents && message_take(b) < 0)
        return 0;
    return builds_step(b) == 0;
}

int builder_main(const struct node_config *cfg)
{
    static struct builder b = {.tree = CGROUP_TREE_INIT};
    struct err e;

    b.cfg = cfg;
    if (key_init(&e) < 0 || builder_open(&b, &e) < 0) {
        log_error("%s", e.text);
        return 1;
    }
    role_ready();
    while (builder_wait(&b))
        ;
    return 0; /* builds end with us: PDEATHSIG */
}
