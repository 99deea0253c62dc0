// SPDX-License-Identifier: ISC
// Who has an account; see known.h.

#include "node-agent/api/known.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/clock.h"
#include "node-agent/api/limits.h"

// Where the key may be. Only those with an account get in, so nobody fills it
// on purpose; who shares a place is asked about more often.
static size_t place(const key_id_t *key)
{
    return (key->b[0] | (size_t)key->b[1] << 8) % KNOWN_MAX;
}

// currency: NULL, or where it is copied to.
static bool remembered(struct known *k, const key_id_t *key, char currency[8])
{
    size_t i = place(key);
    bool yes;

    pthread_mutex_lock(&k->lock);
    yes = k->entry[i].until_ns > clock_mono_ns() &&
          !memcmp(&k->entry[i].key, key, sizeof(*key));
    if (yes && currency)
        memcpy(currency, k->entry[i].currency, sizeof(k->entry[i].currency));
    pthread_mutex_unlock(&k->lock);
    return yes;
}

static void remember(struct known *k, const struct account_info *account)
{
    size_t i = place(&account->customer);

    pthread_mutex_lock(&k->lock);
    k->entry[i].key = account->customer;
    k->entry[i].until_ns = clock_mono_ns() + KNOWN_NS;
    memcpy(k->entry[i].currency, account->currency,
           sizeof(k->entry[i].currency));
    pthread_mutex_unlock(&k->lock);
}

// Asks the ledger; as known_check.
static unsigned account_ask(struct known *k, struct mux *ledger,
                            const key_id_t *key, char currency[8],
                            struct err *e)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_account msg = {.customer = *key};

    ipc_head(&msg, MSG_ACCOUNT_GET, 0);
    if (mux_call(ledger, &msg.head, NULL, 0, CALL_NS, &reply, e) < 0)
        return 503;
    if (reply.any.reply.status == 404) {
        err_set(e, EACCES,
                "your key has no account on this node; send its public half "
                "to the operator, who opens one and puts credit on it");
        return 404;
    }
    if (reply.any.reply.status >= 400) {
        err_set(e, EIO, "%s", reply.any.reply.text);
        return 503;
    }
    reply.any.account_reply.account.customer = *key;
    remember(k, &reply.any.account_reply.account);
    if (currency)
        memcpy(currency, reply.any.account_reply.account.currency, 8);
    return 0;
}

unsigned known_check(struct known *k, struct mux *ledger, const key_id_t *key,
                     struct err *e)
{
    return remembered(k, key, NULL) ? 0 : account_ask(k, ledger, key, NULL, e);
}

void known_currency(struct known *k, struct mux *ledger, const key_id_t *key,
                    const char *otherwise, char out[8])
{
    struct err e;

    if (remembered(k, key, out) || !account_ask(k, ledger, key, out, &e))
        return;
    ipc_text_(out, 8, otherwise);
}
