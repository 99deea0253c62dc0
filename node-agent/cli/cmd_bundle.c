// SPDX-License-Identifier: ISC
// hostel bundle: signs a folder, a program or an image into one file.

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "node-agent/cli/bundle_opts.h"
#include "node-agent/cli/cmd.h"

// "dir/primes.c" and "dir/primes/" both give "primes.bundle".
static int default_output(const char *path, char *out, struct err *e)
{
    cleanup_free char *full = realpath(path, NULL);
    struct stat st;
    char *name, *dot;

    if (!full || stat(full, &st) < 0)
        return err_errno(e, "%s", path);
    name = strrchr(full, '/') + 1;
    dot = strrchr(name, '.');
    if (dot && dot != name && !S_ISDIR(st.st_mode))
        *dot = 0;
    snprintf(out, PATH_MAX, "%s.bundle", name);
    return 0;
}

// Beside the name first, so that a failure leaves no half bundle there.
static int make(struct bundle_opts *o, const char *output, const char *path,
                size_t nargs, char *const *args, struct err *e)
{
    cleanup_close int fd = -1;
    struct context ctx;
    char beside[PATH_MAX + 16];
    int r = context_load(NULL, &ctx, e);

    if (r == 0 && strcmp(output, "-") == 0) {
        r = bundle_opts_make(o, &ctx, path, nargs, args, STDOUT_FILENO, e);
    } else if (r == 0) {
        snprintf(beside, sizeof(beside), "%s.%d.tmp", output, (int)getpid());
        fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0) {
            r = err_errno(e, "%s", beside);
        } else {
            r = bundle_opts_make(o, &ctx, path, nargs, args, fd, e);
            if (r == 0 && rename(beside, output) < 0)
                r = err_errno(e, "%s", output);
            if (r < 0)
                unlink(beside);
        }
    }
    context_free(&ctx);
    return r;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"output", required_argument, NULL, 'o'}, BUNDLE_LONG_OPTS, {0}};
    const char *output = NULL, *path;
    struct bundle_opts o = {0};
    char name[PATH_MAX];
    struct err e;
    int c;

    while ((c = getopt_long(argc, argv, "+o:" BUNDLE_OPTS, longs, NULL)) !=
           -1) {
        if (c == 'o')
            output = optarg;
        else if (bundle_opts_take(&o, c, optarg) <= 0)
            return cmd_usage(&cmd_bundle);
    }
    if (optind == argc)
        return cmd_usage(&cmd_bundle);
    path = argv[optind++];
    if (!output) {
        if (default_output(path, name, &e) < 0)
            return cmd_fail(&e);
        output = name;
    }
    if (make(&o, output, path, argc - optind, argv + optind, &e) < 0)
        return cmd_fail(&e);
    if (strcmp(output, "-") != 0)
        printf("%s\n", output);
    return 0;
}

const struct cmd cmd_bundle = {
    .name = "bundle",
    .run = run,
    .usage = "[-o FILE] [OPTIONS] FOLDER|FILE.c|IMAGE [ARGUMENTS]",
    .summary = "sign a program and its files into a bundle",
    .help = "  -o FILE  where to put it; default: NAME.bundle here; -: "
            "standard output\n" BUNDLE_OPTS_HELP,
};
