// SPDX-License-Identifier: ISC
// hostel invoice and hostel export: an account's charges.

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

struct args {
    const char *month, *output, *customer, *number, *format, *after, *cursor,
        *until;
    bool json, html, csv, list, issue, records;
};

static const struct option longs[] = {
    {"month", required_argument, NULL, 'm'},
    {"customer", required_argument, NULL, 'c'},
    {"output", required_argument, NULL, 'o'},
    {"json", no_argument, NULL, 'j'},
    {"html", no_argument, NULL, 'h'},
    {"csv", no_argument, NULL, 'v'},
    {"number", required_argument, NULL, 'n'},
    {"list", no_argument, NULL, 'l'},
    {"issue", no_argument, NULL, 'i'},
    {"until", required_argument, NULL, 't'},
    {"records", no_argument, NULL, 'r'},
    {"format", required_argument, NULL, 'f'},
    {"after", required_argument, NULL, 'a'},
    {"cursor", required_argument, NULL, 'u'},
    {0}};

static bool option_take(struct args *a, const struct cmd *cmd, int o)
{
    const struct {
        char letter;
        const struct cmd *cmd; // NULL: both
        const char **text;
        bool *flag;
    } options[] = {
        {'m', NULL, &a->month, NULL},
        {'c', NULL, &a->customer, NULL},
        {'o', NULL, &a->output, NULL},
        {'v', NULL, NULL, &a->csv},
        {'j', &cmd_invoice, NULL, &a->json},
        {'h', &cmd_invoice, NULL, &a->html},
        {'n', &cmd_invoice, &a->number, NULL},
        {'l', &cmd_invoice, NULL, &a->list},
        {'i', &cmd_invoice, NULL, &a->issue},
        {'r', &cmd_invoice, NULL, &a->records},
        {'t', &cmd_invoice, &a->until, NULL},
        {'f', &cmd_export, &a->format, NULL},
        {'a', &cmd_export, &a->after, NULL},
        {'u', &cmd_export, &a->cursor, NULL},
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        if (options[i].letter != o || (options[i].cmd && options[i].cmd != cmd))
            continue;
        if (options[i].text)
            *options[i].text = optarg;
        else
            *options[i].flag = true;
        return true;
    }
    return false;
}

// -1: go on; else the exit status.
static int args_take(struct args *a, const struct cmd *cmd, int argc,
                     char **argv)
{
    int o;

    while ((o = getopt_long(argc, argv, "o:", longs, NULL)) != -1)
        if (!option_take(a, cmd, o))
            return cmd_usage(cmd);
    if (argc != optind || (a->month && strlen(a->month) > 16) ||
        (a->customer && strlen(a->customer) > 64) ||
        (a->number && strspn(a->number, "0123456789") != strlen(a->number)))
        return cmd_usage(cmd);
    return -1;
}

static int document_save(const char *output, const struct buf *b, struct err *e)
{
    int r;

    if (output && strcmp(output, "-"))
        return file_write_durable(output, b->data, b->len, 0644, e);
    r = write_full(STDOUT_FILENO, buf_str(b), b->len);
    return r < 0 ? err_set(e, -r, "writing: %s", strerror(-r)) : 0;
}

// Gets /v1/account/WHAT with the month and the customer, if given.
static int document_get(const struct args *a, const char *what)
{
    struct err e = {0};
    struct client *c = client_open(CLIENT_CUSTOMER, &e);
    cleanup_answer struct answer answer = ANSWER_INIT;
    const struct call call = {0};
    int r;

    if (!c)
        return cmd_fail(&e);
    r = client_call(c, &call, &answer, &e, "/v1/account/%s%s%s%s%s", what,
                    a->month ? "&month=" : "", a->month ? a->month : "",
                    a->customer ? "&customer=" : "",
                    a->customer ? a->customer : "");
    client_close(c);
    if (r == 0)
        r = document_save(a->output, &answer.body, &e);
    return r < 0 ? cmd_fail(&e) : 0;
}

// ------------------------------------------------------------- final invoices

static int invoice_list(const struct args *a)
{
    struct err e = {0};
    struct client *c = client_open(CLIENT_CUSTOMER, &e);
    const json_t *item;
    struct table *t;
    json_t *o;
    size_t i;

    if (!c)
        return cmd_fail(&e);
    o = client_get_json(c, &e, "/v1/account/invoices?%s%s",
                        a->customer ? "customer=" : "",
                        a->customer ? a->customer : "");
    client_close(c);
    if (!o)
        return cmd_fail(&e);
    if (a->json)
        return print_json(o);
    t = table_new(">NUMBER,FROM,TO,>CHARGES,>NOTES,>TOTAL,CURRENCY");
    json_array_foreach(json_object_get(o, "invoices"), i, item)
    {
        char number[24], from[SHOW_SIZE], to[SHOW_SIZE];

        snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_get(item, "number")));
        table_row(t, number, show_time(from, get_text(item, "from")),
                  show_time(to, get_text(item, "to")),
                  get_text(item, "charges"), get_text(item, "notes"),
                  get_text(item, "total"), get_text(o, "currency"));
    }
    table_print(t, stdout);
    table_free(t);
    json_decref(o);
    return 0;
}

// 0: issued; 1: there was nothing to; else failed.
static int issue_one(struct client *c, const char *customer,
                     const struct args *args, struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    char text[64];
    struct call call = {
        .method = "POST", .type = "application/json", .body = text};
    json_t *o;
    int r;

    call.body_len = (size_t)snprintf(text, sizeof(text), "{\"%s\": \"%.24s\"}",
                                     args->until ? "until" : "month",
                                     args->until ? args->until : args->month);
    r = client_call(c, &call, &a, e, "/v1/accounts/%s/invoices", customer);
    if (r < 0)
        return a.status == 404 ? 1 : r;
    o = json_parse("the node's answer", buf_str(&a.body), a.body.len, e);
    if (!o)
        return -e->code;
    printf("invoice %" JSON_INTEGER_FORMAT " for %s\n",
           json_integer_value(json_object_get(o, "number")), customer);
    json_decref(o);
    return 0;
}

// A page of accounts, each; *next: the key behind which the next one begins, ""
// if there is none.
static int issue_page(struct client *c, const struct args *a, char next[65],
                      struct err *e)
{
    json_t *o =
        client_get_json(c, e, "/v1/accounts?%s%s", *next ? "after=" : "", next);
    const json_t *item;
    size_t i;
    int r = o ? 0 : -1;

    snprintf(next, 65, "%s", get_text(o, "next"));
    json_array_foreach(json_object_get(o, "accounts"), i, item)
    {
        r = issue_one(c, get_text(item, "customer"), a, e);
        if (r < 0)
            break;
    }
    json_decref(o);
    return r < 0 ? r : 0;
}

// Of one account, or of all that have something to pay.
static int invoice_issue(const struct args *a)
{
    const char *when = a->until ? a->until : a->month;
    struct err e = {0};
    struct client *c;
    char next[65] = "";
    int r = 0;

    if (!when || strpbrk(when, "\"\\"))
        return cmd_usage(&cmd_invoice);
    c = client_open(CLIENT_OPERATOR, &e);
    if (!c)
        return cmd_fail(&e);
    if (a->customer) {
        r = issue_one(c, a->customer, a, &e);
        client_close(c);
        return r ? cmd_fail(&e) : 0;
    }
    do {
        r = issue_page(c, a, next, &e);
    } while (r == 0 && *next);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

static int invoice_run(int argc, char **argv)
{
    struct args a = {0};
    int r = args_take(&a, &cmd_invoice, argc, argv);
    char what[96];
    const char *format;

    if (r >= 0)
        return r;
    if (a.issue)
        return invoice_issue(&a);
    if (a.list)
        return invoice_list(&a);
    format = a.json || a.records ? "json"
             : a.html            ? "html"
             : a.csv             ? "csv"
                                 : "text";
    if (a.csv && !a.number)
        return cmd_usage(&cmd_invoice);
    snprintf(what, sizeof(what), "%s%.20s?format=%s%s",
             a.number ? "invoices/" : "invoice", a.number ? a.number : "",
             format, a.records ? "&records=1" : "");
    return document_get(&a, what);
}

const struct cmd cmd_invoice = {
    .name = "invoice",
    .run = invoice_run,
    .usage = "[--month YYYY-MM | --number N | --list] [--customer KEY] [--json "
             "[--records] | --html | --csv] [-o FILE] | --issue {--month "
             "YYYY-MM | --until TIME} [--customer KEY]",
    .summary = "print the invoices of an account",
    .help = "  --month YYYY-MM  a draft of what was charged in that month "
            "(UTC); default: all\n"
            "  --list           the final invoices\n"
            "  --number N       a final one, as it was issued\n"
            "  --customer KEY   whose, when the operator asks\n"
            "  --json           exact amounts in nano-units beside the text\n"
            "  --records        as JSON, down to the usage records\n"
            "  --html           a page to print\n"
            "  --csv            with --number: a row per usage record and SKU\n"
            "  --issue          (operator) issue the invoices of all that was "
            "charged until\n                   the month's end, or --until now, or a time such as\n"
            "                   2026-12-01T00:00:00Z\n",
};

// --------------------------------------------------------------------- export

static int cursor_read(const char *path, uint64_t *cursor, struct err *e)
{
    cleanup_buf struct buf b = BUF_INIT(64);
    char *end;
    int r;

    *cursor = 0;
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return 0;
    r = file_read(path, &b, e);
    if (r < 0)
        return r;
    *cursor = strtoull(buf_str(&b), &end, 10);
    return *end == '\n' || !*end
               ? 0
               : err_set(e, EINVAL, "%s does not hold a cursor", path);
}

static int cursor_write(const char *path, uint64_t cursor, struct err *e)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", cursor);

    return file_write_durable(path, text, (size_t)len, 0644, e);
}

// All there is behind the cursor, call by call; a table's header once.
static int export_write(struct client *c, const struct args *a, FILE *out,
                        uint64_t *cursor, struct err *e)
{
    uint64_t before = UINT64_MAX;
    int r = 0;

    for (bool first = true; r == 0 && *cursor != before; first = false) {
        cleanup_answer struct answer answer = ANSWER_INIT;
        const struct call call = {0};
        const char *text, *line;

        before = *cursor;
        r = client_call(c, &call, &answer, e,
                        "/v1/account/export?format=%s&after=%" PRIu64 "%s%s",
                        a->format, *cursor, a->customer ? "&customer=" : "",
                        a->customer ? a->customer : "");
        if (r < 0 || (answer.cursor == before && !first))
            break;
        *cursor = answer.cursor;
        text = buf_str(&answer.body);
        line = first || strcmp(a->format, "focus") ? NULL : strchr(text, '\n');
        if (line)
            text = line + 1;
        fwrite(text, 1,
               answer.body.len - (size_t)(text - buf_str(&answer.body)), out);
    }
    return r;
}

static int export_follow(const struct args *a)
{
    struct err e = {0};
    uint64_t cursor = a->after ? strtoull(a->after, NULL, 10) : 0;
    struct client *c;
    FILE *out = stdout;
    int r = 0;

    if (a->cursor)
        r = cursor_read(a->cursor, &cursor, &e);
    c = r < 0 ? NULL : client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    if (a->output && strcmp(a->output, "-") &&
        !(out = fopen(a->output, a->cursor ? "a" : "w")))
        r = err_errno(&e, "%s", a->output);
    if (r == 0)
        r = export_write(c, a, out, &cursor, &e);
    client_close(c);
    // What was written is safe before the cursor says so.
    if (r == 0 && (fflush(out) || (out != stdout && fsync(fileno(out)))))
        r = err_errno(&e, "writing the export");
    if (out && out != stdout)
        fclose(out);
    if (r == 0 && a->cursor)
        r = cursor_write(a->cursor, cursor, &e);
    return r < 0 ? cmd_fail(&e) : 0;
}

static int export_run(int argc, char **argv)
{
    struct args a = {0};
    int r = args_take(&a, &cmd_export, argc, argv);

    if (r >= 0)
        return r;
    if (!a.format)
        return document_get(&a, "usage.csv?format=csv");
    if (a.month || (strcmp(a.format, "jsonl") && strcmp(a.format, "protobuf") &&
                    strcmp(a.format, "focus")))
        return cmd_usage(&cmd_export);
    return export_follow(&a);
}

const struct cmd cmd_export = {
    .name = "export",
    .run = export_run,
    .usage = "[--csv] [--month YYYY-MM] [--customer KEY] [-o FILE] | --format "
             "FORMAT [--after N | --cursor FILE] [--customer KEY] [-o FILE]",
    .summary = "export usage and charges",
    .help =
        "  --month YYYY-MM  what was charged in that month (UTC); "
        "default: all\n"
        "  --customer KEY   whose, when the operator asks; default: all\n"
        "  -o FILE          where to put it; default: standard output\n"
        "  --format FORMAT  everything behind a cursor: jsonl, protobuf, or "
        "focus (CSV)\n"
        "  --after N        the cursor: an entry of the log; default: 0\n"
        "  --cursor FILE    keep the cursor in a file, and append to -o: "
        "each time what\n                   is new\n"
        "Columns of CSV have the names of FOCUS where it has one.\n",
};
