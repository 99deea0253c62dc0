// SPDX-License-Identifier: ISC
// Receipts put before docs/receipt-verifier.py, many in one run of it, because
// starting Python takes longer than a verification.
#ifndef TESTS_UNIT_RECEIPT_SECOND_H
#define TESTS_UNIT_RECEIPT_SECOND_H

#include "tests/unit/ledger_fixture.h"

#define SECOND_MAX 2000

static struct {
    char folder[64];
    char node[2 * LEDGER_KEY_SIZE + 1];
    size_t count;
    bool good[SECOND_MAX]; // what the first verifier says
} second;

static inline void second_start(const uint8_t node_id[LEDGER_KEY_SIZE])
{
    memset(&second, 0, sizeof(second));
    strcpy(second.folder, "/tmp/hostel-second-XXXXXX");
    CHECK(mkdtemp(second.folder));
    sodium_bin2hex(second.node, sizeof(second.node), node_id, LEDGER_KEY_SIZE);
}

static inline void second_save(const uint8_t *bytes, size_t len, bool good)
{
    char path[100];
    FILE *file;

    CHECK(second.count < SECOND_MAX);
    snprintf(path, sizeof(path), "%s/%05zu", second.folder, second.count);
    second.good[second.count++] = good;
    file = fopen(path, "w");
    CHECK(file && fwrite(bytes, 1, len, file) == len);
    CHECK(fclose(file) == 0);
}

// Runs the verifier and compares; `ok PATH: ...` or `FAILED PATH: ...` a line.
static inline void second_end(void)
{
    const char *root = getenv("HOSTEL_ROOT");
    char command[400], line[400], path[100];
    size_t count = 0, good = 0;
    FILE *out;

    snprintf(command, sizeof(command),
             "find %s -type f | sort | xargs -n 400 python3"
             " %s/docs/receipt-verifier.py %s",
             second.folder, root ? root : ".", second.node);
    out = popen(command, "r");
    CHECK(out);
    for (; fgets(line, sizeof(line), out); count++) {
        bool ok = strncmp(line, "ok ", 3) == 0;

        snprintf(path, sizeof(path), "%s %s/%05zu: ", ok ? "ok" : "FAILED",
                 second.folder, count);
        if (count >= second.count || ok != second.good[count] ||
            strncmp(line, path, strlen(path)) != 0) {
            fprintf(stderr, "receipt %zu should be %s: %s", count,
                    second.good[count] ? "good" : "refused", line);
            exit(1);
        }
        good += ok;
    }
    pclose(out);
    printf("%zu receipts, %zu of them good\n", count, good);
    CHECK(count == second.count && good > 0);
    snprintf(command, sizeof(command), "rm -r %s", second.folder);
    CHECK(system(command) == 0);
}

#endif
