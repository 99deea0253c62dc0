// SPDX-License-Identifier: ISC
// hostel: what customers and operators type. Finds the verb and runs it.

#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node-agent/api/v1.h"
#include "node-agent/bundle/key.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"

static const struct cmd *const verbs[] = {
    &cmd_keygen,
    &cmd_context,
    &cmd_node,
    &cmd_bundle,
    &cmd_inspect,
    &cmd_verify,
    &cmd_quote,
    &cmd_submit,
    &cmd_run,
    &cmd_call,
    &cmd_list,
    &cmd_show,
    &cmd_usage_of,
    &cmd_console,
    &cmd_logs,
    &cmd_outputs,
    &cmd_events,
    &cmd_wait,
    &cmd_destroy,
    &cmd_receipt,
    &cmd_verify_receipt,
    &cmd_invoice,
    &cmd_export,
    &cmd_account,
    &cmd_statement,
    &cmd_spend,
    &cmd_witness,
    &cmd_join,
    &cmd_invite,
    &cmd_key,
    &cmd_audit,
    &cmd_debug,
    &cmd_dump_core,
    &cmd_trace,
    &cmd_drain,
    &cmd_quota,
    &cmd_volume,
    // Domains, as the operator.
    &cmd_create,
    &cmd_top,
    &cmd_pause,
    &cmd_unpause,
    &cmd_shutdown,
    &cmd_reboot,
    &cmd_rename,
    &cmd_domid,
    &cmd_domname,
    &cmd_mem_set,
    &cmd_mem_max,
    &cmd_sched_credit,
    &cmd_vcpu_list,
    &cmd_network_list,
    &cmd_block_list,
    &cmd_info,
    &cmd_uptime,
    &cmd_trigger,
    NULL,
};

static const struct cmd *verb_find(const char *name)
{
    for (const struct cmd *const *v = verbs; *v; v++)
        if (!strcmp((*v)->name, name))
            return *v;
    return NULL;
}

static int no_verb(const char *name)
{
    fprintf(stderr, "hostel: there is no verb %s; see `hostel help`\n", name);
    return 2;
}

static int help(const char *name)
{
    if (name) {
        const struct cmd *v = verb_find(name);

        return v ? cmd_help(v) : no_verb(name);
    }
    printf("usage: hostel [-C CONTEXT] [-H ADDRESS] [-S SOCKET] [-k KEY] [-v] "
           "VERB ...\n\n");
    for (const struct cmd *const *v = verbs; *v; v++)
        printf("  %-15s %s\n", (*v)->name, (*v)->summary);
    printf("\n"
           "  -C CONTEXT  use this context, not the current one\n"
           "  -H ADDRESS  use the node at HOST[:PORT]\n"
           "  -S SOCKET   use the node's unix socket, as its operator\n"
           "  -k KEY      sign with this key, not the context's\n"
           "  -v          tell what is going on\n"
           "\n`hostel help VERB` tells more.\n");
    return 0;
}

// The options before the verb. -1: go on; else the exit status.
static int options_take(int argc, char **argv)
{
    static const struct option longs[] = {
        {"context", required_argument, NULL, 'C'},
        {"host", required_argument, NULL, 'H'},
        {"socket", required_argument, NULL, 'S'},
        {"key", required_argument, NULL, 'k'},
        {"verbose", no_argument, NULL, 'v'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    int c;

    while ((c = getopt_long(argc, argv, "+C:H:S:k:vVh", longs, NULL)) != -1) {
        switch (c) {
        case 'C':
            // The verbs that know no client look there as well.
            setenv("HOSTEL_CONTEXT", optarg, 1);
            cli_options.context = true;
            break;
        case 'H':
            cli_options.host = optarg;
            break;
        case 'S':
            cli_options.socket = optarg;
            break;
        case 'k':
            cli_options.key = optarg;
            break;
        case 'v':
            cli_options.verbose = true;
            break;
        case 'V':
            printf("hostel %s\n", HOSTEL_VERSION);
            return 0;
        case 'h':
            return help(NULL);
        default:
            return 2;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    static char name[64];
    const struct cmd *v;
    struct err e;
    int r;

    if (key_init(&e) < 0)
        return cmd_fail(&e);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    r = options_take(argc, argv);
    if (r >= 0)
        return r;
    argc -= optind;
    argv += optind;
    optind = 0; // the verb begins anew
    if (argc < 1) {
        help(NULL);
        return 2;
    }
    if (!strcmp(argv[0], "help"))
        return help(argc > 1 ? argv[1] : NULL);
    if (!strcmp(argv[0], "version")) {
        printf("hostel %s\n", HOSTEL_VERSION);
        return 0;
    }
    v = verb_find(argv[0]);
    if (!v)
        return no_verb(argv[0]);
    if (argc >= 2 && !strcmp(argv[1], "--help"))
        return cmd_help(v);
    // What getopt begins its sentences with.
    snprintf(name, sizeof(name), "hostel %.40s", argv[0]);
    argv[0] = name;
    return v->run(argc, argv);
}
