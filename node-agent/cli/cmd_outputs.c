// SPDX-License-Identifier: ISC
// hostel outputs: what a program left under /out.

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/io.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/outputs.h"

enum { OPT_TAR = 0x100 };

static int archive_list(const void *archive, size_t len, struct err *e)
{
    struct output one;
    size_t at = 0;
    int r;

    while ((r = output_next(archive, len, &at, &one, e)) > 0)
        printf("%10zu  %s%s\n", one.len, one.path, one.folder ? "/" : "");
    return r;
}

static int outputs_get(struct client *c, const char *id, const char *folder,
                       bool tar, struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    const struct call call = {0};
    int r = client_call(c, &call, &a, e, "/v1/submissions/%s/outputs", id);

    if (r < 0)
        return r;
    if (tar)
        return write_full(STDOUT_FILENO, a.body.data, a.body.len);
    if (!folder)
        return archive_list(a.body.data, a.body.len, e);
    r = outputs_unpack(a.body.data, a.body.len, folder, e);
    if (r >= 0)
        progress("hostel: %d files in %s", r, folder);
    return r;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {{"tar", no_argument, NULL, OPT_TAR},
                                          {0}};
    const char *folder = NULL;
    char id[SUB_ID_TEXT];
    struct err e = {0};
    struct client *c;
    bool tar = false;
    int o, r;

    while ((o = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
        if (o == '?')
            return cmd_usage(&cmd_outputs);
        if (o == 'o')
            folder = optarg;
        tar |= o == OPT_TAR;
    }
    if (argc - optind != 1 || (folder && tar))
        return cmd_usage(&cmd_outputs);
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    r = client_find_submission(c, argv[optind], id, &e);
    if (r == 0)
        r = outputs_get(c, id, folder, tar, &e);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_outputs = {
    .name = "outputs",
    .run = run,
    .usage = "[-o FOLDER | --tar] ID",
    .summary = "list or fetch the files that a program left in /out",
    .help = "  -o FOLDER  write them there\n"
            "  --tar      the archive as it is, to standard output\n"
            "A program leaves files if its bundle says how much is kept of "
            "them\n(output_kib), and it exits by itself.\n",
};
