// SPDX-License-Identifier: ISC
// hostel console and hostel logs: what a program says, and telling it
// something.

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"
#include "node-agent/cli/attach.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/ctl_console.h"

static int console_run(int argc, char **argv)
{
    static const struct option longs[] = {{0}};
    char id[SUB_ID_TEXT];
    struct err e = {0};
    struct client *c;
    int r;

    if (getopt_long(argc, argv, "", longs, NULL) != -1 || argc - optind != 1)
        return cmd_usage(&cmd_console);
    if (ctl_wanted())
        return ctl_console_verb(argv[optind]);
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    if (client_find_submission(c, argv[optind], id, &e) < 0)
        r = cmd_fail(&e);
    else
        r = attach_run(c, id, true);
    client_close(c);
    return r;
}

const struct cmd cmd_console = {
    .name = "console",
    .run = console_run,
    .usage = "ID | DOMAIN",
    .summary = "stay with a submission or a domain: its console and input",
    .help = "As the operator: ^] leaves a domain's console, which goes on.\n"
            "Any number may stay with one submission; the last one that came\n"
            "writes its input. The exit status is as of `hostel run`.\n",
};

// ---------------------------------------------------------------------- logs

static int output_write(void *arg, const void *data, size_t len)
{
    (void)arg;
    return write_full(STDOUT_FILENO, data, len);
}

static int logs_print(struct client *c, const char *id, bool build,
                      struct err *e)
{
    const struct call call = {.sink = output_write};
    cleanup_answer struct answer a = ANSWER_INIT;

    return client_call(c, &call, &a, e, "/v1/submissions/%s/%s", id,
                       build ? "build-log" : "console");
}

static int logs_run(int argc, char **argv)
{
    static const struct option longs[] = {{"follow", no_argument, NULL, 'f'},
                                          {"build", no_argument, NULL, 'b'},
                                          {0}};
    bool follow = false, build = false;
    char id[SUB_ID_TEXT];
    struct err e = {0};
    struct client *c;
    int o, r;

    while ((o = getopt_long(argc, argv, "fb", longs, NULL)) != -1) {
        if (o == '?')
            return cmd_usage(&cmd_logs);
        follow |= o == 'f';
        build |= o == 'b';
    }
    if (argc - optind != 1 || (follow && build))
        return cmd_usage(&cmd_logs);
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    r = client_find_submission(c, argv[optind], id, &e);
    if (r == 0)
        r = follow ? attach_console(c, id, 0, &e)
                   : logs_print(c, id, build, &e);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_logs = {
    .name = "logs",
    .run = logs_run,
    .usage = "[-f | -b] ID",
    .summary = "print what a program said",
    .help = "  -f  go on until it is over\n"
            "  -b  what the compiler said\n",
};
