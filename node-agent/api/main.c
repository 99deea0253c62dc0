// SPDX-License-Identifier: ISC
// The api role: HTTP on one side, the keeper and the ledger on the other.

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/agent/roles.h"
#include "node-agent/agent/tls.h"
#include "node-agent/api/api.h"
#include "node-agent/api/conn.h"
#include "node-agent/api/control.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/server.h"
#include "node-agent/api/tls.h"

// A role without its peers is of no use; the supervisor starts all anew.
static void channel_closed(const char *why)
{
    log_info("a channel is closed: %s", why);
    _exit(0);
}

// The keeper says that a key was added or revoked, perhaps by another role:
// what is remembered of it holds no longer.
static void keeper_heard(void *arg, const union ipc_any *any)
{
    struct api *api = arg;

    if (any->head.type == (MSG_KEY | MSG_REPLY))
        known_forget(&api->known, &any->key_reply.key.key);
}

static int api_start(struct api *api, const struct node_config *cfg,
                     struct err *e)
{
    api->cfg = cfg;
    api->started_real_ns = clock_real_ns();
    if (api_init(api, e) < 0)
        return -e->code;
    api->keeper = mux_new(ROLE_FD(ROLE_KEEPER), channel_closed);
    api->ledger = mux_new(ROLE_FD(ROLE_LEDGER), channel_closed);
    if (!api->keeper || !api->ledger)
        return err_set(e, ENOMEM, "no memory to start");
    mux_listen(api->keeper, keeper_heard, api);
    return api_load(api, e);
}

// The supervisor says something: a new certificate. false: it is gone.
static bool supervisor_heard(void)
{
    size_t n = 1;
    int fd = -1;
    struct err e;
    char what;

    if (sock_recv(ROLE_LIFELINE_FD, &what, 1, &fd, &n) <= 0)
        return false;
    if (n != 1)
        return true;
    if (tls_load(fd, &e) < 0)
        log_error("the old certificate stays in use: %s", e.text);
    else
        log_info("a new certificate is in use");
    close(fd);
    return true;
}

// Until the supervisor is gone.
static void api_watch(struct api *api)
{
    struct pollfd lifeline = {.fd = ROLE_LIFELINE_FD, .events = POLLIN};

    for (;;) {
        int late;

        if (poll(&lifeline, 1, 1000) > 0 && !supervisor_heard())
            return;
        late = conn_reap(clock_mono_ns());
        atomic_fetch_add(&api->metrics.late, (unsigned)late);
        if (late)
            log_info("closed %d connections that were too slow", late);
    }
}

static int role_serve(const struct node_config *cfg, bool public,
                      bool (*start)(struct api *))
{
    static struct api api = {.spool = SPOOL_INIT,
                             .waits = WAITS_INIT,
                             .known = KNOWN_INIT,
                             .currencies = CURRENCIES_INIT};
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
    if (public && tls_wanted(cfg) && tls_load(ROLE_SECRET_FD, &e) < 0) {
        log_error("%s", e.text);
        return 1;
    }
    if (!start(&api)) {
        log_error("the server does not start");
        return 1;
    }
    role_ready();
    api_watch(&api);
    return 0;
}

// For strangers: TCP; and who collects metrics.
static bool start_public(struct api *api)
{
    const struct node_config *cfg = api->cfg;

    return (!cfg->listen_host[0] ||
            server_start(api, ROLE_TCP_FD,
                         tls_wanted(cfg) ? SERVER_TLS : SERVER_TCP)) &&
           (!cfg->metrics_host[0] ||
            server_start(api, ROLE_METRICS_FD, SERVER_METRICS));
}

int api_main(const struct node_config *cfg)
{
    return role_serve(cfg, true, start_public);
}

// For root and the operator: the same over a unix socket, and domains.
static bool start_operator(struct api *api)
{
    return server_start(api, ROLE_UNIX_FD, SERVER_LOCAL) &&
           control_start(api, ROLE_CONTROL_FD);
}

int operator_main(const struct node_config *cfg)
{
    return role_serve(cfg, false, start_operator);
}
