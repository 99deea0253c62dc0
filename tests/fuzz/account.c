// SPDX-License-Identifier: ISC
// The bodies by which the operator opens accounts and adds to them.

#include "node-agent/api/account.c"

#include <stdlib.h>

static void check_open(const json_t *o)
{
    struct msg_account_open msg = {0};
    struct err e = {0};
    int r = open_read(&msg, o, &e);

    if (r < 0 && !e.text[0])
        abort();
    if (!memchr(msg.name, 0, sizeof(msg.name)))
        abort();
}

static void check_credit(const json_t *o, bool has_id)
{
    struct msg_account_credit msg = {0};
    struct err e = {0};
    int r = credit_read(&msg, o, has_id, &e);

    if (r < 0 && !e.text[0])
        abort();
    if (r == 0 && msg.amount_nano < 1)
        abort();
    if (r == 0 && has_id && json_object_get(o, "id"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e = {0};
    json_t *o = json_parse("the body", (const char *)data, len, &e);

    if (!o && !e.text[0])
        abort();
    if (json_is_object(o)) {
        check_open(o);
        check_credit(o, false);
        check_credit(o, true);
    }
    json_decref(o);
    return 0;
}
