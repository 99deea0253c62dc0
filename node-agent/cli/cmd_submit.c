// SPDX-License-Identifier: ISC
// hostel submit and hostel run: handing code to a node.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/bundle.h"
#include "node-agent/cli/attach.h"
#include "node-agent/cli/bundle_opts.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/outputs.h"
#include "node-agent/cli/show.h"

// Kept of a program's files where -o asks for them and nothing says how much.
#define OUTPUT_KIB_USUAL 4096

// Sends a whole bundle from a descriptor; id receives its number.
static int submit_fd(struct client *c, int fd, char id[SUB_ID_TEXT],
                     struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    struct call call = {.method = "POST", .type = BUNDLE_TYPE};
    struct stat st;
    void *map;
    json_t *o;
    int r;

    if (fstat(fd, &st) < 0)
        return err_errno(e, "the bundle");
    if (!S_ISREG(st.st_mode) || st.st_size == 0 ||
        (uint64_t)st.st_size > BUNDLE_MAX)
        return err_set(e, EINVAL,
                       "this is no bundle: a bundle is a file of at "
                       "most 64 MiB");
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return err_errno(e, "the bundle");
    call.body = map;
    call.body_len = (size_t)st.st_size;
    r = client_call(c, &call, &a, e, "/v1/submissions");
    munmap(map, (size_t)st.st_size);
    if (r < 0)
        return r;
    o = json_loadb(buf_str(&a.body), a.body.len, 0, NULL);
    snprintf(id, SUB_ID_TEXT, "%s", get_text(o, "id"));
    json_decref(o);
    if (strlen(id) != SUB_ID_TEXT - 1)
        return err_set(e, EPROTO, "the node's answer names no submission");
    if (a.status == 200)
        progress("hostel: submitted before, as %s", id);
    else
        progress("hostel: submitted as %s", id);
    return 0;
}

// Fetches what a submission that is over left. -ENOENT: it declared none.
static int outputs_fetch(struct client *c, const char *id, const char *folder,
                         struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    const struct call call = {0};
    int r = client_call(c, &call, &a, e, "/v1/submissions/%s/outputs", id);

    if (r < 0)
        return a.status == 404 ? -ENOENT : r;
    return outputs_unpack(a.body.data, a.body.len, folder, e);
}

// Then the exit status is the program's; detached, only its number is printed.
// Into `folder`, unless that is NULL, go the files that it left. A negative
// code: it was not submitted, or its files cannot be had.
static int submit_and_stay(struct client *c, int fd, bool detach,
                           const char *folder, struct err *e)
{
    char id[SUB_ID_TEXT];
    int r = submit_fd(c, fd, id, e), status;

    if (r < 0)
        return r;
    if (detach)
        return printf("%s\n", id) < 0;
    status = attach_run(c, id, true);
    if (!folder)
        return status;
    r = outputs_fetch(c, id, folder, e);
    if (r >= 0)
        progress("hostel: %d files in %s", r, folder);
    return r < 0 && r != -ENOENT ? r : status;
}

// -------------------------------------------------------------------- submit

static int submit_run(int argc, char **argv)
{
    static const struct option longs[] = {{"detach", no_argument, NULL, 'd'},
                                          {0}};
    cleanup_close int fd = -1;
    struct client *c;
    bool detach = false;
    struct err e = {0};
    int o, r;

    while ((o = getopt_long(argc, argv, "d", longs, NULL)) != -1) {
        if (o != 'd')
            return cmd_usage(&cmd_submit);
        detach = true;
    }
    if (argc - optind != 1)
        return cmd_usage(&cmd_submit);
    fd = open(argv[optind], O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_errno(&e, "%s", argv[optind]);
        return cmd_fail(&e);
    }
    // The upload itself needs no signature; staying with it does.
    c = client_open(detach ? CLIENT_ANYBODY : CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    r = submit_and_stay(c, fd, detach, NULL, &e);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : r;
}

const struct cmd cmd_submit = {
    .name = "submit",
    .run = submit_run,
    .usage = "[-d] BUNDLE",
    .summary = "submit a signed bundle and stay with it",
    .help = "  -d  do not stay: print the submission's number\n"
            "Otherwise as `hostel run` from there on.\n",
};

// ----------------------------------------------------------------------- run

static int run_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"detach", no_argument, NULL, 'd'}, BUNDLE_LONG_OPTS, {0}};
    struct bundle_opts o = {0};
    cleanup_close int fd = -1;
    const char *folder = NULL;
    bool detach = false;
    struct client *c;
    struct err e = {0};
    int opt, r;

    while ((opt = getopt_long(argc, argv, "+do:" BUNDLE_OPTS, longs, NULL)) !=
           -1) {
        if (opt == 'd')
            detach = true;
        else if (opt == 'o')
            folder = optarg;
        else if (bundle_opts_take(&o, opt, optarg) <= 0)
            return cmd_usage(&cmd_run);
    }
    if (optind == argc || (detach && folder))
        return cmd_usage(&cmd_run);
    o.q.output_kib_usual = folder ? OUTPUT_KIB_USUAL : 0;
    // One key signs the bundle and the requests about it.
    if (o.key)
        cli_options.key = o.key;
    o.key = cli_options.key;
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    fd = memfd_create("bundle", MFD_CLOEXEC);
    if (fd < 0)
        r = err_errno(&e, "no memory for the bundle");
    else
        r = bundle_opts_make(&o, client_context(c), argv[optind],
                             (size_t)(argc - optind - 1), argv + optind + 1, fd,
                             &e);
    if (r == 0)
        r = submit_and_stay(c, fd, detach, folder, &e);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : r;
}

const struct cmd cmd_run = {
    .name = "run",
    .run = run_run,
    .usage = "[-d | -o FOLDER] [OPTIONS] FILE.c|FOLDER|IMAGE [ARGUMENTS]",
    .summary = "bundle, sign, submit, and stay: run a program on the node",
    .help =
        "The console goes to standard output, standard input to the program; "
        "the exit\nstatus is the program's, 126 if it did not compile, 125 if "
        "it was stopped.\n\n"
        "  -d  do not stay: print the submission's number\n"
        "  -o FOLDER  fetch the files that it leaves in /out (4 MiB of them, "
        "unless\n             --output-kib or bundle.cfg says "
        "otherwise)\n" BUNDLE_OPTS_HELP,
};
