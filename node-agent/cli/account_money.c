// SPDX-License-Identifier: ISC
// hostel account: corrections, terms, events; see account.h.

#include "node-agent/cli/account.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/bundle/recipe.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

const char *account_id(const struct account_args *a, char made[33],
                       const char *doing)
{
    uint8_t random[16];

    if (a->id)
        return a->id;
    randombytes_buf(random, sizeof(random));
    hex_encode(made, random, sizeof(random));
    progress("hostel: %s with --id %s", doing, made);
    return made;
}

int amount_parse(const char *text, uint64_t *amount_nano, char currency[4],
                 struct err *e)
{
    int r = cost_parse(text, amount_nano, currency, e);

    if (r == 0 && !*amount_nano)
        r = err_set(e, EINVAL, "\"%s\" is no amount to move: write more than 0",
                    text);
    return r;
}

int currency_check(const char *path, const char *currency, struct err *e)
{
    struct client *c;
    json_t *o;
    int r = 0;

    if (!*currency)
        return 0;
    c = client_open(CLIENT_OPERATOR, e);
    o = c ? client_get_json(c, e, "%s", path) : NULL;
    client_close(c);
    if (!o)
        return -e->code;
    if (strcmp(get_text(o, "currency"), currency))
        r = err_set(e, EINVAL, "that is in %s, not in %s",
                    get_text(o, "currency"), currency);
    json_decref(o);
    return r;
}

int account_note(int n, char **argv, const struct account_args *a, int sign)
{
    char hex[KEY_TEXT], made[33], path[128], currency[4];
    uint64_t amount_nano;
    struct err e = {0};
    json_t *o;

    if (n != 3)
        return cmd_usage(&cmd_account);
    if (customer_find(argv[0], hex, &e) < 0 ||
        amount_parse(argv[1], &amount_nano, currency, &e) < 0)
        return cmd_fail(&e);
    snprintf(path, sizeof(path), "/v1/accounts/%s", hex);
    if (currency_check(path, currency, &e) < 0)
        return cmd_fail(&e);
    o = json_pack("{s:I, s:s, s:s}", "amount_nano",
                  sign * (json_int_t)amount_nano, "reason", argv[2], "id",
                  account_id(a, made, "correcting"));
    if (a->submission)
        json_object_set_new(o, "submission", json_string(a->submission));
    snprintf(path, sizeof(path), "/v1/accounts/%s/corrections", hex);
    return account_post(o, a->json, path);
}

static int amount_set(json_t *o, const char *key, const char *text,
                      const char *account, struct err *e)
{
    uint64_t amount_nano;
    char currency[4];

    if (!text)
        return 0;
    if (cost_parse(text, &amount_nano, currency, e) < 0 ||
        currency_check(account, currency, e) < 0)
        return -1;
    return json_object_set_new(o, key, json_integer((json_int_t)amount_nano));
}

int account_set(int n, char **argv, const struct account_args *a)
{
    char hex[KEY_TEXT], path[128], account[128];
    struct err e = {0};
    json_t *o;

    if (n != 1 || (!a->credit_limit && !a->low_balance && !a->name))
        return cmd_usage(&cmd_account);
    if (customer_find(argv[0], hex, &e) < 0)
        return cmd_fail(&e);
    snprintf(account, sizeof(account), "/v1/accounts/%s", hex);
    o = json_object();
    if (amount_set(o, "credit_limit_nano", a->credit_limit, account, &e) < 0 ||
        amount_set(o, "low_balance_nano", a->low_balance, account, &e) < 0) {
        json_decref(o);
        return cmd_fail(&e);
    }
    if (a->name)
        json_object_set_new(o, "name", json_string(a->name));
    snprintf(path, sizeof(path), "/v1/accounts/%s/terms", hex);
    return account_post(o, a->json, path);
}

// --------------------------------------------------------------------- events

static void event_row(struct table *t, const json_t *o)
{
    const char *kind = get_text(o, "kind");
    char when[SHOW_SIZE], entry[24], what[256];

    snprintf(entry, sizeof(entry), "%" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(o, "entry")));
    if (!strcmp(kind, "low balance"))
        snprintf(what, sizeof(what), "%s available, below %s",
                 get_text(o, "available"), get_text(o, "threshold"));
    else if (!strcmp(kind, "invoice"))
        snprintf(what, sizeof(what),
                 "number %" JSON_INTEGER_FORMAT ", total %s",
                 json_integer_value(json_object_get(o, "number")),
                 get_text(o, "total"));
    else
        snprintf(what, sizeof(what), "credit limit %s, warned below %s",
                 get_text(o, "credit_limit"), get_text(o, "low_balance"));
    table_row(t, entry, show_time(when, get_text(o, "time")), kind, what);
}

static bool is_event(const json_t *o)
{
    const char *kind = get_text(o, "kind");

    return !strcmp(kind, "low balance") || !strcmp(kind, "account changed") ||
           !strcmp(kind, "invoice");
}

// The lines of one answer that are events; to the table, or as they came.
static void events_take(const struct account_args *a, struct table *t,
                        char *text)
{
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        json_t *o = json_parse("the export", line, strlen(line), NULL);

        if (is_event(o) && a->json)
            puts(line);
        else if (is_event(o))
            event_row(t, o);
        json_decref(o);
    }
}

int account_events(const struct account_args *a)
{
    uint64_t after = a->after ? strtoull(a->after, NULL, 10) : 0, before;
    char whose[KEY_TEXT + 16] = "", hex[KEY_TEXT];
    struct err e = {0};
    const struct call call = {0};
    struct client *c;
    struct table *t;
    int r = 0;

    if (a->customer && customer_find(a->customer, hex, &e) < 0)
        return cmd_fail(&e);
    if (a->customer)
        snprintf(whose, sizeof(whose), "&customer=%s", hex);
    c = client_open(a->customer ? CLIENT_OPERATOR : CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    t = table_new("ENTRY,TIME,EVENT,WHAT");
    do {
        struct answer answer = ANSWER_INIT;

        before = after;
        r = client_call(c, &call, &answer, &e,
                        "/v1/account/export?format=jsonl&after=%" PRIu64 "%s",
                        after, whose);
        after = answer.cursor;
        if (r == 0 && answer.body.len)
            events_take(a, t, (char *)buf_str(&answer.body));
        answer_free(&answer);
    } while (r == 0 && after > before);
    client_close(c);
    if (r == 0 && !a->json)
        table_print(t, stdout);
    table_free(t);
    return r < 0 ? cmd_fail(&e) : 0;
}
