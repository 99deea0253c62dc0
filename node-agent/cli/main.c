// SPDX-License-Identifier: ISC
// hostel: what customers type. Finds the verb and runs it.

#include <stdio.h>
#include <string.h>

#include "node-agent/bundle/key.h"
#include "node-agent/cli/cmd.h"

static const struct cmd *const verbs[] = {
    &cmd_keygen, &cmd_bundle, &cmd_inspect, &cmd_verify, NULL,
};

static int help(int argc, char **argv)
{
    if (argc > 1) {
        for (const struct cmd *const *v = verbs; *v; v++)
            if (strcmp((*v)->name, argv[1]) == 0)
                return cmd_help(*v);
    }
    printf("usage: hostel VERB [OPTIONS] [ARGUMENTS]\n\n");
    for (const struct cmd *const *v = verbs; *v; v++)
        printf("  %-10s %s\n", (*v)->name, (*v)->summary);
    printf("\n`hostel help VERB` tells more.\n");
    return 0;
}

int main(int argc, char **argv)
{
    struct err e;

    if (key_init(&e) < 0)
        return cmd_fail(&e);
    if (argc < 2 || strcmp(argv[1], "help") == 0 ||
        strcmp(argv[1], "--help") == 0)
        return help(argc - 1, argv + 1);
    for (const struct cmd *const *v = verbs; *v; v++)
        if (strcmp((*v)->name, argv[1]) == 0)
            return (*v)->run(argc - 1, argv + 1);
    fprintf(stderr, "hostel: there is no verb %s; see `hostel help`\n",
            argv[1]);
    return 2;
}
