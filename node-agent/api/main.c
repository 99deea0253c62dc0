// SPDX-License-Identifier: ISC
// The api role: HTTP on one side, the keeper and the ledger on the other.

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/agent/roles.h"
#include "node-agent/api/api.h"
#include "node-agent/api/conn.h"
#include "node-agent/api/control.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/nonces.h"
#include "node-agent/api/server.h"

// A role without its peers is of no use; the supervisor starts all anew.
static void channel_closed(const char *why)
{
    log_info("a channel is closed: %s", why);
    _exit(0);
}

static int api_start(struct api *api, const struct node_config *cfg,
                     struct err *e)
{
    api->cfg = cfg;
    api->started_real_ns = clock_real_ns();
    api->nonces = nonces_new(NONCES_MAX);
    api->keeper = mux_new(ROLE_FD(ROLE_KEEPER), channel_closed);
    api->ledger = mux_new(ROLE_FD(ROLE_LEDGER), channel_closed);
    if (!api->nonces || !api->keeper || !api->ledger)
        return err_set(e, ENOMEM, "no memory to start");
    return api_load(api, e);
}

// Until the supervisor is gone.
static void api_watch(void)
{
    struct pollfd lifeline = {.fd = ROLE_LIFELINE_FD, .events = POLLIN};

    while (poll(&lifeline, 1, 1000) <= 0) {
        int late = conn_reap(clock_mono_ns());

        if (late)
            log_info("closed %d connections that were too slow", late);
    }
}

static int role_serve(const struct node_config *cfg, bool (*start)(struct api *))
{
    static struct api api = {.spool = SPOOL_INIT, .known = KNOWN_INIT};
    struct err e = {0};

    signal(SIGPIPE, SIG_IGN);
    if (role_seal(&e) < 0) {
        log_error("%s", e.text);
        return 1;
    }
    if (sodium_init() < 0 || api_start(&api, cfg, &e) < 0) {
        log_error("%s", *e.text ? e.text : "no random numbers");
        return 1;
    }
    if (!start(&api)) {
        log_error("the server does not start");
        return 1;
    }
    role_ready();
    api_watch();
    return 0;
}

// For strangers: TCP.
static bool start_public(struct api *api)
{
    return !api->cfg->listen_port || server_start(api, ROLE_TCP_FD, false);
}

int api_main(const struct node_config *cfg)
{
    return role_serve(cfg, start_public);
}

// For root and the operator: the same over a unix socket, and domains.
static bool start_operator(struct api *api)
{
    return server_start(api, ROLE_UNIX_FD, true) &&
           control_start(api, ROLE_CONTROL_FD);
}

int operator_main(const struct node_config *cfg)
{
    return role_serve(cfg, start_operator);
}
