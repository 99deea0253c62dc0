// SPDX-License-Identifier: ISC
// hostel invoice and hostel export: an account's month.

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"

struct args {
    const char *month, *output, *customer;
    bool json, html;
};

// -1: go on; else the exit status.
static int args_take(struct args *a, const struct cmd *cmd, int argc,
                     char **argv)
{
    static const struct option longs[] = {
        {"month", required_argument, NULL, 'm'},
        {"customer", required_argument, NULL, 'c'},
        {"output", required_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'j'},
        {"html", no_argument, NULL, 'h'},
        {"csv", no_argument, NULL, 'v'},
        {0}};
    int o;

    while ((o = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
        if (o == 'm')
            a->month = optarg;
        else if (o == 'c')
            a->customer = optarg;
        else if (o == 'o')
            a->output = optarg;
        else if (o == 'j' && cmd == &cmd_invoice)
            a->json = true;
        else if (o == 'h' && cmd == &cmd_invoice)
            a->html = true;
        else if (o != 'v' || cmd != &cmd_export)
            return cmd_usage(cmd);
    }
    if (argc != optind || (a->month && strlen(a->month) > 16) ||
        (a->customer && strlen(a->customer) > 64))
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

static int invoice_run(int argc, char **argv)
{
    struct args a = {0};
    int r = args_take(&a, &cmd_invoice, argc, argv);

    if (r >= 0)
        return r;
    return document_get(&a, a.json   ? "invoice?format=json"
                            : a.html ? "invoice?format=html"
                                     : "invoice?format=text");
}

const struct cmd cmd_invoice = {
    .name = "invoice",
    .run = invoice_run,
    .usage = "[--month YYYY-MM] [--customer KEY] [--json | --html] [-o FILE]",
    .summary = "print the invoice of an account",
    .help = "  --month YYYY-MM  submissions charged in that month (UTC); "
            "default: all\n"
            "  --customer KEY   whose, when the operator asks\n"
            "  --json           exact amounts in nano-units beside the text\n"
            "  --html           a page to print\n",
};

static int export_run(int argc, char **argv)
{
    struct args a = {0};
    int r = args_take(&a, &cmd_export, argc, argv);

    return r >= 0 ? r : document_get(&a, "usage.csv?format=csv");
}

const struct cmd cmd_export = {
    .name = "export",
    .run = export_run,
    .usage = "[--csv] [--month YYYY-MM] [--customer KEY] [-o FILE]",
    .summary = "export usage and charges as CSV",
    .help = "  --month YYYY-MM  submissions charged in that month (UTC); "
            "default: all\n"
            "  --customer KEY   whose, when the operator asks; default: all\n"
            "  -o FILE          where to put it; default: standard output\n"
            "Columns have the names of FOCUS where it has one.\n",
};
