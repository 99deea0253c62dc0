// SPDX-License-Identifier: ISC
// The api role: HTTP on one side, the keeper and the ledger on the other.

#include "node-agent/api/api.h"

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "node-agent/agent/roles.h"
#include "node-agent/api/conn.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/nonces.h"
#include "node-agent/api/server.h"

// The ledger may replay its log before it answers.
#define LOAD_NS (120ull * 1000000000)

#define KEY_CERT_TEXT_MAX 4096

static int load_prices(struct api *api, struct err *e)
{
    struct msg_quote msg = {0};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const struct msg_quote_reply *quote = &reply.any.quote_reply;
    int r;

    ipc_head(&msg, MSG_QUOTE, 0);
    r = mux_call(api->ledger, &msg.head, NULL, 0, LOAD_NS, &reply, e);
    if (r < 0)
        return r;
    if (quote->reply.status >= 400)
        return err_set(e, EIO, "%s", quote->reply.text);
    ipc_text(api->currency, quote->currency);
    ipc_text(api->ratecard, quote->ratecard);
    return 0;
}

static int load_certificate(struct api *api, struct err *e)
{
    struct msg_document msg = {.kind = DOC_KEY_CERT};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    cleanup_buf struct buf cert = BUF_INIT(KEY_CERT_TEXT_MAX);
    size_t size;
    int r;

    ipc_head(&msg, MSG_DOCUMENT, 0);
    r = mux_call(api->ledger, &msg.head, NULL, 0, LOAD_NS, &reply, e);
    if (r < 0)
        return r;
    if (reply.any.reply.status >= 400)
        return err_set(e, EIO, "%s", reply.any.reply.text);
    r = fd_read(reply.fds[0], "the certificate", &cert, e);
    if (r < 0)
        return r;
    size = sodium_base64_encoded_len(cert.len, sodium_base64_VARIANT_ORIGINAL);
    api->key_cert = malloc(size);
    if (!api->key_cert)
        return err_set(e, ENOMEM, "no memory for the certificate");
    sodium_bin2base64(api->key_cert, size, cert.data, cert.len,
                      sodium_base64_VARIANT_ORIGINAL);
    return 0;
}

int api_load(struct api *api, struct err *e)
{
    int r = load_prices(api, e);

    if (r == 0)
        r = load_certificate(api, e);
    return r < 0 ? err_prefix(e, "asking the ledger") : 0;
}

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

int api_main(const struct node_config *cfg)
{
    static struct api api;
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
    if ((cfg->listen_port && !server_start(&api, ROLE_TCP_FD, false)) ||
        !server_start(&api, ROLE_UNIX_FD, true)) {
        log_error("the HTTP server does not start");
        return 1;
    }
    role_ready();
    api_watch();
    return 0;
}
