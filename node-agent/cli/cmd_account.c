// SPDX-License-Identifier: ISC
// hostel account: a customer's account, and the operator's view of all.

#include <getopt.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/bundle/key.h"
#include "node-agent/bundle/recipe.h"
#include "node-agent/cli/account.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

static void account_print(const json_t *o)
{
    static const char *const rows[][2] = {
        {"customer", "customer"},   {"name", "name"},
        {"currency", "currency"},   {"balance", "balance"},
        {"held", "held"},           {"credit limit", "credit_limit"},
        {"available", "available"}, {"warn below", "low_balance"},
        {"spent", "spent"},         {"opened", "opened_at"},
    };
    struct table *t = table_new("ACCOUNT,VALUE");

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        table_row(t, rows[i][0], get_text(o, rows[i][1]));
    table_print(t, stdout);
    table_free(t);
}

int account_answer(json_t *o, bool json)
{
    if (json)
        return print_json(o);
    account_print(o);
    json_decref(o);
    return 0;
}

int customer_find(const char *text, char hex[KEY_TEXT], struct err *e)
{
    char path[PATH_MAX];
    struct pubkey pk;
    int r;

    if (hex_decode(pk.key, sizeof(pk.key), text) == 0) {
        hex_encode(hex, pk.key, sizeof(pk.key));
        return 0;
    }
    if (strchr(text, '/'))
        snprintf(path, sizeof(path), "%s", text);
    else if (context_name_check(text, e) < 0)
        return -e->code;
    else
        context_path(path, "keys/%s.pub", text);
    r = pubkey_read(path, &pk, e);
    if (r == 0)
        hex_encode(hex, pk.key, sizeof(pk.key));
    else if (e->code == ENOENT && !strchr(text, '/'))
        err_set(
            e, ENOENT,
            "%s is no key pair here: a customer is 64 hexadecimal digits, a "
            "key pair's name, or the path of a public key",
            text);
    return r;
}

// ------------------------------------------------------------- the operator's

int account_post(json_t *o, bool json, const char *path)
{
    struct err e = {0};
    struct client *c = client_open(CLIENT_OPERATOR, &e);
    cleanup_answer struct answer a = ANSWER_INIT;
    cleanup_free char *text = json_text(o, false);
    const struct call call = {.method = "POST",
                              .type = "application/json",
                              .body = text,
                              .body_len = text ? strlen(text) : 0};
    int r = -1;

    json_decref(o);
    if (c && text)
        r = client_call(c, &call, &a, &e, "%s", path);
    client_close(c);
    if (r < 0)
        return cmd_fail(&e);
    o = json_parse("the node's answer", buf_str(&a.body), a.body.len, &e);
    return o ? account_answer(o, json) : cmd_fail(&e);
}

static int create(int n, char **argv, const struct account_args *a)
{
    char hex[KEY_TEXT], currency[4];
    uint64_t limit_nano = 0;
    struct err e = {0};
    json_t *o;

    if (n < 1 || n > 2)
        return cmd_usage(&cmd_account);
    if (customer_find(argv[0], hex, &e) < 0 ||
        (a->credit_limit &&
         cost_parse(a->credit_limit, &limit_nano, currency, &e) < 0))
        return cmd_fail(&e);
    o = json_pack("{s:s, s:s, s:I}", "key", hex, "name",
                  n > 1 ? argv[1] : argv[0], "credit_limit_nano",
                  (json_int_t)limit_nano);
    if (a->currency)
        json_object_set_new(o, "currency", json_string(a->currency));
    return account_post(o, a->json, "/v1/accounts");
}

static int credit(int n, char **argv, const struct account_args *a)
{
    char hex[KEY_TEXT], made[33], path[128], currency[4];
    const char *id;
    uint64_t amount_nano;
    struct err e = {0};
    json_t *o;

    if (n != 2)
        return cmd_usage(&cmd_account);
    if (customer_find(argv[0], hex, &e) < 0 ||
        amount_parse(argv[1], &amount_nano, currency, &e) < 0)
        return cmd_fail(&e);
    id = account_id(a, made, "crediting");
    snprintf(path, sizeof(path), "/v1/accounts/%s/credits", hex);
    o = json_pack("{s:I, s:s}", "amount_nano", (json_int_t)amount_nano, "id",
                  id);
    if (*currency)
        json_object_set_new(o, "currency", json_string(currency));
    if (a->reference)
        json_object_set_new(o, "reference", json_string(a->reference));
    return account_post(o, a->json, path);
}

// All accounts: page after page of them, as one answer.
static json_t *list_get(struct client *c, struct err *e)
{
    json_t *all = NULL, *page;
    char after[KEY_TEXT + 8] = "";
    bool more;

    do {
        page = client_get_json(c, e, "/v1/accounts%s", after);
        if (!page) {
            json_decref(all);
            return NULL;
        }
        snprintf(after, sizeof(after), "?after=%s", get_text(page, "next"));
        more = *get_text(page, "next") != '\0';
        if (all) {
            json_array_extend(json_object_get(all, "accounts"),
                              json_object_get(page, "accounts"));
            json_decref(page);
        } else {
            all = page;
        }
    } while (more);
    json_object_set_new(all, "next", json_null());
    return all;
}

static int list(bool json)
{
    struct err e = {0};
    struct client *c = client_open(CLIENT_OPERATOR, &e);
    const json_t *item;
    struct table *t;
    json_t *o;
    size_t i;

    if (!c)
        return cmd_fail(&e);
    o = list_get(c, &e);
    client_close(c);
    if (!o)
        return cmd_fail(&e);
    if (json)
        return print_json(o);
    t = table_new("CUSTOMER,NAME,CURRENCY,>BALANCE,>HELD,>SPENT");
    json_array_foreach(json_object_get(o, "accounts"), i, item)
        table_row(t, get_text(item, "customer"), get_text(item, "name"),
                  get_text(item, "currency"), get_text(item, "balance"),
                  get_text(item, "held"), get_text(item, "spent"));
    table_print(t, stdout);
    table_free(t);
    json_decref(o);
    return 0;
}

// ---------------------------------------------------------------- everybody's

static int show(int n, char **argv, bool json)
{
    struct err e = {0};
    char hex[KEY_TEXT];
    struct client *c;
    json_t *o;

    if (n > 1)
        return cmd_usage(&cmd_account);
    if (n == 1 && customer_find(argv[0], hex, &e) < 0)
        return cmd_fail(&e);
    c = client_open(n ? CLIENT_OPERATOR : CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    o = n ? client_get_json(c, &e, "/v1/accounts/%s", hex)
          : client_get_json(c, &e, "/v1/account");
    client_close(c);
    return o ? account_answer(o, json) : cmd_fail(&e);
}

static const struct option longs[] = {
    {"json", no_argument, NULL, 'j'},
    {"id", required_argument, NULL, 'i'},
    {"currency", required_argument, NULL, 'u'},
    {"credit-limit", required_argument, NULL, 'l'},
    {"low-balance", required_argument, NULL, 'w'},
    {"name", required_argument, NULL, 'n'},
    {"reference", required_argument, NULL, 'r'},
    {"submission", required_argument, NULL, 's'},
    {"after", required_argument, NULL, 'a'},
    {"customer", required_argument, NULL, 'c'},
    {0}};

static bool option_take(struct account_args *a, int o)
{
    const struct {
        char letter;
        const char **to;
    } texts[] = {
        {'i', &a->id},          {'u', &a->currency}, {'l', &a->credit_limit},
        {'w', &a->low_balance}, {'n', &a->name},     {'r', &a->reference},
        {'s', &a->submission},  {'a', &a->after},    {'c', &a->customer},
    };

    if (o == 'j')
        return a->json = true;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (texts[i].letter == o) {
            *texts[i].to = optarg;
            return true;
        }
    return false;
}

static int run(int argc, char **argv)
{
    struct account_args a = {0};
    const char *verb = "show";
    int o, n;

    while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1)
        if (!option_take(&a, o))
            return cmd_usage(&cmd_account);
    n = argc - optind;
    argv += optind;
    if (n > 0) {
        verb = *argv++;
        n--;
    }
    if (!strcmp(verb, "show"))
        return show(n, argv, a.json);
    if (!strcmp(verb, "create"))
        return create(n, argv, &a);
    if (!strcmp(verb, "credit"))
        return credit(n, argv, &a);
    if (!strcmp(verb, "credit-note"))
        return account_note(n, argv, &a, 1);
    if (!strcmp(verb, "debit-note"))
        return account_note(n, argv, &a, -1);
    if (!strcmp(verb, "set"))
        return account_set(n, argv, &a);
    if (!strcmp(verb, "events") && n == 0)
        return account_events(&a);
    if (!strcmp(verb, "list") && n == 0)
        return list(a.json);
    return cmd_usage(&cmd_account);
}

const struct cmd cmd_account = {
    .name = "account",
    .run = run,
    .usage = "[--json] [show [KEY] | events [--after N] | create KEY [NAME] | "
             "credit KEY AMOUNT | credit-note KEY AMOUNT REASON | debit-note "
             "KEY AMOUNT REASON | set KEY ... | list]",
    .summary = "show an account; as the operator, manage them",
    .help =
        "  show         your account; with KEY, as the operator, another's\n"
        "  events       low balances, new terms and invoices, from the log; "
        "--after N:\n               those behind entry N; --customer KEY\n"
        "  create       open an account (operator): --currency CODE, and\n"
        "               --credit-limit AMOUNT for one that pays later\n"
        "  credit       add an amount such as 10.00 (operator); the same --id, "
        "32 hex\n               digits, is applied once; --reference TEXT\n"
        "  credit-note, debit-note\n"
        "               correct what was charged (operator); --submission ID, "
        "--id\n"
        "  set          new terms (operator): --credit-limit AMOUNT, "
        "--low-balance\n               AMOUNT (an event below it), --name "
        "NAME\n"
        "  list         all accounts (operator)\n"
        "KEY is 64 hex digits, the name of a key pair here, or the path of a "
        "public key.\n"
        "The operator's verbs use the node's unix socket: -S before the verb, "
        "else\n$HOSTEL_SOCKET, else /run/hostel/hostel.sock. With -H, -C or -k "
        "they are signed,\nfor keys that the node's `admins` names.\n",
};
