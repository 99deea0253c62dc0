// SPDX-License-Identifier: ISC
/*
 * getopt and its long options, as programs expect them of Linux. newlib's takes
 * a long option that it does not know for short ones, knows none after a single
 * dash, and reads past the ends of names.
 *
 * Words that are no options are passed over: each option, and its argument, is
 * moved in front of those that were skipped to find it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *optarg;
int optind = 1, opterr = 1, optopt = '?';

// Where the next short option of argv[optind] is, and how many words that are
// none lie behind that.
static char *cluster;
static int skipped;

struct call {
    char **argv;
    int argc;
    const char *shorts;         // without its prefixes
    const struct option *longs; // or NULL
    int *index;                 // or NULL
    int only;                   // long options may have one dash
    int quiet;                  // a missing argument is ':', and nothing said
};

static int wrong(const struct call *c, const char *before, const char *name,
                 size_t len, const char *after)
{
    if (opterr && !c->quiet) {
        fputs(c->argv[0], stderr);
        fputs(before, stderr);
        fwrite(name, 1, len, stderr);
        fputs(after, stderr);
    }
    return '?';
}

// argv[from] becomes argv[to], which is not behind it; those between move up.
static void word_move(char **argv, int from, int to)
{
    char *word = argv[from];
    memmove(argv + to + 1, argv + to, (from - to) * sizeof *argv);
    argv[to] = word;
}

// The argument of the option at optind, which is another word; or NULL.
static char *word_after(const struct call *c)
{
    int at = optind + 1 + skipped;
    if (at >= c->argc || !c->argv[at])
        return NULL;
    word_move(c->argv, at, optind + 1);
    return c->argv[optind + 1];
}

// ------------------------------------------------------------------- short

static int short_option(const struct call *c)
{
    char o = *cluster++;
    const char *known = o == ':' || o == ';' ? NULL : strchr(c->shorts, o);
    int last = !*cluster, takes = known && known[1] == ':';
    char *rest = cluster;
    optopt = (unsigned char)o;
    if (last || takes)
        cluster = NULL;
    if (!known) {
        optind += last;
        return wrong(c, ": invalid option -- '", &o, 1, "'\n");
    }
    if (!takes) {
        optind += last;
        return (unsigned char)o;
    }
    if (!last) {
        optarg = rest;
    } else if (known[2] != ':') {
        optarg = word_after(c);
        if (!optarg) {
            optind++;
            wrong(c, ": option requires an argument -- '", &o, 1, "'\n");
            return c->quiet ? ':' : '?';
        }
        optind++;
    }
    optind++;
    return (unsigned char)o;
}

// -------------------------------------------------------------------- long

static int same(const struct option *a, const struct option *b)
{
    return a->has_arg == b->has_arg && a->flag == b->flag && a->val == b->val;
}

// The one of that name, or the only one that begins so; NULL, and whether
// there are several.
static const struct option *long_find(const struct call *c, const char *name,
                                      size_t len, int *several)
{
    const struct option *found = NULL;
    *several = 0;
    for (const struct option *o = c->longs; o->name; o++) {
        if (strncmp(o->name, name, len))
            continue;
        if (!o->name[len]) {
            *several = 0;
            return o;
        }
        if (found && !same(found, o))
            *several = 1;
        found = found ? found : o;
    }
    return *several ? NULL : found;
}

static int long_option(const struct call *c, const char *name)
{
    size_t len = strcspn(name, "="), dashes = name - c->argv[optind];
    const char *said = c->argv[optind];
    char *value = name[len] ? (char *)name + len + 1 : NULL;
    int several;
    const struct option *o = long_find(c, name, len, &several);
    if (!o) {
        optind++;
        optopt = 0;
        return several ? wrong(c, ": option '", said, dashes + len,
                               "' is ambiguous\n")
                       : wrong(c, ": unrecognized option '", said, dashes + len,
                               "'\n");
    }
    optopt = o->val;
    if (value && o->has_arg == no_argument) {
        optind++;
        return wrong(c, ": option '", said, dashes + len,
                     "' doesn't allow an argument\n");
    }
    if (!value && o->has_arg == required_argument) {
        value = word_after(c);
        if (!value) {
            optind++;
            wrong(c, ": option '", said, dashes + len,
                  "' requires an argument\n");
            return c->quiet ? ':' : '?';
        }
        optind++;
    }
    optind++;
    optarg = value;
    if (c->index)
        *c->index = o - c->longs;
    if (!o->flag)
        return o->val;
    *o->flag = o->val;
    return 0;
}

// What argv[optind] is as a long option: its name, or NULL.
static const char *long_name(const struct call *c)
{
    const char *word = c->argv[optind];
    int several;
    if (!c->longs)
        return NULL;
    if (word[1] == '-')
        return word + 2;
    if (!c->only)
        return NULL;
    // With one dash, what begins like no long option may be a short one.
    if (long_find(c, word + 1, strcspn(word + 1, "="), &several) || several ||
        !strchr(c->shorts, word[1]))
        return word + 1;
    return NULL;
}

// ---------------------------------------------------------------- the words

static int is_option(const char *word)
{
    return word[0] == '-' && word[1];
}

static int option(struct call *c)
{
    char order = *c->shorts == '+' || *c->shorts == '-' ? *c->shorts++
                 : getenv("POSIXLY_CORRECT")            ? '+'
                                                        : 0;
    c->quiet = *c->shorts == ':';
    c->shorts += c->quiet;
    optarg = NULL;
    if (optind <= 0) { // begin anew
        optind = 1;
        cluster = NULL;
    }
    if (cluster)
        return short_option(c);

    int at = optind;
    while (!order && at < c->argc && c->argv[at] && !is_option(c->argv[at]))
        at++;
    if (at >= c->argc || !c->argv[at])
        return -1;
    if (!is_option(c->argv[at])) {
        if (order == '+')
            return -1;
        optarg = c->argv[optind++];
        return 1;
    }
    skipped = at - optind;
    word_move(c->argv, at, optind);
    if (!strcmp(c->argv[optind], "--")) {
        optind++;
        return -1;
    }
    const char *name = long_name(c);
    if (name)
        return long_option(c, name);
    cluster = c->argv[optind] + 1;
    return short_option(c);
}

int getopt(int argc, char *const argv[], const char *shorts)
{
    struct call c = {.argv = (char **)argv, .argc = argc, .shorts = shorts};
    return option(&c);
}

int getopt_long(int argc, char *const argv[], const char *shorts,
                const struct option *longs, int *index)
{
    struct call c = {.argv = (char **)argv,
                     .argc = argc,
                     .shorts = shorts,
                     .longs = longs,
                     .index = index};
    return option(&c);
}

int getopt_long_only(int argc, char *const argv[], const char *shorts,
                     const struct option *longs, int *index)
{
    struct call c = {.argv = (char **)argv,
                     .argc = argc,
                     .shorts = shorts,
                     .longs = longs,
                     .index = index,
                     .only = 1};
    return option(&c);
}
