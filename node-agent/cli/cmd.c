// SPDX-License-Identifier: ISC
// What all verbs of hostel(1) say alike; see cmd.h.

#include "node-agent/cli/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

bool cmd_number(const char *option, const char *text, int64_t min, int64_t max,
                int64_t *n)
{
    char *end;

    errno = 0;
    *n = strtoll(text, &end, 10);
    if (!errno && end != text && !*end && *n >= min && *n <= max)
        return true;
    fprintf(stderr, "hostel: %s is a number from %lld to %lld, not \"%s\"\n",
            option, (long long)min, (long long)max, text);
    return false;
}

int cmd_help(const struct cmd *c)
{
    printf("usage: hostel %s %s\n%s\n", c->name, c->usage, c->summary);
    if (c->help)
        printf("\n%s", c->help);
    return 0;
}
