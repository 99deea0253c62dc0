// SPDX-License-Identifier: ISC
// hostel statement and hostel spend: an account's movements, and where the
// money went.

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/rate.h"
#include "lib/cleanup.h"
#include "lib/table.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

struct args {
    const char *month, *customer;
    bool json;
};

// -1: go on; else the exit status.
static int args_take(struct args *a, const struct cmd *cmd, int argc,
                     char **argv)
{
    static const struct option longs[] = {
        {"month", required_argument, NULL, 'm'},
        {"customer", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},
        {0}};
    int o;

    while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (o == 'm')
            a->month = optarg;
        else if (o == 'c')
            a->customer = optarg;
        else if (o == 'j')
            a->json = true;
        else
            return cmd_usage(cmd);
    }
    if (argc != optind || (a->month && strlen(a->month) > 16) ||
        (a->customer && strlen(a->customer) > 64))
        return cmd_usage(cmd);
    return -1;
}

// /v1/account/WHAT of the month and the customer, if given.
static json_t *account_get(struct client *c, const struct args *a,
                           const char *what, struct err *e)
{
    return client_get_json(c, e, "/v1/account/%s?%s%s%s%s", what,
                           a->month ? "&month=" : "", a->month ? a->month : "",
                           a->customer ? "&customer=" : "",
                           a->customer ? a->customer : "");
}

// ----------------------------------------------------------------- statement

static void statement_print(const json_t *o)
{
    struct table *t = table_new("TIME,WHAT,ABOUT,>AMOUNT,>BALANCE");
    const json_t *line;
    char when[SHOW_SIZE];
    size_t i;

    printf("%s, %s\n\n", get_text(o, "name"), get_text(o, "currency"));
    table_row(t, show_time(when, get_text(o, "from")), "opening", "", "",
              get_text(o, "opening"));
    json_array_foreach(json_object_get(o, "lines"), i, line)
    {
        const char *about = get_text(line, "reference");
        char id[SHOW_SIZE];

        if (!*about && *get_text(line, "submission"))
            about = show_id(id, get_text(line, "submission"));
        table_row(t, show_time(when, get_text(line, "time")),
                  get_text(line, "kind"), about, get_text(line, "amount"),
                  get_text(line, "balance"));
    }
    table_row(t, show_time(when, get_text(o, "to")), "closing", "", "",
              get_text(o, "closing"));
    table_print(t, stdout);
    table_free(t);
}

static int statement_run(int argc, char **argv)
{
    struct args a = {0};
    struct err e = {0};
    struct client *c;
    json_t *o;
    int r = args_take(&a, &cmd_statement, argc, argv);

    if (r >= 0)
        return r;
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    o = account_get(c, &a, "statement", &e);
    client_close(c);
    if (!o)
        return cmd_fail(&e);
    if (a.json)
        return print_json(o);
    statement_print(o);
    json_decref(o);
    return 0;
}

const struct cmd cmd_statement = {
    .name = "statement",
    .run = statement_run,
    .usage = "[--month YYYY-MM] [--customer KEY] [--json]",
    .summary = "every movement of an account",
    .help = "  --month YYYY-MM  of that month (UTC); default: all\n"
            "  --customer KEY   whose, when the operator asks\n"
            "  --json           exact amounts in nano-units beside the text\n",
};

// --------------------------------------------------------------- by bundle

// Names of submissions: the ledger knows only their numbers.
static json_t *names_get(struct client *c, struct err *e)
{
    json_t *names = json_object();
    char after[64] = "";

    for (;;) {
        json_t *page =
            client_get_json(c, e, "/v1/submissions?limit=1000%s", after);
        const json_t *item;
        const char *next;
        size_t i;

        if (!page) {
            json_decref(names);
            return NULL;
        }
        json_array_foreach(json_object_get(page, "submissions"), i, item)
            json_object_set_new(names, get_text(item, "id"),
                                json_string(get_text(item, "name")));
        next = get_text(page, "next");
        snprintf(after, sizeof(after), "&after=%.32s", next);
        json_decref(page);
        if (!after[7])
            return names;
    }
}

static int dearer(const void *a, const void *b)
{
    int64_t x = get_count(*(json_t *const *)a, "billed_nano");
    int64_t y = get_count(*(json_t *const *)b, "billed_nano");

    return x > y ? -1 : x < y;
}

// Adds the member by_bundle: the sums by name, the dearest first. What the node
// does not list any more has no name.
static void bundles_add(json_t *spend, const json_t *names)
{
    json_t *sums = json_object(), *list = json_array(), *item;
    cleanup_free json_t **order = NULL;
    const json_t *submission;
    char text[MONEY_TEXT_SIZE];
    size_t i, count = 0;

    json_array_foreach(json_object_get(spend, "by_submission"), i, submission)
    {
        const char *name = get_text(names, get_text(submission, "submission"));

        if (!*name)
            name = "(forgotten)";
        item = json_object_get(sums, name);
        if (!item) {
            item = json_pack("{s:s, s:I, s:I}", "bundle", name, "submissions",
                             (json_int_t)0, "billed_nano", (json_int_t)0);
            json_object_set_new(sums, name, item);
        }
        json_object_set_new(item, "submissions",
                            json_integer(get_count(item, "submissions") + 1));
        json_object_set_new(item, "billed_nano",
                            json_integer(get_count(item, "billed_nano") +
                                         get_count(submission, "billed_nano")));
    }
    order = calloc(json_object_size(sums) + 1, sizeof(*order));
    for (void *at = json_object_iter(sums); order && at;
         at = json_object_iter_next(sums, at))
        order[count++] = json_object_iter_value(at);
    if (count)
        qsort(order, count, sizeof(*order), dearer);
    for (i = 0; i < count; i++) {
        json_object_set_new(
            order[i], "billed",
            json_string(money_text(get_count(order[i], "billed_nano"), text)));
        json_array_append(list, order[i]);
    }
    json_decref(sums);
    json_object_set_new(spend, "by_bundle", list);
}

// ---------------------------------------------------------------- for people

#define BAR_WIDTH 24

// A bar of eighths of a character, `part` of `whole` long.
static void bar_print(int64_t part, int64_t whole)
{
    static const char *const eighths[] = {"",  "▏", "▎", "▍",
                                          "▌", "▋", "▊", "▉"};
    int length =
        whole > 0 ? (int)((double)part / (double)whole * BAR_WIDTH * 8) : 0;

    if (part > 0 && length == 0)
        length = 1;
    for (int i = 0; i < length / 8; i++)
        fputs("█", stdout);
    fputs(eighths[length % 8], stdout);
}

static void sums_print(const char *title, const json_t *list, const char *name,
                       const char *amount)
{
    const json_t *item;
    int64_t most = 0;
    char key[64];
    size_t i;

    snprintf(key, sizeof(key), "%s_nano", amount);
    json_array_foreach(list, i, item)
    {
        if (get_count(item, key) > most)
            most = get_count(item, key);
    }
    printf("\n%s\n", title);
    json_array_foreach(list, i, item)
    {
        printf("  %-24.24s %18s  ", get_text(item, name),
               get_text(item, amount));
        bar_print(get_count(item, key), most);
        printf("\n");
    }
}

// Days since 1970 of "2026-11-22"; a customer's node says no others.
static long day_number(const char *day)
{
    int y, m, d;

    if (sscanf(day, "%d-%d-%d", &y, &m, &d) != 3)
        return 0;
    if (m < 3) { // the year begins in March
        y--;
        m += 12;
    }
    return 365L * y + y / 4 - y / 100 + y / 400 + (153 * m - 457) / 5 + d;
}

#define DAYS_MAX 62 // what a line shows

// One character a day, the days without any use as blanks.
static void days_print(const json_t *days)
{
    static const char *const levels[] = {"▁", "▂", "▃", "▄",
                                         "▅", "▆", "▇", "█"};
    size_t count = json_array_size(days), i;
    int64_t most = 1, by_day[DAYS_MAX] = {0};
    const json_t *item, *dearest = NULL;
    const json_t *last = json_array_get(days, count - 1);
    long end = last ? day_number(get_text(last, "day")) : 0;
    int first = DAYS_MAX - 1;

    if (!count)
        return;
    json_array_foreach(days, i, item)
    {
        long at = DAYS_MAX - 1 - (end - day_number(get_text(item, "day")));

        if (at < 0 || at >= DAYS_MAX)
            continue;
        by_day[at] = get_count(item, "billed_nano");
        if (at < first)
            first = (int)at;
        if (!dearest || by_day[at] > most) {
            most = by_day[at] ? by_day[at] : 1;
            dearest = item;
        }
    }
    printf("\nBY DAY, to %s\n  ", get_text(last, "day"));
    for (int at = first; at < DAYS_MAX; at++) {
        int level = (int)((double)by_day[at] / (double)most * 7.999);

        fputs(by_day[at] > 0 ? levels[level] : " ", stdout);
    }
    printf("\n  the dearest: %s on %s\n", get_text(dearest, "billed"),
           get_text(dearest, "day"));
}

static void spend_print(const json_t *o)
{
    char from[SHOW_SIZE], to[SHOW_SIZE];

    printf("%s: %s %s for %lld submissions\n%s to %s\n", get_text(o, "name"),
           get_text(o, "billed"), get_text(o, "currency"),
           (long long)get_count(o, "submission_count"),
           show_time(from, get_text(o, "from")),
           show_time(to, get_text(o, "to")));
    if (get_count(o, "written_off_nano"))
        printf("used %s, of which %s over the caps was not billed\n",
               get_text(o, "charge"), get_text(o, "written_off"));
    sums_print("BY SKU, before write-offs", json_object_get(o, "by_sku"), "sku",
               "charge");
    sums_print("BY BUNDLE", json_object_get(o, "by_bundle"), "bundle",
               "billed");
    days_print(json_object_get(o, "by_day"));
}

static int spend_run(int argc, char **argv)
{
    struct args a = {0};
    struct err e = {0};
    json_t *o, *names = NULL;
    struct client *c;
    int r = args_take(&a, &cmd_spend, argc, argv);

    if (r >= 0)
        return r;
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    o = account_get(c, &a, "spend", &e);
    if (o)
        names = names_get(c, &e);
    client_close(c);
    if (!names) {
        json_decref(o);
        return cmd_fail(&e);
    }
    bundles_add(o, names);
    json_decref(names);
    if (a.json)
        return print_json(o);
    spend_print(o);
    json_decref(o);
    return 0;
}

const struct cmd cmd_spend = {
    .name = "spend",
    .run = spend_run,
    .usage = "[--month YYYY-MM] [--customer KEY] [--json]",
    .summary = "where the money went: by SKU, bundle and day",
    .help = "  --month YYYY-MM  charged in that month (UTC); default: all\n"
            "  --customer KEY   whose, when the operator asks\n"
            "  --json           exact amounts in nano-units beside the text\n"
            "Bundles that the node has forgotten are summed up as such; of "
            "more than 1,000\nsubmissions the dearest are told by bundle.\n",
};
