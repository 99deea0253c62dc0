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

static bool remembered(struct known *k, const key_id_t *key, key_id_t *account)
{
    size_t i = place(key);
    bool yes;

    pthread_mutex_lock(&k->lock);
    yes = k->entry[i].until_ns > clock_mono_ns() &&
          !memcmp(&k->entry[i].key, key, sizeof(*key));
    if (yes)
        *account = k->entry[i].account;
    pthread_mutex_unlock(&k->lock);
    return yes;
}

static uint64_t changes_now(struct known *k)
{
    uint64_t n;

    pthread_mutex_lock(&k->lock);
    n = k->changes;
    pthread_mutex_unlock(&k->lock);
    return n;
}

// Not what was found out before a change: it may have been about this key.
static void remember(struct known *k, const key_id_t *key,
                     const key_id_t *account, uint64_t changes)
{
    size_t i = place(key);

    pthread_mutex_lock(&k->lock);
    if (k->changes == changes) {
        k->entry[i].key = *key;
        k->entry[i].account = *account;
        k->entry[i].until_ns = clock_mono_ns() + KNOWN_NS;
    }
    pthread_mutex_unlock(&k->lock);
}

void known_forget(struct known *k, const key_id_t *key)
{
    size_t i = place(key);

    pthread_mutex_lock(&k->lock);
    k->entry[i].until_ns = 0;
    k->changes++;
    pthread_mutex_unlock(&k->lock);
}

unsigned known_account(struct known *k, struct mux *keeper, const key_id_t *key,
                       key_id_t *account, struct err *e)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_key msg = {.op = KEY_RESOLVE, .key = *key};
    const struct msg_reply *head = &reply.any.reply;

    if (remembered(k, key, account))
        return 0;
    ipc_head(&msg, MSG_KEY, 0);
    if (mux_call(keeper, &msg.head, NULL, 0, CALL_NS, &reply, e) < 0)
        return 503;
    *account = reply.any.key.key.account;
    if (head->status < 400)
        return 0;
    err_set(e, EACCES, "%s", head->text);
    return head->status == 403 ? 403 : 503;
}

unsigned known_opened(struct mux *ledger, const key_id_t *key, struct err *e)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_account msg = {.customer = *key};

    ipc_head(&msg, MSG_ACCOUNT_GET, 0);
    if (mux_call(ledger, &msg.head, NULL, 0, CALL_NS, &reply, e) < 0)
        return 503;
    if (reply.any.reply.status == 404)
        return 404;
    if (reply.any.reply.status >= 400) {
        err_set(e, EIO, "%s", reply.any.reply.text);
        return 503;
    }
    return 200;
}

unsigned known_check(struct known *k, struct mux *keeper, struct mux *ledger,
                     const key_id_t *key, key_id_t *account, struct err *e)
{
    uint64_t changes;
    unsigned status;

    if (remembered(k, key, account))
        return 0;
    changes = changes_now(k);
    status = known_account(k, keeper, key, account, e);
    if (status)
        return status;
    status = known_opened(ledger, account, e);
    if (status == 404)
        err_set(e, EACCES,
                "your key has no account on this node; `hostel join` asks for "
                "one, or send its public half to the operator");
    if (status != 200)
        return status;
    remember(k, key, account, changes);
    return 0;
}
