// SPDX-License-Identifier: ISC
// hostel verify: says what a node would say of a bundle.

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/bundle/bundle.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/context.h"

// So that `minisign -V -m manifest -p customer.pub` verifies there.
static int extract(const struct bundle_reader *r, const char *dir,
                   struct err *e)
{
    const struct manifest *m = bundle_reader_manifest(r);
    const struct buf *bytes = bundle_reader_manifest_bytes(r);
    const struct buf *sig = bundle_reader_signature(r);
    char path[PATH_MAX];
    struct pubkey pk;
    int n;

    memcpy(pk.number, m->customer_key_id, sizeof(pk.number));
    memcpy(pk.key, m->customer, sizeof(pk.key));
    if ((n = dir_make(dir, 0777, e)) < 0)
        return n;
    snprintf(path, sizeof(path), "%s/manifest", dir);
    if ((n = file_write_durable(path, bytes->data, bytes->len, 0644, e)) < 0)
        return n;
    snprintf(path, sizeof(path), "%s/manifest.minisig", dir);
    if ((n = file_write_durable(path, sig->data, sig->len, 0644, e)) < 0)
        return n;
    snprintf(path, sizeof(path), "%s/customer.pub", dir);
    return pubkey_write(path, &pk, e);
}

static int verify(const char *path, const char *node, const char *dir,
                  struct bundle_reader *r, struct err *e)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    const struct manifest *m = bundle_reader_manifest(r);
    char customer[2 * KEY_BYTES + 1];
    uint8_t id[KEY_BYTES];
    int n;

    if (fd < 0)
        return err_errno(e, "%s", path);
    n = bundle_read_fd(r, fd, e);
    if (n < 0)
        return err_prefix(e, "%s", path);
    if (dir && (n = extract(r, dir, e)) < 0)
        return n;
    if (node && (n = pubkey_from_hex(node, id, e)) < 0)
        return n;
    n = manifest_admit(m, node ? id : m->audience, time(NULL), e);
    if (n < 0)
        return err_prefix(e, "%s", path);
    printf("%s: good, %zu file%s, signed by %s\n", path, m->nfiles,
           m->nfiles == 1 ? "" : "s",
           hex_encode(customer, m->customer, sizeof(m->customer)));
    return 0;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"audience", required_argument, NULL, 'a'},
        {"extract-manifest", required_argument, NULL, 'x'},
        {0}};
    static const struct bundle_handler nothing = {0};
    const char *node = NULL, *dir = NULL;
    struct bundle_reader *r;
    struct err e;
    int c;

    while ((c = getopt_long(argc, argv, "a:x:", longs, NULL)) != -1) {
        if (c == 'a')
            node = optarg;
        else if (c == 'x')
            dir = optarg;
        else
            return cmd_usage(&cmd_verify);
    }
    if (argc - optind != 1)
        return cmd_usage(&cmd_verify);
    r = bundle_reader_new(&nothing, NULL);
    if (!r) {
        err_set(&e, ENOMEM, "no memory to read a bundle");
        return cmd_fail(&e);
    }
    c = verify(argv[optind], node, dir, r, &e);
    bundle_reader_free(r);
    return c < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_verify = {
    .name = "verify",
    .run = run,
    .usage = "[-a NODE] [--extract-manifest DIR] BUNDLE",
    .summary = "check signature, files and validity of a bundle",
    .help = "  -a NODE                 is it made for this node?\n"
            "  --extract-manifest DIR  write manifest, manifest.minisig and "
            "customer.pub\n                          there, for minisign -V\n",
};
