// SPDX-License-Identifier: ISC
// hostel receipt and hostel verify-receipt: proof of what was charged.

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "billing/receipt.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/bundle/key.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

static int receipt_save(const char *output, const struct buf *b, struct err *e)
{
    int r;

    if (strcmp(output, "-"))
        return file_write_durable(output, b->data, b->len, 0644, e);
    r = write_full(STDOUT_FILENO, b->data, b->len);
    return r < 0 ? err_set(e, -r, "writing the receipt: %s", strerror(-r)) : 0;
}

static int receipt_get(const char *text, const char *output, bool so_far,
                       const char *period, struct err *e)
{
    struct client *c = client_open(CLIENT_CUSTOMER, e);
    cleanup_answer struct answer a = ANSWER_INIT;
    char id[SUB_ID_TEXT], name[SUB_ID_TEXT + 32];
    const struct call call = {0};
    int r;

    if (!c)
        return -e->code;
    r = client_find_submission(c, text, id, e);
    if (r == 0)
        r = client_call(c, &call, &a, e,
                        "/v1/submissions/%s/receipt?wait=1%s%s%s", id,
                        period ? "&period=" : "", period ? period : "",
                        so_far ? "&so_far=1&timeout_ms=5000" : "");
    client_close(c);
    if (r < 0)
        return r;
    snprintf(name, sizeof(name), "%s%s%s.receipt", id, period ? "." : "",
             period ? period : "");
    if (!output)
        output = name;
    r = receipt_save(output, &a.body, e);
    if (r == 0 && strcmp(output, "-"))
        printf("%s\n", output);
    return r;
}

static int receipt_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"output", required_argument, NULL, 'o'},
        {"so-far", no_argument, NULL, 's'},
        {0}};
    const char *output = NULL, *period = NULL;
    struct err e = {0};
    bool so_far = false;
    int o;

    if (argc > 1 && !strcmp(argv[1], "verify"))
        return cmd_verify_receipt.run(argc - 1, argv + 1);
    while ((o = getopt_long(argc, argv, "o:p:", longs, NULL)) != -1) {
        if (o == 's')
            so_far = true;
        else if (o == 'o')
            output = optarg;
        else if (o == 'p')
            period = optarg;
        else
            return cmd_usage(&cmd_receipt);
    }
    if (argc - optind != 1 ||
        (period && (!*period || strlen(period) > 9 ||
                    period[strspn(period, "0123456789")])))
        return cmd_usage(&cmd_receipt);
    return receipt_get(argv[optind], output, so_far, period, &e) < 0
               ? cmd_fail(&e)
               : 0;
}

const struct cmd cmd_receipt = {
    .name = "receipt",
    .run = receipt_run,
    .usage = "[-o FILE] [-p N] [--so-far] ID | receipt verify ...",
    .summary = "get the signed receipt of a submission",
    .help = "  -o FILE  where to put it; default: NUMBER.receipt here; -: "
            "standard output\n"
            "  -p N     of period N of a service or a function, from 0; "
            "default: the last\n"
            "  --so-far do not wait for its end: what is signed by now\n"
            "Waits until the submission is over and its receipt is signed.\n",
};

// -------------------------------------------------------------------- verify

// The key that the customer trusts: from the command line, else pinned.
static int node_key(const char *given, uint8_t key[KEY_BYTES], struct err *e)
{
    struct pubkey pk;
    struct context ctx;
    int r;

    if (given && strchr(given, '/')) {
        r = pubkey_read(given, &pk, e);
        memcpy(key, pk.key, KEY_BYTES);
        return r;
    }
    if (given)
        return pubkey_from_hex(given, key, e);
    r = context_load(NULL, &ctx, e);
    if (r == 0 && !ctx.node_id)
        r = err_set(e, ENOENT,
                    "whose receipt? Give -n NODE, its 64 hex digits or a path "
                    "with a slash, or make a context with `hostel context`");
    if (r == 0)
        r = pubkey_from_hex(ctx.node_id, key, e);
    context_free(&ctx);
    return r;
}

static int verify(const char *path, const char *node, bool json, struct err *e)
{
    cleanup_buf struct buf b = BUF_INIT(RECEIPT_MAX);
    cleanup_free struct receipt_report *report = malloc(sizeof(*report));
    uint8_t key[KEY_BYTES];
    int r = node_key(node, key, e);

    if (!report)
        return err_set(e, ENOMEM, "no memory to verify a receipt");
    if (r == 0)
        r = strcmp(path, "-") ? file_read(path, &b, e)
                              : fd_read(STDIN_FILENO, "the receipt", &b, e);
    if (r < 0)
        return r;
    r = receipt_verify(b.data, b.len, key, report, e);
    if (r < 0)
        return err_prefix(e, "%s", path);
    if (json)
        return print_json(receipt_json(report)) ? -EIO : 0;
    receipt_print(report, stdout);
    return 0;
}

static int verify_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"node", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {0}};
    const char *node = NULL;
    struct err e = {0};
    bool json = false;
    int o;

    while ((o = getopt_long(argc, argv, "n:", longs, NULL)) != -1) {
        if (o == 'n')
            node = optarg;
        else if (o == 'j')
            json = true;
        else
            return cmd_usage(&cmd_verify_receipt);
    }
    if (argc - optind != 1)
        return cmd_usage(&cmd_verify_receipt);
    return verify(argv[optind], node, json, &e) < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_verify_receipt = {
    .name = "verify-receipt",
    .run = verify_run,
    .usage = "[-n NODE] [--json] FILE",
    .summary = "check a receipt, offline",
    .help = "  -n NODE  the node that must have signed it: 64 hex digits, or "
            "the path of a\n           public key (with a slash); default: "
            "the context's pinned key\n"
            "  --json   what was proved, as JSON\n"
            "Asks nobody: everything is proved from the receipt and the "
            "node's key.\n",
};
