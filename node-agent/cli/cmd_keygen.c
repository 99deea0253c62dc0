// SPDX-License-Identifier: ISC
// hostel keygen: makes a customer's key pair.

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/bundle/key.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/context.h"

// A key that signed bundles is the only proof of whose account it is, so
// even -f keeps the old pair.
static int set_aside(const char *path, struct err *e)
{
    char old[PATH_MAX + 8];

    snprintf(old, sizeof(old), "%s.old", path);
    if (rename(path, old) < 0 && errno != ENOENT)
        return err_errno(e, "renaming %s", path);
    return 0;
}

static int keygen(const char *name, bool force, struct err *e)
{
    char dir[PATH_MAX], key[PATH_MAX], pub[PATH_MAX];
    char hex[2 * KEY_BYTES + 1];
    struct seckey sk;
    struct pubkey pk;
    int r;

    context_path(key, "keys/%s.key", name);
    context_path(pub, "keys/%s.pub", name);
    if ((r = context_name_check(name, e)) < 0 ||
        (r = dir_make(context_path(dir, "keys"), 0700, e)) < 0)
        return r;
    if (force && ((r = set_aside(key, e)) < 0 || (r = set_aside(pub, e)) < 0))
        return r;
    key_make(&sk);
    key_public(&sk, &pk);
    r = seckey_write(key, &sk, e);
    key_forget(&sk);
    if (r == -EEXIST)
        return err_set(e, EEXIST,
                       "%s exists already; -f makes a new one and keeps it "
                       "as %s.key.old",
                       key, name);
    if (r == 0)
        r = pubkey_write(pub, &pk, e);
    if (r < 0)
        return r;
    printf("secret key: %s (keep it secret; whoever has it can spend from "
           "your account)\npublic key: %s\n%s\n",
           key, pub, hex_encode(hex, pk.key, sizeof(pk.key)));
    return 0;
}

static int run(int argc, char **argv)
{
    bool force = false;
    struct err e;
    int c;

    while ((c = getopt(argc, argv, "f")) != -1) {
        if (c != 'f')
            return cmd_usage(&cmd_keygen);
        force = true;
    }
    if (argc - optind > 1)
        return cmd_usage(&cmd_keygen);
    if (keygen(optind < argc ? argv[optind] : "default", force, &e) < 0)
        return cmd_fail(&e);
    return 0;
}

const struct cmd cmd_keygen = {
    .name = "keygen",
    .run = run,
    .usage = "[-f] [NAME]",
    .summary = "make a key pair; its public key names your account",
    .help = "  -f    make a new pair although one of this name exists; the "
            "old one\n        is kept as NAME.key.old\n",
};
