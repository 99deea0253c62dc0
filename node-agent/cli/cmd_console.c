// SPDX-License-Identifier: ISC
// hostel console and hostel logs: what a program says, and telling it
// something.

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

// "90s", "10m", "2h", "3d" ago, or a time such as 2026-11-28T12:00:00Z.
static int since_parse(const char *text, uint64_t *ns)
{
    static const struct {
        char unit;
        uint64_t s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct tm tm = {0};
    char *end;
    unsigned long long n = strtoull(text, &end, 10);

    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (end > text && end[0] == units[i].unit && !end[1] && n < 100000) {
            *ns = ((uint64_t)time(NULL) - n * units[i].s) * 1000000000u;
            return 0;
        }
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end && (!*end || !strcmp(end, "Z")) && tm.tm_year >= 70) {
        *ns = (uint64_t)timegm(&tm) * 1000000000u;
        return 0;
    }
    fprintf(stderr,
            "hostel: --since takes 90s, 10m, 2h or 3d, or a time of UTC "
            "such as 2026-11-28T12:00:00Z, not \"%s\"\n",
            text);
    return -1;
}

static int logs_print(struct client *c, const char *id, bool build,
                      uint64_t since_ns, struct err *e)
{
    const struct call call = {.sink = output_write};
    cleanup_answer struct answer a = ANSWER_INIT;

    if (build)
        return client_call(c, &call, &a, e, "/v1/submissions/%s/build-log", id);
    return client_call(c, &call, &a, e,
                       "/v1/submissions/%s/console?since_ns=%llu", id,
                       (unsigned long long)since_ns);
}

static int logs_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"follow", no_argument, NULL, 'f'},
        {"build", no_argument, NULL, 'b'},
        {"since", required_argument, NULL, 's'},
        {0}};
    bool follow = false, build = false;
    uint64_t since_ns = 0;
    char id[SUB_ID_TEXT];
    struct err e = {0};
    struct client *c;
    int o, r;

    while ((o = getopt_long(argc, argv, "fb", longs, NULL)) != -1) {
        if (o == '?')
            return cmd_usage(&cmd_logs);
        if (o == 's' && since_parse(optarg, &since_ns) < 0)
            return 2;
        follow |= o == 'f';
        build |= o == 'b';
    }
    if (argc - optind != 1 || (build && (follow || since_ns)))
        return cmd_usage(&cmd_logs);
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    r = client_find_submission(c, argv[optind], id, &e);
    if (r == 0)
        r = follow ? attach_console(c, id, since_ns, &e)
                   : logs_print(c, id, build, since_ns, &e);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_logs = {
    .name = "logs",
    .run = logs_run,
    .usage = "[-f] [--since TIME] ID | -b ID",
    .summary = "print what a program said",
    .help =
        "  -f  go on until it is over\n"
        "  -b  what the compiler said\n"
        "  --since TIME  only what was said since: 90s, 10m, 2h, 3d ago, or\n"
        "                2026-11-28T12:00:00Z\n",
};
