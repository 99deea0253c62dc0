// SPDX-License-Identifier: ISC
// Currencies of accounts; see currency.h.

#include "node-agent/api/currency.h"

#include <stdbool.h>
#include <string.h>

#include "node-agent/agent/ipc.h"
#include "node-agent/api/limits.h"

static size_t place(const key_id_t *key)
{
    return (key->b[0] | (size_t)key->b[1] << 8) % CURRENCIES_MAX;
}

static bool remembered(struct currencies *c, const key_id_t *account,
                       char out[8])
{
    size_t i = place(account);
    bool yes;

    pthread_mutex_lock(&c->lock);
    yes = *c->entry[i].currency &&
          !memcmp(&c->entry[i].account, account, sizeof(*account));
    if (yes)
        memcpy(out, c->entry[i].currency, sizeof(c->entry[i].currency));
    pthread_mutex_unlock(&c->lock);
    return yes;
}

static void remember(struct currencies *c, const key_id_t *account,
                     const char currency[8])
{
    size_t i = place(account);

    pthread_mutex_lock(&c->lock);
    c->entry[i].account = *account;
    memcpy(c->entry[i].currency, currency, sizeof(c->entry[i].currency));
    pthread_mutex_unlock(&c->lock);
}

void currency_of(struct currencies *c, struct mux *ledger,
                 const key_id_t *account, const char *otherwise, char out[8])
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_account msg = {.customer = *account};
    struct err e;

    if (remembered(c, account, out))
        return;
    ipc_head(&msg, MSG_ACCOUNT_GET, 0);
    if (mux_call(ledger, &msg.head, NULL, 0, CALL_NS, &reply, &e) < 0 ||
        reply.any.reply.status >= 400) {
        ipc_text_(out, 8, otherwise);
        return;
    }
    memcpy(out, reply.any.account_reply.account.currency, 8);
    remember(c, account, out);
}
