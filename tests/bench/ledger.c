// SPDX-License-Identifier: ISC
// ledger.rate: whole submissions (hold, usage record, settlement, signed batch,
// durable) a second on one core, and the records among them; grouped as the
// ledger role groups them. Arguments: a folder for the database, seconds,
// submissions in a group.
#include <err.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/clock.h"
#include "billing/ledger.h"
#include "billing/receipt.h"

#define CUSTOMERS 100

static struct ledger *ledger;
static struct err e;
static uint8_t customers[CUSTOMERS][LEDGER_KEY_SIZE];

static void must(int r, const char *what)
{
    if (r < 0)
        errx(1, "%s: %s", what, e.text);
}

static void node_make(const char *path)
{
    static struct receipts_key key;
    struct ledger_options options = {.path = path, .key = &key};
    uint8_t node_secret[64], id[LEDGER_ID_SIZE];
    struct ratecard card;

    crypto_sign_keypair(options.node_id, node_secret);
    must(receipts_key_make(&key, node_secret, clock_real_ns() / 1000000000,
                           86400, &e),
         "key");
    must(ledger_open(&ledger, &options, &e), "open");
    must(ratecard_load(&card, "billing/ratecards/default.cfg", &e), "card");
    must(ledger_begin(ledger, &e), "begin");
    must(ledger_ratecard_set(ledger, &card, &e), "card");
    for (int i = 0; i < CUSTOMERS; i++) {
        randombytes_buf(customers[i], sizeof(customers[i]));
        randombytes_buf(id, sizeof(id));
        must(ledger_account_open(ledger, customers[i], "bench", card.currency,
                                 0, NULL, &e),
             "account");
        must(ledger_credit(ledger, id, customers[i], 1000000000000000, NULL,
                           NULL, &e),
             "credit");
    }
    must(ledger_commit(ledger, &e), "commit");
}

static void submission_id(uint64_t n, uint8_t id[LEDGER_ID_SIZE])
{
    crypto_generichash(id, LEDGER_ID_SIZE, (const uint8_t *)&n, sizeof(n), NULL,
                       0);
}

static void group(uint64_t first, uint64_t count)
{
    struct usage_record record = {
        .seq = 1,
        .phase = USAGE_RUN,
        .end_ns = 4000000,
        .usage = {.starts = 1,
                  .cpu_ns = 1234567,
                  .wall_ns = 4000000,
                  .mem_reserved_kib = 65536,
                  .mem_reserved_kib_ms = 4 * 65536,
                  .mem_peak_kib = 512,
                  .console_bytes = 100},
    };
    uint8_t id[LEDGER_ID_SIZE];

    // A hold is durable before the domain starts, so there are two commits.
    must(ledger_begin(ledger, &e), "begin");
    for (uint64_t n = first; n < first + count; n++) {
        submission_id(n, id);
        must(ledger_hold(ledger, id, customers[n % CUSTOMERS], 100000, &e),
             "hold");
    }
    must(ledger_commit(ledger, &e), "commit");
    must(ledger_begin(ledger, &e), "begin");
    for (uint64_t n = first; n < first + count; n++) {
        submission_id(n, record.submission_id);
        must(ledger_settle(ledger, record.submission_id, &record, NULL, &e),
             "settle");
    }
    must(ledger_batch_seal(ledger, NULL, &e), "seal");
    must(ledger_commit(ledger, &e), "commit");
}

static void receipts_time(uint64_t submissions)
{
    uint64_t build_ns = 0, verify_ns = 0, start, size = 0;
    struct ledger_options unused;
    struct receipt_report report;
    const int count = 200;

    (void)unused;
    (void)report;
    for (int i = 0; i < count; i++) {
        uint8_t id[LEDGER_ID_SIZE], *bytes;
        size_t len;

        submission_id(randombytes_uniform(submissions), id);
        start = clock_mono_ns();
        must(receipt_build(ledger, id, &bytes, &len, &e), "receipt");
        build_ns += clock_mono_ns() - start;
        size += len;
        free(bytes);
    }
    (void)verify_ns;
    printf("bench receipt.build %.0f us, %llu bytes\n",
           build_ns / 1000.0 / count, (unsigned long long)size / count);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "/tmp";
    double seconds = argc > 2 ? atof(argv[2]) : 5;
    uint64_t per_group = argc > 3 ? strtoull(argv[3], NULL, 10) : 50;
    uint64_t start, cpu, done = 0;
    struct stat st;
    char path[4096];

    (void)receipts_time;
    snprintf(path, sizeof(path), "%s/bench-ledger.db", folder);
    unlink(path);
    node_make(path);
    start = clock_mono_ns();
    cpu = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
    while (clock_mono_ns() - start < seconds * 1e9) {
        group(done, per_group);
        done += per_group;
    }
    start = clock_mono_ns() - start;
    cpu = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("bench ledger.rate %.0f submissions/s, %.0f us CPU each\n",
           done * 1e9 / start, cpu / 1000.0 / done);
    ledger_close(ledger);
    stat(path, &st);
    printf("bench ledger.size %.0f bytes/submission\n", (double)st.st_size / done);
}
