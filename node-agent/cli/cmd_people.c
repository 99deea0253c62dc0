// SPDX-License-Identifier: ISC
// hostel join, invite, quota, drain, audit: who may do what on a node, and who
// did.

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/bundle/recipe.h"
#include "node-agent/cli/account.h"
#include "node-agent/cli/ask.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

// ---------------------------------------------------------------------- join

static int join_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"name", required_argument, NULL, 'n'}, {0}};
    const char *name = "", *code = "";
    json_t *o;
    int c;

    while ((c = getopt_long(argc, argv, "n:", longs, NULL)) != -1) {
        if (c != 'n')
            return cmd_usage(&cmd_join);
        name = optarg;
    }
    if (argc - optind > 1)
        return cmd_usage(&cmd_join);
    if (argc > optind)
        code = argv[optind];
    o = ask(CLIENT_CUSTOMER, "POST",
            json_pack("{s:s, s:s}", "code", code, "name", name), "/v1/account");
    if (!o)
        return 1;
    printf("account %s, %s %s to spend\n", get_text(o, "customer"),
           get_text(o, "available"), get_text(o, "currency"));
    json_decref(o);
    return 0;
}

const struct cmd cmd_join = {
    .name = "join",
    .run = join_run,
    .usage = "[-n NAME] [CODE]",
    .summary = "open an account for your key on the context's node",
    .help = "  -n NAME  what the operator will call you\n"
            "CODE is an invitation, if the node asks for one.\n",
};

// -------------------------------------------------------------------- invite

static int invite_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"name", required_argument, NULL, 'n'},
        {"credit", required_argument, NULL, 'c'},
        {"uses", required_argument, NULL, 'u'},
        {"days", required_argument, NULL, 'd'},
        {0}};
    const char *name = "";
    int64_t uses = 1, days = 7;
    uint64_t credit_nano = 0;
    char currency[4] = "";
    struct err e = {0};
    json_t *o;
    int c;

    while ((c = getopt_long(argc, argv, "n:c:u:d:", longs, NULL)) != -1) {
        if (c == 'n')
            name = optarg;
        else if ((c != 'u' && c != 'd' && c != 'c') ||
                 (c == 'u' && !cmd_number("-u", optarg, 1, 100000, &uses)) ||
                 (c == 'd' && !cmd_number("-d", optarg, 1, 3650, &days)))
            return cmd_usage(&cmd_invite);
        else if (c != 'c')
            continue;
        else if (cost_parse(optarg, &credit_nano, currency, &e) < 0)
            return cmd_fail(&e);
    }
    if (argc != optind)
        return cmd_usage(&cmd_invite);
    if (currency_check("/v1/node", currency, &e) < 0)
        return cmd_fail(&e);
    o = ask(CLIENT_OPERATOR, "POST",
            json_pack("{s:s, s:I, s:I, s:I}", "name", name, "credit_nano",
                      (json_int_t)credit_nano, "uses", (json_int_t)uses, "days",
                      (json_int_t)days),
            "/v1/invitations");
    if (!o)
        return 1;
    printf("%s\n", get_text(o, "code"));
    json_decref(o);
    return 0;
}

const struct cmd cmd_invite = {
    .name = "invite",
    .run = invite_run,
    .usage = "[-n NAME] [-c AMOUNT] [-u USES] [-d DAYS]",
    .summary = "make an invitation: a code that opens accounts (operator)",
    .help = "  -c AMOUNT  put on each account that is opened by it\n"
            "  -u USES    how many may use it; default: 1\n"
            "  -d DAYS    how long it is good; default: 7\n"
            "The code is shown once; the node keeps only a hash of it.\n",
};

// --------------------------------------------------------------------- quota

static const char *const quota_keys[] = {"submissions", "memory_kib",
                                         "store_kib", "volumes_kib"};

static void quota_row(struct table *t, const json_t *o, const char *what,
                      const char *key, bool is_kib)
{
    char used[SHOW_SIZE], limit[SHOW_SIZE], name[48];
    int64_t n, most;

    snprintf(name, sizeof(name), "used.%s", key);
    n = get_count(o, name);
    snprintf(name, sizeof(name), "quota.%s", key);
    most = get_count(o, name);
    if (is_kib) {
        show_kib(used, n);
        show_kib(limit, most);
    } else {
        snprintf(used, sizeof(used), "%lld", (long long)n);
        snprintf(limit, sizeof(limit), "%lld", (long long)most);
    }
    table_row(t, what, used, most ? limit : "no limit");
}

// 0 is no limit.
#define QUOTA_MAX (1ll << 32)

// The node sets all four: what no option names stays as it is now.
static json_t *quota_set(const char *key, json_t *set)
{
    json_t *now, *quota, *merged;
    char path[128];

    snprintf(path, sizeof(path), "/v1/account/quota?customer=%.64s", key);
    now = ask(CLIENT_OPERATOR, "GET", NULL, path);
    if (!now) {
        json_decref(set);
        return NULL;
    }
    quota = json_object_get(now, "quota");
    merged = json_object();
    for (size_t i = 0; i < sizeof(quota_keys) / sizeof(*quota_keys); i++) {
        json_t *value = json_object_get(set, quota_keys[i]);

        json_object_set(merged, quota_keys[i],
                        value ? value : json_object_get(quota, quota_keys[i]));
    }
    json_decref(now);
    json_decref(set);
    snprintf(path, sizeof(path), "/v1/accounts/%.64s/quota", key);
    return ask(CLIENT_OPERATOR, "PUT", merged, path);
}

static int quota_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"submissions", required_argument, NULL, 's'},
        {"memory", required_argument, NULL, 'm'},
        {"store", required_argument, NULL, 'b'},
        {"volumes", required_argument, NULL, 'v'},
        {0}};
    json_t *set = json_object(), *o;
    const char *key = NULL;
    struct table *t;
    char path[128];
    int c, at = -1;

    // Its place in longs is its place in quota_keys.
    while ((c = getopt_long(argc, argv, "", longs, &at)) != -1) {
        char option[32];
        int64_t n;

        snprintf(option, sizeof(option), "--%s",
                 c == '?' ? "" : longs[at].name);
        if (c == '?' || !cmd_number(option, optarg, 0, QUOTA_MAX, &n)) {
            json_decref(set);
            return cmd_usage(&cmd_quota);
        }
        json_object_set_new(set, quota_keys[at],
                            json_integer(c == 's' ? n : n * 1024));
    }
    if (argc - optind == 1)
        key = argv[optind];
    if (argc - optind > 1 || (json_object_size(set) && !key)) {
        json_decref(set);
        return cmd_usage(&cmd_quota);
    }
    if (json_object_size(set)) {
        o = quota_set(key, set);
    } else {
        json_decref(set);
        snprintf(path, sizeof(path), "/v1/account/quota%s%.64s",
                 key ? "?customer=" : "", key ? key : "");
        o = ask(key ? CLIENT_OPERATOR : CLIENT_CUSTOMER, "GET", NULL, path);
    }
    if (!o)
        return 1;
    t = table_new("RESOURCE,>USED,>AT MOST");
    quota_row(t, o, "submissions", "submissions", false);
    quota_row(t, o, "memory of what runs", "memory_kib", true);
    quota_row(t, o, "store", "store_kib", true);
    quota_row(t, o, "volumes", "volumes_kib", true);
    table_print(t, stdout);
    table_free(t);
    json_decref(o);
    return 0;
}

const struct cmd cmd_quota = {
    .name = "quota",
    .run = quota_run,
    .usage = "[KEY [--submissions N] [--memory MIB] [--store MIB] [--volumes "
             "MIB]]",
    .summary = "what you may have at once; for the operator, what others may",
    .help = "0 is no limit. What is not named stays as it is for that "
            "customer.\n",
};

// --------------------------------------------------------------------- drain

// How many submissions are not over; functions and services are among them.
static long long live_count(void)
{
    json_t *o = ask(CLIENT_OPERATOR, "GET", NULL, "/v1/domains");
    long long n =
        o ? (long long)json_array_size(json_object_get(o, "submissions")) : -1;

    json_decref(o);
    return n;
}

static int drain_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"off", no_argument, NULL, 'o'}, {"wait", no_argument, NULL, 'w'}, {0}};
    bool off = false, stay = false;
    long long n;
    json_t *o;
    int c;

    while ((c = getopt_long(argc, argv, "w", longs, NULL)) != -1) {
        if (c == 'o')
            off = true;
        else if (c == 'w')
            stay = true;
        else
            return cmd_usage(&cmd_drain);
    }
    if (argc != optind || (off && stay))
        return cmd_usage(&cmd_drain);
    o = ask(CLIENT_OPERATOR, off ? "DELETE" : "PUT", NULL, "/v1/node/draining");
    json_decref(o);
    if (!o)
        return 1;
    while ((n = live_count()) > 0 && stay)
        sleep(1);
    if (!off && n >= 0)
        printf("%lld submissions are not over\n", n);
    return n < 0;
}

const struct cmd cmd_drain = {
    .name = "drain",
    .run = drain_run,
    .usage = "[-w | --off]",
    .summary = "let the node take nothing new, to stop it later (operator)",
    .help = "  -w     wait until all that it has taken is over\n"
            "  --off  take submissions again\n"
            "It stays so when the node is started again.\n",
};

// --------------------------------------------------------------------- audit

// Numbers of 32 and 64 digits as their first twelve, and no "/v1".
static void action_show(char *out, size_t size, const json_t *item)
{
    const char *path = get_text(item, "path"), *at, *subject;
    size_t n, len;

    n = (size_t)snprintf(out, size, "%s ", get_text(item, "method"));
    for (at = strncmp(path, "/v1/", 4) ? path : path + 3; *at && n < size;
         at += len) {
        len = strspn(at, "0123456789abcdef");
        if (len == 32 || len == 64)
            n += (size_t)snprintf(out + n, size - n, "%.12s", at);
        else
            n += (size_t)snprintf(out + n, size - n, "%.*s",
                                  (int)(len = len ? len : 1), at);
    }
    subject = get_text(item, "subject");
    if (*subject && !strstr(path, subject) && n < size)
        snprintf(out + n, size - n, " %.12s", subject);
}

static int audit_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"limit", required_argument, NULL, 'n'},
        {"customer", required_argument, NULL, 'c'},
        {"mine", no_argument, NULL, 'm'},
        {"json", no_argument, NULL, 'j'},
        {0}};
    const char *limit = "50", *customer = "";
    enum client_who who = CLIENT_OPERATOR;
    bool json = false;
    char path[192];
    const json_t *item;
    struct table *t;
    json_t *o;
    size_t i;
    int c;

    while ((c = getopt_long(argc, argv, "n:c:m", longs, NULL)) != -1) {
        if (c == 'n' && !optarg[strspn(optarg, "0123456789")])
            limit = optarg;
        else if (c == 'c')
            customer = optarg;
        else if (c == 'm')
            who = CLIENT_CUSTOMER;
        else if (c == 'j')
            json = true;
        else
            return cmd_usage(&cmd_audit);
    }
    if (argc != optind)
        return cmd_usage(&cmd_audit);
    snprintf(path, sizeof(path), "/v1/audit?limit=%.8s%s%.64s", limit,
             *customer ? "&customer=" : "", customer);
    o = ask(who, "GET", NULL, path);
    if (!o)
        return 1;
    if (json)
        return print_json(o);
    t = table_new(">NO,AT,WHO,STATUS,ACTION");
    json_array_foreach(json_object_get(o, "audit"), i, item)
    {
        char number[24], status[8], at[SHOW_SIZE], by[48], action[160];
        const char *key = get_text(item, "key");

        snprintf(number, sizeof(number), "%lld",
                 (long long)get_count(item, "number"));
        snprintf(status, sizeof(status), "%d", (int)get_count(item, "status"));
        if (!strcmp(get_text(item, "role"), "customer"))
            snprintf(by, sizeof(by), "%.12s", key);
        else if (*key)
            snprintf(by, sizeof(by), "%s %.12s", get_text(item, "role"), key);
        else
            snprintf(by, sizeof(by), "%s %lld", get_text(item, "role"),
                     (long long)get_count(item, "uid"));
        action_show(action, sizeof(action), item);
        table_row(t, number, show_time(at, get_text(item, "at")), by, status,
                  action);
    }
    table_print(t, stdout);
    table_free(t);
    json_decref(o);
    return 0;
}

const struct cmd cmd_audit = {
    .name = "audit",
    .run = audit_run,
    .usage = "[-n LIMIT] [-c KEY] [-m] [--json]",
    .summary = "who has changed what on the node, the newest first (operator)",
    .help = "  -n LIMIT  at most so many; default: 50\n"
            "  -c KEY    only what this key has signed\n"
            "  -m        as a customer: what your own key has signed\n"
            "  --json    in full, as the node says it\n"
            "WHO is a customer's key, or operator or viewer with a user's "
            "number or key.\n",
};
