// SPDX-License-Identifier: ISC
// hostel list, show, usage, wait, destroy: submissions.

#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/table.h"
#include "node-agent/cli/attach.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/ctl.h"
#include "node-agent/cli/show.h"

enum {
    OPT_JSON = 0x200,
    OPT_LIVE,
    OPT_STATE,
    OPT_OUTCOME,
    OPT_NAME,
    OPT_SUBMISSIONS
};

// What these verbs have in common: options, a client, one submission.
struct args {
    bool json, live;
    const char *limit, *state, *outcome, *name;
    struct client *client;
    char id[SUB_ID_TEXT]; // "": none was given
};

// -1: go on; else the exit status. ids: how many must (max: may) be given.
static int args_take(struct args *a, const struct cmd *cmd, int ids_min,
                     int ids_max, int argc, char **argv)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, OPT_JSON},
        {"live", no_argument, NULL, OPT_LIVE},
        {"submissions", no_argument, NULL, OPT_SUBMISSIONS},
        {"limit", required_argument, NULL, 'n'},
        {"state", required_argument, NULL, OPT_STATE},
        {"outcome", required_argument, NULL, OPT_OUTCOME},
        {"name", required_argument, NULL, OPT_NAME},
        {0}};
    struct err e = {0};
    int c, n;

    while ((c = getopt_long(argc, argv, "n:", longs, NULL)) != -1) {
        if (c == OPT_JSON)
            a->json = true;
        else if (c == OPT_LIVE && (cmd == &cmd_list || cmd == &cmd_usage_of))
            a->live = true;
        else if (c == OPT_SUBMISSIONS && cmd == &cmd_list)
            continue;
        else if (c == 'n' && cmd == &cmd_list &&
                 !optarg[strspn(optarg, "0123456789")])
            a->limit = optarg;
        else if (c == OPT_STATE && (cmd == &cmd_list || cmd == &cmd_wait))
            a->state = optarg;
        else if (c == OPT_OUTCOME && cmd == &cmd_list)
            a->outcome = optarg;
        else if (c == OPT_NAME && cmd == &cmd_list)
            a->name = optarg;
        else
            return cmd_usage(cmd);
    }
    n = argc - optind;
    if (n < ids_min || n > ids_max)
        return cmd_usage(cmd);
    a->client = client_open(CLIENT_CUSTOMER, &e);
    if (!a->client ||
        (n && client_find_submission(a->client, argv[optind], a->id, &e) < 0)) {
        client_close(a->client);
        return cmd_fail(&e);
    }
    return -1;
}

// ---------------------------------------------------------------------- list

static void list_row(struct table *t, const json_t *o)
{
    char id[SHOW_SIZE], cpu[SHOW_SIZE], wall[SHOW_SIZE], at[SHOW_SIZE];
    char fate[SHOW_FATE_SIZE];

    table_row(t, show_id(id, get_text(o, "id")), get_text(o, "name"),
              show_end(fate, o),
              show_ns(cpu, get_count(o, "usage.cpu_ns") +
                               get_count(o, "usage.build_cpu_ns")),
              show_ns(wall, get_count(o, "usage.wall_ns")),
              get_text(o, "charged"),
              show_when(at, get_text(o, "submitted_at")));
}

// The options that speak of submissions say that these are meant.
static bool lists_submissions(int argc, char **argv)
{
    static const char *const words[] = {"--submissions", "--live",  "--json",
                                        "--limit",       "--state", "--outcome",
                                        "--name",        "-n"};

    for (int i = 1; i < argc; i++)
        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
            if (!strncmp(argv[i], words[w], strlen(words[w])))
                return true;
    return false;
}

// "&name=text", with the text made safe for a query; "" without one.
static char *query_part(const char *name, const char *text)
{
    char *safe = text ? curl_easy_escape(NULL, text, 0) : NULL;
    char *part = NULL;

    if (asprintf(&part, safe ? "&%s=%s" : "", name, safe) < 0)
        part = NULL;
    curl_free(safe);
    return part;
}

static json_t *list_get(const struct args *a, struct err *e)
{
    cleanup_free char *state = query_part("state", a->state);
    cleanup_free char *outcome = query_part("outcome", a->outcome);
    cleanup_free char *name = query_part("name", a->name);

    if (!state || !outcome || !name) {
        err_set(e, ENOMEM, "no memory for a request");
        return NULL;
    }
    return client_get_json(a->client, e, "/v1/submissions?limit=%s%s%s%s%s",
                           a->limit, a->live ? "&live=1" : "", state, outcome,
                           name);
}

static int list_submissions(int argc, char **argv)
{
    struct args a = {.limit = "50"};
    struct err e = {0};
    const json_t *item;
    struct table *t;
    json_t *o;
    size_t i;
    int r = args_take(&a, &cmd_list, 0, 0, argc, argv);

    if (r >= 0)
        return r;
    o = list_get(&a, &e);
    client_close(a.client);
    if (!o)
        return cmd_fail(&e);
    if (a.json)
        return print_json(o);
    t = table_new("ID,NAME,STATE,>CPU,>WALL,>CHARGED,SUBMITTED");
    json_array_foreach(json_object_get(o, "submissions"), i, item)
        list_row(t, item);
    table_print(t, stdout);
    table_free(t);
    json_decref(o);
    return 0;
}

static int list_run(int argc, char **argv)
{
    return ctl_wanted() && !lists_submissions(argc, argv)
               ? ctl_list_run(argc, argv)
               : list_submissions(argc, argv);
}

const struct cmd cmd_list = {
    .name = "list",
    .run = list_run,
    .usage = "[-l | -v] [DOMAIN]... | [--live] [--state STATE] "
             "[--outcome OUTCOME] [--name NAME] [-n LIMIT] [--json]",
    .summary = "list domains (operator) or submissions (customer)",
    .help =
        "The operator's, of domains:\n"
        "  -l                 in full, as JSON\n"
        "  -v                 with the numbers of their runs\n"
        "A customer's, of submissions, the newest first:\n"
        "  --live             only those that are not over\n"
        "  --state STATE      held, building, built, running, settling, "
        "done\n"
        "  --outcome OUTCOME  exited, build-failed, trapped, ...\n"
        "  --name NAME        only those of this name\n"
        "  -n LIMIT           at most so many; default: 50\n"
        "  --json             as the node says it\n"
        "  --submissions      these and not domains, for the operator too\n",
};

// ---------------------------------------------------------------------- show

static void show_print(const json_t *o)
{
    char fate[SHOW_FATE_SIZE];
    struct table *t = table_new("SUBMISSION,VALUE");
    const char *cap = get_text(o, "limits.cost_cap");
    const char *report = get_text(o, "report");

    table_row(t, "id", get_text(o, "id"));
    table_row(t, "name", get_text(o, "name"));
    table_row(t, "customer", get_text(o, "customer"));
    table_row(t, "state", get_text(o, "state"));
    table_row(t, "fate", show_fate(fate, o));
    table_row(t, "run", get_text(o, "run.mode"));
    if (!strcmp(get_text(o, "run.mode"), "service")) {
        char n[24];

        snprintf(n, sizeof(n), "%lld",
                 (long long)get_count(o, "run.incarnation"));
        table_row(t, "domains so far", n);
        if (*get_text(o, "run.next_start_at"))
            table_row(t, "next start", get_text(o, "run.next_start_at"));
    }
    if (json_is_true(json_object_get(o, "build_cached")))
        table_row(t, "build", "was made before: no charge");
    table_row(t, "submitted", get_text(o, "submitted_at"));
    table_row(t, "started", get_text(o, "started_at"));
    table_row(t, "ended", get_text(o, "ended_at"));
    table_row(t, "held", get_text(o, "hold"));
    table_row(t, "charged", get_text(o, "charged"));
    table_row(t, "written off", get_text(o, "written_off"));
    table_row(t, "cap", *cap ? cap : "none of its own");
    table_row(t, "currency", get_text(o, "currency"));
    table_print(t, stdout);
    table_free(t);
    if (*report)
        printf("\n%s\n", report);
}

static int show_run(int argc, char **argv)
{
    struct args a = {0};
    struct err e = {0};
    json_t *o;
    int r = args_take(&a, &cmd_show, 1, 1, argc, argv);

    if (r >= 0)
        return r;
    o = client_get_json(a.client, &e, "/v1/submissions/%s", a.id);
    client_close(a.client);
    if (!o)
        return cmd_fail(&e);
    if (a.json)
        return print_json(o);
    show_print(o);
    json_decref(o);
    return 0;
}

const struct cmd cmd_show = {
    .name = "show",
    .run = show_run,
    .usage = "[--json] ID",
    .summary = "show one submission",
    .help = "ID may be the beginning of a submission's number.\n",
};

// --------------------------------------------------------------------- usage

static void usage_print(const json_t *o)
{
    const bool net = json_is_object(json_object_get(o, "network"));
    const struct {
        const char *name, *used, *limit;
        char *(*show)(char *, int64_t);
    } rows[] = {
        {"CPU", "usage.cpu_ns", "limits.cpu_ns", show_ns},
        {"wall time", "usage.wall_ns", "limits.wall_ns", show_ns},
        {"build CPU", "usage.build_cpu_ns", "limits.build_cpu_ns", show_ns},
        {"memory reserved", "usage.mem_reserved_kib", "limits.memory_kib",
         show_kib},
        {"memory peak", "usage.mem_peak_kib", NULL, show_kib},
        {"console", "usage.console_bytes", "limits.console_bytes", show_bytes},
        {"network in", "usage.net_rx_bytes", net ? "network.in_bytes" : NULL,
         show_bytes},
        {"network out", "usage.net_tx_bytes", net ? "network.out_bytes" : NULL,
         show_bytes},
        {"disk read", "usage.disk_read_bytes", NULL, show_bytes},
        {"disk written", "usage.disk_write_bytes", NULL, show_bytes},
    };
    struct table *t = table_new("RESOURCE,>USED,>LIMIT");
    char used[SHOW_SIZE], limit[SHOW_SIZE];

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int64_t n = get_count(o, rows[i].used);

        if (n || rows[i].limit)
            table_row(t, rows[i].name, rows[i].show(used, n),
                      rows[i].limit
                          ? rows[i].show(limit, get_count(o, rows[i].limit))
                          : "");
    }
    table_print(t, stdout);
    table_free(t);
    printf("\ncharged %s %s of at most %s\n", get_text(o, "charged"),
           get_text(o, "currency"), get_text(o, "hold"));
}

// Without a number: everything that lives, a line each.
static void usage_print_all(const json_t *list)
{
    struct table *t =
        table_new("ID,NAME,STATE,>CPU,>CPU LEFT,>WALL,>WALL LEFT,>MEM PEAK");
    const json_t *o;
    size_t i;

    json_array_foreach(json_object_get(list, "submissions"), i, o)
    {
        char id[SHOW_SIZE], cpu[SHOW_SIZE], cpu_left[SHOW_SIZE],
            wall[SHOW_SIZE], wall_left[SHOW_SIZE], mem[SHOW_SIZE];

        table_row(t, show_id(id, get_text(o, "id")), get_text(o, "name"),
                  get_text(o, "state"),
                  show_ns(cpu, get_count(o, "usage.cpu_ns")),
                  show_ns(cpu_left, get_count(o, "left.cpu_ns")),
                  show_ns(wall, get_count(o, "usage.wall_ns")),
                  show_ns(wall_left, get_count(o, "left.wall_ns")),
                  show_kib(mem, get_count(o, "usage.mem_peak_kib")));
    }
    table_print(t, stdout);
    table_free(t);
}

static json_t *usage_get(struct args *a, struct err *e)
{
    if (*a->id)
        return client_get_json(a->client, e, "/v1/submissions/%s", a->id);
    return client_get_json(a->client, e, "/v1/submissions?limit=1000&live=1");
}

static void usage_show(const struct args *a, json_t *o)
{
    if (a->json) {
        print_json(json_incref(o));
        return;
    }
    if (a->live && isatty(STDOUT_FILENO))
        printf("\033[H\033[J"); // a page that is drawn anew
    if (*a->id)
        usage_print(o);
    else
        usage_print_all(o);
    fflush(stdout);
}

// With --live once a second, until the one is over or nobody looks any more.
static int usage_run(int argc, char **argv)
{
    struct args a = {0};
    struct err e = {0};
    bool over;
    int r = args_take(&a, &cmd_usage_of, 0, 1, argc, argv);

    if (r >= 0)
        return r;
    do {
        json_t *o = usage_get(&a, &e);

        if (!o) {
            client_close(a.client);
            return cmd_fail(&e);
        }
        usage_show(&a, o);
        over = !a.live || json_is_true(json_object_get(o, "final")) ||
               ferror(stdout);
        json_decref(o);
    } while (!over && sleep(1) == 0);
    client_close(a.client);
    return 0;
}

const struct cmd cmd_usage_of = {
    .name = "usage",
    .run = usage_run,
    .usage = "[--live] [--json] [ID]",
    .summary = "show what a submission, or every live one, has used",
    .help = "  --live  again every second, until it is over\n"
            "ID may be the beginning of a submission's number.\n",
};

// ------------------------------------------------------------- wait, destroy

static int wait_run(int argc, char **argv)
{
    char fate[SHOW_FATE_SIZE];
    struct args a = {0};
    struct err e = {0};
    json_t *o;
    bool over;
    int r = args_take(&a, &cmd_wait, 1, 1, argc, argv);

    if (r >= 0)
        return r;
    o = attach_wait(a.client, a.id, a.state ? a.state : "done", &e);
    client_close(a.client);
    if (!o)
        return cmd_fail(&e);
    over = json_is_true(json_object_get(o, "final"));
    r = over ? fate_status(o) : 0;
    if (a.json)
        print_json(json_incref(o));
    else
        printf("%s\n", over ? show_fate(fate, o) : get_text(o, "state"));
    json_decref(o);
    return r;
}

const struct cmd cmd_wait = {
    .name = "wait",
    .run = wait_run,
    .usage = "[--state STATE] [--json] ID",
    .summary = "wait until a submission is over and charged",
    .help = "  --state STATE  only until it is held, building, built, running "
            "or settling\n"
            "The exit status is the program's, 126 if it did not compile, 125 "
            "if it was stopped.\n",
};

static int destroy_run(int argc, char **argv)
{
    const struct call call = {.method = "DELETE"};
    cleanup_answer struct answer answer = ANSWER_INIT;
    struct args a = {0};
    struct err e = {0};
    int r;

    if (ctl_wanted())
        return ctl_destroy_run(argc, argv);
    r = args_take(&a, &cmd_destroy, 1, 1, argc, argv);
    if (r >= 0)
        return r;
    r = client_call(a.client, &call, &answer, &e, "/v1/submissions/%s", a.id);
    client_close(a.client);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_destroy = {
    .name = "destroy",
    .run = destroy_run,
    .usage = "ID | DOMAIN...",
    .summary = "end a submission or, as the operator, domains, now",
    .help = "What a submission has used until then is charged.\n",
};
