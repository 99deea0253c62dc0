// SPDX-License-Identifier: ISC
// hostel events: a submission's life as it happens.

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/json.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"
#include "node-agent/cli/sse.h"

// A node that restarts is back in a second or two.
#define RETRIES_MAX 100
#define RETRY_NS    200000000L

struct seen {
    bool json, moved, ended;
};

static void state_print(const json_t *o)
{
    char fate[SHOW_FATE_SIZE];

    if (json_is_null(json_object_get(o, "outcome")))
        printf("state    %s\n", get_text(o, "state"));
    else
        printf("state    %s: %s\n", get_text(o, "state"), show_fate(fate, o));
}

static void usage_print(const json_t *o)
{
    char cpu[SHOW_SIZE], wall[SHOW_SIZE], mem[SHOW_SIZE];

    printf("usage    CPU %s, wall time %s, memory %s, charged %s %s\n",
           show_ns(cpu, get_count(o, "usage.cpu_ns")),
           show_ns(wall, get_count(o, "usage.wall_ns")),
           show_kib(mem, get_count(o, "usage.mem_peak_kib")),
           get_text(o, "charged"), get_text(o, "currency"));
}

// Text of a program, line by line, with nothing that drives a terminal.
static void text_print(const char *what, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        printf("%-8s ", what);
        for (size_t i = 0; i < len; i++) {
            unsigned char c = (unsigned char)text[i];

            if (c < 0x20 && c != '\t')
                printf("\\x%02x", c);
            else
                putchar(c);
        }
        putchar('\n');
        text += len + (text[len] == '\n');
    }
}

static int event_print(void *arg, const char *event, const char *id,
                       const char *data)
{
    struct seen *seen = arg;
    json_t *o = json_parse("an event", data, strlen(data), NULL);

    seen->moved = true;
    seen->ended = !strcmp(event, "end");
    if (seen->json) {
        json_t *line =
            json_pack("{s:s, s:s, s:O?}", "event", event, "id", id, "data", o);
        char *text = line ? json_text(line, false) : NULL;

        printf("%s\n", text ? text : "");
        free(text);
        json_decref(line);
    } else if (!strcmp(event, "state")) {
        state_print(o);
    } else if (!strcmp(event, "usage")) {
        usage_print(o);
    } else if (!strcmp(event, "submission")) {
        printf("%.12s  %-20s ", get_text(o, "id"), get_text(o, "name"));
        state_print(o);
    } else if (!strcmp(event, "missed")) {
        printf("some changes were missed: see hostel list\n");
    } else if (!strcmp(event, "console")) {
        text_print("console", get_text(o, "text"));
    } else if (!strcmp(event, "build-log")) {
        text_print("build", get_text(o, "text"));
    }
    json_decref(o);
    fflush(stdout);
    return ferror(stdout) ? 1 : 0;
}

static int feed(void *arg, const void *data, size_t len)
{
    return sse_feed(arg, data, len);
}

// Until the end; a connection that breaks is made anew where it was.
static int events_follow(struct client *c, const char *path, struct seen *seen,
                         struct err *e)
{
    struct sse sse = SSE_INIT(event_print, seen);
    int r = 0;

    for (int failures = 0; failures <= RETRIES_MAX && !seen->ended;
         failures++) {
        const struct timespec pause = {.tv_nsec = RETRY_NS};
        cleanup_answer struct answer a = ANSWER_INIT;
        const struct call call = {.sink = feed,
                                  .arg = &sse,
                                  .header = "Last-Event-ID",
                                  .value = *sse.id ? sse.id : NULL};

        seen->moved = false;
        sse_restart(&sse);
        r = client_call(c, &call, &a, e, "%s", path);
        if (ferror(stdout))
            r = err_set(e, EIO, "the events cannot be printed");
        if (seen->ended || ferror(stdout) ||
            (r < 0 && !client_passing(e, a.status)))
            break;
        if (seen->moved)
            failures = 0;
        nanosleep(&pause, NULL);
    }
    if (r == 0 && !seen->ended)
        r = err_set(e, ECONNRESET, "the node's events end too early");
    sse_free(&sse);
    return seen->ended ? 0 : r;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {0}};
    struct seen seen = {0};
    const char *query = "";
    char id[SUB_ID_TEXT], path[128] = "/v1/events";
    struct err e = {0};
    struct client *c;
    int o, r;

    while ((o = getopt_long(argc, argv, "q", longs, NULL)) != -1) {
        if (o == 'j')
            seen.json = true;
        else if (o == 'q')
            query = "?console=0&build_log=0";
        else
            return cmd_usage(&cmd_events);
    }
    if (argc - optind > 1)
        return cmd_usage(&cmd_events);
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    r = optind < argc ? client_find_submission(c, argv[optind], id, &e) : 0;
    if (r == 0 && optind < argc)
        snprintf(path, sizeof(path), "/v1/submissions/%s/events%s", id, query);
    if (r == 0)
        r = events_follow(c, path, &seen, &e);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_events = {
    .name = "events",
    .run = run,
    .usage = "[--json] [-q] [ID]",
    .summary = "watch a submission: states, usage, console, as they come",
    .help = "  --json       an event a line, for programs\n"
            "  -q, --quiet  without what the program and the compiler say\n"
            "It ends with the submission. Without one: what becomes of all of "
            "yours,\nuntil you end it.\n",
};
