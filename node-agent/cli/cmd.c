// SPDX-License-Identifier: ISC
// What all verbs of hostel(1) say alike; see cmd.h.

#include "node-agent/cli/cmd.h"

#include <stdio.h>

int cmd_fail(const struct err *e)
{
    fprintf(stderr, "hostel: %s\n", e->text);
    return 1;
}

int cmd_usage(const struct cmd *c)
{
    fprintf(stderr, "usage: hostel %s %s\n", c->name, c->usage);
    return 2;
}

int cmd_help(const struct cmd *c)
{
    printf("usage: hostel %s %s\n%s\n", c->name, c->usage, c->summary);
    if (c->help)
        printf("\n%s", c->help);
    return 0;
}
