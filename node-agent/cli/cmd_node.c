// SPDX-License-Identifier: ISC
// hostel node: what a node says about itself.

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/table.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

static void info_print(const json_t *o)
{
    char mem[SHOW_SIZE], used[SHOW_SIZE], both[2 * SHOW_SIZE + 8];
    struct table *t = table_new("NODE,VALUE");

    table_row(t, "id", get_text(o, "id"));
    table_row(t, "name", get_text(o, "name"));
    table_row(t, "version", get_text(o, "version"));
    table_row(t, "currency", get_text(o, "currency"));
    table_row(t, "rate card", get_text(o, "ratecard"));
    table_row(t, "time", get_text(o, "time"));
    snprintf(both, sizeof(both), "%s of %s",
             show_kib(used, get_count(o, "capacity.memory_used_kib")),
             show_kib(mem, get_count(o, "capacity.memory_kib")));
    table_row(t, "memory in use", both);
    snprintf(both, sizeof(both), "%lld of %lld",
             (long long)get_count(o, "capacity.slots_used"),
             (long long)get_count(o, "capacity.slots"));
    table_row(t, "slots in use", both);
    snprintf(both, sizeof(both), "%lld of %lld",
             (long long)get_count(o, "capacity.builds_running"),
             (long long)get_count(o, "capacity.build_slots"));
    table_row(t, "builds running", both);
    if (json_is_object(json_object_get(o, "network")))
        table_row(t, "network", get_text(o, "network.mode"));
    if (get_count(o, "capacity.addresses")) {
        snprintf(both, sizeof(both), "%lld of %lld",
                 (long long)get_count(o, "capacity.addresses_used"),
                 (long long)get_count(o, "capacity.addresses"));
        table_row(t, "addresses in use", both);
    }
    if (get_count(o, "network.publish_first")) {
        snprintf(both, sizeof(both), "%lld to %lld, %lld a submission",
                 (long long)get_count(o, "network.publish_first"),
                 (long long)get_count(o, "network.publish_last"),
                 (long long)get_count(o, "network.publish_max"));
        table_row(t, "published ports", both);
    }
    snprintf(both, sizeof(both), "%lld",
             (long long)get_count(o, "capacity.queued"));
    table_row(t, "queued", both);
    table_row(t, "agent's CPU",
              show_ns(used, get_count(o, "capacity.agent_cpu_ns")));
    table_print(t, stdout);
    table_free(t);
}

static int info(struct client *c, bool json, struct err *e)
{
    json_t *o = client_get_json(c, e, "/v1/node");

    if (!o)
        return cmd_fail(e);
    if (json)
        return print_json(o);
    info_print(o);
    json_decref(o);
    return 0;
}

static int ratecard(struct client *c, struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    const struct call call = {0};

    if (client_call(c, &call, &a, e, "/v1/ratecard") < 0)
        return cmd_fail(e);
    return write_full(STDOUT_FILENO, a.body.data, a.body.len) < 0;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
                                          {0}};
    bool json = false, card;
    struct err e = {0};
    struct client *c;
    int o, r;

    while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (o != 'j')
            return cmd_usage(&cmd_node);
        json = true;
    }
    if (argc - optind > 1)
        return cmd_usage(&cmd_node);
    card = argc > optind && !strcmp(argv[optind], "ratecard");
    if (argc > optind && !card && strcmp(argv[optind], "info"))
        return cmd_usage(&cmd_node);
    c = client_open(CLIENT_ANYBODY, &e);
    if (!c)
        return cmd_fail(&e);
    r = card ? ratecard(c, &e) : info(c, json, &e);
    client_close(c);
    return r;
}

const struct cmd cmd_node = {
    .name = "node",
    .run = run,
    .usage = "[info] [--json] | node ratecard",
    .summary = "show a node: identity, capacity, prices",
    .help = "  info      identity, limits, capacity (the default)\n"
            "  ratecard  what things cost\n",
};
