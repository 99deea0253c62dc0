// SPDX-License-Identifier: ISC
// What all verbs of hostel(1) say alike; see cmd.h.

#include "node-agent/cli/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cmd_fail(const struct err *e)
{
    fprintf(stderr, "hostel: %s\n", e->text);
    return 1;
}

// In lines of at most 80 columns, unless it has lines already.
static void usage_print(FILE *out, const struct cmd *c)
{
    int at = fprintf(out, "usage: hostel %s", c->name), indent = at + 1;
    const char *word = c->usage;

    if (strchr(word, '\n')) {
        fprintf(out, " %s\n", word);
        return;
    }
    while (*word) {
        int len = (int)strcspn(word, " ");

        if (at + 1 + len > 80 && at > indent)
            at = fprintf(out, "\n%*s", indent - 1, "") - 1;
        at += fprintf(out, " %.*s", len, word);
        word += len;
        word += strspn(word, " ");
    }
    fputc('\n', out);
}

int cmd_usage(const struct cmd *c)
{
    usage_print(stderr, c);
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
    usage_print(stdout, c);
    printf("%s\n", c->summary);
    if (c->help)
        printf("\n%s", c->help);
    return 0;
}
