// SPDX-License-Identifier: ISC
// hostel quote: what a submission would cost at most.

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/bundle.h"
#include "node-agent/cli/bundle_opts.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

enum { OPT_JSON = OPT_VERB };

// What a quote needs of a bundle is at its beginning.
#define HEAD_MAX (8 + 4 + MANIFEST_MAX + 4 + SIGNATURE_MAX)

// A bundle as it is; anything else is made into one first.
static int bundle_open(struct bundle_opts *o, const struct context *ctx,
                       const char *path, int nargs, char **args, struct err *e)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char magic[8] = "";
    int r;

    if (fd < 0)
        return err_errno(e, "%s", path);
    // A folder cannot be read, and is no bundle either.
    if (pread_full(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
        !memcmp(magic, BUNDLE_MAGIC, sizeof(magic)))
        return steal_fd(&fd);
    close(steal_fd(&fd));
    fd = memfd_create("bundle", MFD_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "no memory for the bundle");
    r = bundle_opts_make(o, ctx, path, (size_t)nargs, args, fd, e);
    return r < 0 ? r : steal_fd(&fd);
}

static json_t *quote_ask(struct client *c, int fd, struct err *e)
{
    cleanup_buf struct buf head = BUF_INIT(HEAD_MAX);
    cleanup_answer struct answer a = ANSWER_INIT;
    struct call call = {.method = "POST", .type = BUNDLE_TYPE};
    uint8_t *room = buf_room(&head, HEAD_MAX);
    ssize_t n = room ? pread_full(fd, room, HEAD_MAX, 0) : -ENOMEM;

    if (n < 0) {
        err_set(e, (int)-n, "reading the bundle: %s", strerror((int)-n));
        return NULL;
    }
    call.body = room;
    call.body_len = (size_t)n;
    if (client_call(c, &call, &a, e, "/v1/quotes") < 0)
        return NULL;
    return json_parse("the node's answer", buf_str(&a.body), a.body.len, e);
}

static void quote_print(const json_t *o)
{
    struct table *t = table_new("SKU,>QUANTITY,UNIT,>AMOUNT");
    const json_t *line;
    char quantity[32];
    size_t i;

    json_array_foreach(json_object_get(o, "lines"), i, line)
    {
        snprintf(quantity, sizeof(quantity), "%lld",
                 (long long)get_count(line, "quantity"));
        table_row(t, get_text(line, "sku"),
                  *get_text(line, "quantity") ? get_text(line, "quantity")
                                              : quantity,
                  get_text(line, "unit"), get_text(line, "amount"));
    }
    table_row(t, "at most", "", get_text(o, "currency"), get_text(o, "total"));
    table_print(t, stdout);
    table_free(t);
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, OPT_JSON}, BUNDLE_LONG_OPTS, {0}};
    cleanup_close int fd = -1;
    struct bundle_opts o = {0};
    bool json = false;
    struct client *c;
    struct err e = {0};
    json_t *quote;
    int opt;

    while ((opt = getopt_long(argc, argv, "+" BUNDLE_OPTS, longs, NULL)) !=
           -1) {
        if (opt == OPT_JSON)
            json = true;
        else if (bundle_opts_take(&o, opt, optarg) <= 0)
            return cmd_usage(&cmd_quote);
    }
    if (optind == argc)
        return cmd_usage(&cmd_quote);
    if (!o.key)
        o.key = cli_options.key;
    c = client_open(CLIENT_ANYBODY, &e);
    if (!c)
        return cmd_fail(&e);
    fd = bundle_open(&o, client_context(c), argv[optind], argc - optind - 1,
                     argv + optind + 1, &e);
    quote = fd < 0 ? NULL : quote_ask(c, fd, &e);
    client_close(c);
    if (!quote)
        return cmd_fail(&e);
    if (json)
        return print_json(quote);
    quote_print(quote);
    json_decref(quote);
    return 0;
}

const struct cmd cmd_quote = {
    .name = "quote",
    .run = run,
    .usage = "[--json] [OPTIONS] BUNDLE|FILE.c|FOLDER|IMAGE [ARGUMENTS]",
    .summary = "ask what a submission would cost at most",
    .help =
        "  --json   as the node says it\n" BUNDLE_OPTS_HELP
        "This much is held while it runs; what is not used is given back.\n",
};
