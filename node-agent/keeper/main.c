// SPDX-License-Identifier: ISC
// The life of the keeper role.

#include <errno.h>
#include <string.h>
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"
#include "node-agent/agent/roles.h"
#include "node-agent/bundle/key.h"
#include "node-agent/keeper/keeper.h"

static int secrets_take(struct secrets_key *key, struct err *e)
{
    cleanup_close int fd = ROLE_SECRET_FD;

    return read_full(fd, key, sizeof(*key)) == sizeof(*key)
               ? 0
               : err_set(e, EPROTO, "there is no key for secrets");
}

static int keeper_start(struct keeper *k, const struct node_config *cfg,
                        struct err *e)
{
    struct secrets_key secrets;
    const struct keeper_fds fds = {
        .api = ROLE_FD(ROLE_API),
        .ledger = ROLE_FD(ROLE_LEDGER),
        .spawner = ROLE_FD(ROLE_SPAWNER),
        .builder = ROLE_FD(ROLE_BUILDER),
        .volumed = ROLE_FD(ROLE_VOLUMES),
        .operator= ROLE_FD(ROLE_OPERATOR),
        .net = ROLE_FD(ROLE_NET),
        .lifeline = ROLE_LIFELINE_FD,
        .shelf = {ROLE_SHELF_FD, ROLE_SHELF_FD + 1},
        .secrets = &secrets,
    };
    int r = key_init(e);

    cputime_open();
    if (r == 0)
        r = secrets_take(&secrets, e);
    if (r == 0)
        r = keeper_open(k, cfg, &fds, e);
    explicit_bzero(&secrets, sizeof(secrets));
    if (r == 0)
        r = role_seal(e);
    return r;
}

int keeper_main(const struct node_config *cfg)
{
    static struct keeper k; // a megabyte of tables
    struct err e = {0};
    int r;

    r = keeper_start(&k, cfg, &e);
    if (r == 0) {
        role_ready();
        while ((r = keeper_turn(&k, -1, &e)) == 0)
            ;
    }
    if (r == -EPIPE) {
        log_info("ending: %s", e.text);
        return 0;
    }
    log_error("%s", e.text);
    return 1;
}
