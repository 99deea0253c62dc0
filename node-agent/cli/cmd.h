// SPDX-License-Identifier: ISC
// The verbs of hostel(1).
//
// A verb is a function that gets its own argv (argv[0] is the verb) and
// returns the exit status: 0, 1 after cmd_fail, 2 after cmd_usage. Each has
// a file cmd_VERB.c with its struct cmd, and a line in the table of main.c.

#ifndef CLI_CMD_H
#define CLI_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

struct cmd {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;   // what follows "hostel NAME "
    const char *summary; // one line, for the list of verbs
    const char *help;    // the options, a line each; may be NULL
};

// In the order of the list of verbs.
extern const struct cmd cmd_keygen, cmd_context, cmd_node, cmd_bundle,
    cmd_inspect, cmd_verify, cmd_quote, cmd_submit, cmd_run, cmd_list, cmd_show,
    cmd_usage_of, cmd_console, cmd_logs, cmd_outputs, cmd_events, cmd_wait,
    cmd_destroy, cmd_receipt, cmd_verify_receipt, cmd_invoice, cmd_export,
    cmd_account, cmd_statement, cmd_spend, cmd_witness, cmd_call, cmd_join,
    cmd_invite, cmd_key, cmd_audit, cmd_debug, cmd_dump_core, cmd_trace,
    cmd_drain, cmd_quota, cmd_volume;

extern const struct cmd cmd_create, cmd_top, cmd_pause, cmd_unpause,
    cmd_shutdown, cmd_reboot, cmd_rename, cmd_domid, cmd_domname, cmd_mem_set,
    cmd_mem_max, cmd_sched_credit, cmd_vcpu_list, cmd_network_list,
    cmd_block_list, cmd_info, cmd_uptime, cmd_trigger;

// The operator's meaning of verbs that customers have too; see ctl_wanted.
int ctl_list_run(int argc, char **argv);
int ctl_destroy_run(int argc, char **argv);

// Prints "hostel: sentence" and returns 1.
int cmd_fail(const struct err *e);

// Prints how the verb is used, to standard error, and returns 2; cmd_help
// prints all about it to standard output and returns 0.
int cmd_usage(const struct cmd *c);

// Reads an option's number, from min to max. false: it is none, and that was
// said; then the verb returns cmd_usage.
bool cmd_number(const char *option, const char *text, int64_t min, int64_t max,
                int64_t *n);
int cmd_help(const struct cmd *c);

#endif
