// SPDX-License-Identifier: ISC
// hostel call: a request to a function.

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/api/v1.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"

static int answer_write(void *arg, const void *data, size_t len)
{
    (void)arg;
    return write_full(STDOUT_FILENO, data, len);
}

static int call_function(struct client *c, const char *id, const struct buf *in,
                         struct err *e)
{
    const struct call call = {.method = "POST",
                              .type = "application/octet-stream",
                              .body = buf_str(in),
                              .body_len = in->len,
                              .sink = answer_write};
    cleanup_answer struct answer a = ANSWER_INIT;

    return client_call(c, &call, &a, e, "/v1/submissions/%s/call", id);
}

// Standard input, unless that is a terminal: then nothing.
static int input_read(const char *path, struct buf *b, struct err *e)
{
    if (path && strcmp(path, "-") != 0)
        return file_read(path, b, e);
    if (!path && isatty(STDIN_FILENO))
        return 0;
    return fd_read(STDIN_FILENO, "standard input", b, e);
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"times", required_argument, NULL, 't'}, {0}};
    cleanup_buf struct buf in = BUF_INIT(FUNCTION_BODY_MAX);
    char id[SUB_ID_TEXT];
    struct err e = {0};
    struct client *c;
    int64_t times = 1;
    int o, n, r;

    while ((o = getopt_long(argc, argv, "t:", longs, NULL)) != -1) {
        if (o != 't' || !cmd_number("-t", optarg, 1, 1000000, &times))
            return cmd_usage(&cmd_call);
    }
    n = argc - optind;
    if (n < 1 || n > 2)
        return cmd_usage(&cmd_call);
    if (input_read(n == 2 ? argv[optind + 1] : NULL, &in, &e) < 0)
        return cmd_fail(&e);
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    r = client_find_submission(c, argv[optind], id, &e);
    while (r == 0 && times-- > 0)
        r = call_function(c, id, &in, &e);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_call = {
    .name = "call",
    .run = run,
    .usage = "[-t TIMES] ID [FILE]",
    .summary = "send a request to a function and print its answer",
    .help =
        "  FILE     the request's body; default: standard input, or nothing "
        "if that is\n           a terminal\n"
        "  -t TIMES  the same request so many times, one after the other\n",
};
