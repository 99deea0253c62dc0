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

static bool remembered(struct known *k, const key_id_t *key)
{
    size_t i = place(key);
    bool yes;

    pthread_mutex_lock(&k->lock);
    yes = k->entry[i].until_ns > clock_mono_ns() &&
          !memcmp(&k->entry[i].key, key, sizeof(*key));
    pthread_mutex_unlock(&k->lock);
    return yes;
}

static void remember(struct known *k, const key_id_t *key)
{
    size_t i = place(key);

    pthread_mutex_lock(&k->lock);
    k->entry[i].key = *key;
    k->entry[i].until_ns = clock_mono_ns() + KNOWN_NS;
    pthread_mutex_unlock(&k->lock);
}

unsigned known_check(struct known *k, struct mux *ledger, const key_id_t *key,
                     struct err *e)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_account msg = {.customer = *key};

    if (remembered(k, key))
        return 0;
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
    remember(k, key);
    return 0;
}
