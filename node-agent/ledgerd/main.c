// SPDX-License-Identifier: ISC
// The life of the ledger role.

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>
#include "lib/io.h"
#include "lib/log.h"
#include "node-agent/agent/identity.h"
#include "node-agent/agent/roles.h"
#include "node-agent/ledgerd/ledgerd.h"

static int secret_take(struct ledger_secret *secret, struct err *e)
{
    ssize_t n = pread_full(ROLE_SECRET_FD, secret, sizeof(*secret), 0);

    close(ROLE_SECRET_FD);
    if (n != sizeof(*secret))
        return err_set(e, EBADMSG, "the supervisor gave no receipts key");
    return 0;
}

static bool admins_sign(const struct node_config *cfg)
{
    for (uint32_t i = 0; i < cfg->noperators; i++)
        if (cfg->operators[i].is_key)
            return true;
    return false;
}

static int ledger_start(struct ledgerd *d, const struct node_config *cfg,
                        struct err *e)
{
    struct ledger_secret secret;
    struct ledgerd_options o = {
        .path = "ledger.db", // in the role's own folder
        .ratecard_path = cfg->ratecard_path,
        .node_id = cfg->node_id,
        .invoice_path = cfg->invoice_path,
        .key = &secret.receipts,
        .payment_secret = secret.payment,
        .batch_ns = cfg->batch_ns,
        .interval_ns = cfg->interval_ns,
        .api_fd = ROLE_FD(ROLE_API),
        .keeper_fd = ROLE_FD(ROLE_KEEPER),
        .operator_fd = ROLE_FD(ROLE_OPERATOR),
        .api_admin = admins_sign(cfg),
        .lifeline_fd = ROLE_LIFELINE_FD,
    };
    int r;

    if (sodium_init() < 0)
        return err_set(e, EIO, "libsodium does not start");
    r = secret_take(&secret, e);
    o.payment_secret_len = secret.payment_len;
    if (r == 0)
        r = ledgerd_open(d, &o, e);
    sodium_memzero(&secret, sizeof(secret));
    if (r == 0)
        r = role_seal(e);
    return r;
}

int ledger_main(const struct node_config *cfg)
{
    static struct ledgerd d = {
        .reserve = RESERVE_INIT, .api.fd = -1, .keeper.fd = -1, .operator.fd = - 1, .lifeline_fd = -1};
    struct err e = {0};
    int r;

    r = ledger_start(&d, cfg, &e);
    if (r == 0) {
        role_ready();
        log_info("serving the books in %s, prices of card %s",
                 d.card->card.currency, d.card->card.version);
        while ((r = ledgerd_turn(&d, -1, &e)) == 0)
            ;
    }
    ledgerd_close(&d);
    if (r == -EPIPE) {
        log_info("ending: %s", e.text);
        return 0;
    }
    log_error("%s", e.text);
    return 1;
}
