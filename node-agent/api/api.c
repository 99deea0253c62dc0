// SPDX-License-Identifier: ISC
// What the api role asks the ledger once, at its start; see api.h.

#include "node-agent/api/api.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/nonces.h"
#include "node-agent/api/rate.h"

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

int api_init(struct api *api, struct err *e)
{
    api->nonces = nonces_new(NONCES_MAX);
    api->by_address = rate_new(RATE_PLACES, api->cfg->address_rate);
    api->by_customer = rate_new(RATE_PLACES, api->cfg->customer_rate);
    api->handshakes = rate_new(RATE_PLACES, HANDSHAKES_PER_S);
    if (!api->nonces || !api->by_address || !api->by_customer ||
        !api->handshakes)
        return err_set(e, ENOMEM, "no memory to start");
    return 0;
}

int api_load(struct api *api, struct err *e)
{
    int r = load_prices(api, e);

    if (r == 0)
        r = load_certificate(api, e);
    return r < 0 ? err_prefix(e, "asking the ledger") : 0;
}
