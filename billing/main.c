// SPDX-License-Identifier: ISC
// hostel-ledger: what can be done with a ledger besides keeping it.
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "lib/hex.h"
#include "billing/audit.h"
#include "billing/ledger.h"

static const char usage_text[] =
    "usage: hostel-ledger audit DATABASE [--node-key HEX]\n"
    "\n"
    "Replays a ledger from its first entry and checks all that follows from\n"
    "it: balances, holds, charges, batches, signatures. Prints one line; the\n"
    "status is 0 if everything agrees, 1 if not, 2 if it was called wrongly.\n";

static int usage(void)
{
    fputs(usage_text, stderr);
    return 2;
}

static int audit(int argc, char **argv)
{
    const char *path = NULL, *key_text = NULL;
    struct audit_result result;
    uint8_t node_id[LEDGER_KEY_SIZE];
    struct err e;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--node-key") == 0 && i + 1 < argc)
            key_text = argv[++i];
        else if (argv[i][0] != '-' && !path)
            path = argv[i];
        else
            return usage();
    }
    if (!path)
        return usage();
    if (key_text && hex_decode(node_id, sizeof(node_id), key_text) < 0) {
        warnx("a node key has 64 hexadecimal digits");
        return 2;
    }
    if (ledger_audit(path, key_text ? node_id : NULL, &result, &e) < 0) {
        printf("FAILED %s: %s\n", path, e.text);
        return 1;
    }
    printf("ok %s: %" PRIu64 " entries (%" PRIu64 " not signed yet) in %" PRIu64
           " batches, %" PRIu64 " accounts, %" PRIu64 " transfers, %" PRIu64
           " usage records, %" PRIu64 " settlements, %" PRIu64
           " invoices, %" PRIu64 " held\n",
           path, result.entries, result.unsealed, result.batches,
           result.accounts, result.transfers, result.records,
           result.settlements, result.invoices, result.held);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "audit") == 0)
        return audit(argc - 2, argv + 2);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage_text, stdout);
        return 0;
    }
    return usage();
}
