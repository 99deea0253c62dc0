// SPDX-License-Identifier: ISC
// hostel key: the keys that may sign for an account.

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/bundle/key_proof.h"
#include "node-agent/cli/ask.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/context.h"
#include "node-agent/cli/show.h"

static int key_print(const char *query, enum client_who who)
{
    char path[160];
    const json_t *item;
    struct table *t;
    json_t *o;
    size_t i;

    snprintf(path, sizeof(path), "/v1/account/keys%s", query);
    o = ask(who, "GET", NULL, path);
    if (!o)
        return 1;
    t = table_new("KEY,NAME,ADDED,STATE");
    json_array_foreach(json_object_get(o, "keys"), i, item)
    {
        char at[SHOW_SIZE];

        table_row(t, get_text(item, "key"), get_text(item, "name"),
                  *get_text(item, "added_at")
                      ? show_time(at, get_text(item, "added_at"))
                      : "the first",
                  json_is_true(json_object_get(item, "revoked")) ? "revoked"
                                                                 : "signs");
    }
    table_print(t, stdout);
    table_free(t);
    json_decref(o);
    return 0;
}

// ---------------------------------------------------------------------- proof

#define OFFER_TEXT (2 * KEY_BYTES + 1 + 2 * KEY_PROOF_BYTES)

// A key as it is offered to an account: PUBLIC.PROOF, in hex digits.
struct offer {
    char key[2 * KEY_BYTES + 1], proof[2 * KEY_PROOF_BYTES + 1];
};

// By a key whose secret half is here: a name, or a path with a slash.
static int offer_make(struct offer *o, const char *name, const char *account,
                      struct err *e)
{
    uint8_t node[KEY_BYTES], to[KEY_BYTES], proof[KEY_PROOF_BYTES];
    struct context ctx;
    struct seckey sk = {0};
    struct pubkey pk;
    char path[PATH_MAX];
    int r = context_load(NULL, &ctx, e);

    if (r == 0 && !ctx.node_id)
        r = err_set(e, ENOENT,
                    "for which node? Make a context with `hostel context`");
    if (r == 0)
        r = pubkey_from_hex(ctx.node_id, node, e);
    if (r == 0)
        r = pubkey_from_hex(account, to, e);
    if (r == 0)
        r = context_key_path(&ctx, name, path, e);
    if (r == 0)
        r = seckey_read(path, &sk, e);
    context_free(&ctx);
    if (r < 0)
        return r;
    key_proof_make(&sk, node, to, proof);
    key_public(&sk, &pk);
    key_forget(&sk);
    hex_encode(o->key, pk.key, sizeof(pk.key));
    hex_encode(o->proof, proof, sizeof(proof));
    return 0;
}

// What was printed where the key is: PUBLIC.PROOF; PUBLIC alone, for operators.
static bool offer_parse(struct offer *o, const char *text)
{
    const size_t digits = strspn(text, "0123456789abcdefABCDEF");

    *o = (struct offer){0};
    if (digits != 2 * KEY_BYTES || (text[digits] && text[digits] != '.') ||
        (text[digits] == '.' && strlen(text) != OFFER_TEXT))
        return false;
    memcpy(o->key, text, digits);
    if (text[digits])
        memcpy(o->proof, text + digits + 1, 2 * KEY_PROOF_BYTES);
    return true;
}

static int key_offer(const char *account)
{
    struct err e = {0};
    struct offer o;

    if (offer_make(&o, cli_options.key, account, &e) < 0)
        return cmd_fail(&e);
    printf("%s.%s\n", o.key, o.proof);
    return 0;
}

// ------------------------------------------------------------------- the verbs

// The account that the key which asks signs for. false: it was said why not.
static bool account_mine(char account[2 * KEY_BYTES + 1])
{
    json_t *o = ask(CLIENT_CUSTOMER, "GET", NULL, "/v1/account");

    if (o)
        snprintf(account, 2 * KEY_BYTES + 1, "%s", get_text(o, "customer"));
    json_decref(o);
    return o;
}

static int key_add(enum client_who who, const char *given, const char *account,
                   const char *name, const char *query)
{
    char mine[2 * KEY_BYTES + 1], path[256];
    struct err e = {0};
    struct offer offer;
    json_t *o;

    if (!offer_parse(&offer, given)) {
        if (!account && !account_mine(mine))
            return 1;
        if (offer_make(&offer, given, account ? account : mine, &e) < 0)
            return cmd_fail(&e);
    }
    o = json_pack("{s:s, s:s}", "key", offer.key, "name", name);
    if (*offer.proof)
        json_object_set_new(o, "proof", json_string(offer.proof));
    snprintf(path, sizeof(path), "/v1/account/keys%s", query);
    o = ask(who, "POST", o, path);
    json_decref(o);
    return o ? 0 : 1;
}

static int key_revoke(enum client_who who, const char *key, const char *query)
{
    char path[256];
    json_t *o;

    snprintf(path, sizeof(path), "/v1/account/keys/%.64s%s", key, query);
    o = ask(who, "DELETE", NULL, path);
    json_decref(o);
    return o ? 0 : 1;
}

static int key_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"account", required_argument, NULL, 'a'},
        {"name", required_argument, NULL, 'n'},
        {0}};
    const char *name = "", *account = NULL, *verb, *key;
    enum client_who who;
    char query[96] = "";
    int c, n;

    while ((c = getopt_long(argc, argv, "a:n:", longs, NULL)) != -1) {
        if (c == 'a')
            account = optarg;
        else if (c == 'n')
            name = optarg;
        else
            return cmd_usage(&cmd_key);
    }
    n = argc - optind;
    verb = n ? argv[optind] : "list";
    key = n == 2 ? argv[optind + 1] : NULL;
    who = account ? CLIENT_OPERATOR : CLIENT_CUSTOMER;
    if (account)
        snprintf(query, sizeof(query), "?customer=%.64s", account);
    if (!strcmp(verb, "list") && n <= 1)
        return key_print(query, who);
    if (key && !strcmp(verb, "add"))
        return key_add(who, key, account, name, query);
    if (key && !strcmp(verb, "revoke"))
        return key_revoke(who, key, query);
    if (key && !strcmp(verb, "offer") && !account)
        return key_offer(key);
    return cmd_usage(&cmd_key);
}

const struct cmd cmd_key = {
    .name = "key",
    .run = key_run,
    .usage = "[-a ACCOUNT] [list | add KEY [-n NAME] | revoke KEY | offer "
             "ACCOUNT]",
    .summary = "the keys that may sign for an account",
    .help =
        "  -a ACCOUNT  another's, as the operator: when a customer has lost "
        "every key\n"
        "KEY to add is the name of a key that `hostel keygen NAME` has made "
        "here, or what\n`hostel -k NAME key offer ACCOUNT` has printed where "
        "the key is: its agreement.\nTo revoke: a public key in 64 hex "
        "digits. To rotate: make a new one, add it, use\nit, revoke the old "
        "one. An account keeps the name of the key it was opened with.\n",
};
