// SPDX-License-Identifier: ISC
// What the books cost, on one core and durable (WAL, synchronous=FULL), in the
// groups in which the ledger role works. The database lies in the folder given,
// else in /var/tmp.
//
//   ledger.rate         usage records of 1,000 domains at once, the whole path:
//                       admission and hold, 60 records each, every one rated as
//                       it comes, then charge and settlement; all of it in
//                       signed batches, 10,000 records a commit, which is never
//                       more than a second of them
//   ledger.rate.rows    new rows for a record, all tables
//   ledger.rate.cpu     for a record, without waiting for the disk
//   ledger.size         bytes on disk for a record
//   ledger.submissions  whole ones of a single record: hold; record, charge,
//                       settlement, signed batch; two commits for each 50
//   ledger.audit        entries of all that, audited
//   ledger.audit.memory the auditor's peak, of that many entries
//
// Called `receipt`, of submissions of a single record:
//
//   receipt.build       in the order of settlement, as they are asked for
//   receipt.size
//   receipt.verify
//
//   ledger|receipt [FOLDER [SECONDS]]
//
// HOSTEL_BENCH_ENTRIES in the environment: at least so many entries are there
// for the auditor (10000000 takes 1.2 GB and two minutes).
#include <err.h>
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/db.h"
#include "billing/audit.h"
#include "billing/ledger.h"
#include "billing/receipt.h"

#define CUSTOMERS     100
#define GROUP         50
#define DOMAINS       1000
#define RECORDS       60    // of a domain, before it ends
#define COMMIT        10000 // records
#define RECEIPTS      500
#define LEDGER_SCHEMA 3
#define FIRST_LONG    (1ull << 40) // numbers of the domains that run

static bool of_receipts; // the figures wanted
static struct ledger *ledger;
static struct err e;
static char path[4096];
static uint8_t node_id[LEDGER_KEY_SIZE];
static uint8_t customers[CUSTOMERS][LEDGER_KEY_SIZE];

static void must(int r, const char *what)
{
    if (r < 0)
        errx(1, "%s: %s", what, e.text);
}

static void begin(void)
{
    must(ledger_begin(ledger, &e), "begin");
}

static void seal_and_commit(void)
{
    must(ledger_batch_seal(ledger, NULL, &e), "seal");
    must(ledger_commit(ledger, &e), "commit");
}

// Of the one file, with all in it that waits in the log.
static double file_size(void)
{
    struct db *db = db_open(path, "", LEDGER_SCHEMA, &e);
    struct stat st;

    must(db ? db_exec(db, "pragma wal_checkpoint(truncate)", &e) : -1, "size");
    db_close(db);
    if (stat(path, &st) < 0)
        err(1, "%s", path);
    return st.st_size;
}

static uint64_t cpu_ns(void)
{
    return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static double now_s(void)
{
    return clock_mono_ns() / 1e9;
}

// --------------------------------------------------------------- the ledger

static void ledger_make(void)
{
    static struct receipts_key key;
    struct ledger_options options = {.path = path, .key = &key};
    uint8_t node_secret[64], id[LEDGER_ID_SIZE];
    struct ratecard card;

    if (sodium_init() < 0)
        errx(1, "libsodium does not start");
    crypto_sign_keypair(node_id, node_secret);
    memcpy(options.node_id, node_id, sizeof(node_id));
    must(receipts_key_make(&key, node_secret, clock_real_ns() / 1000000000,
                           86400, &e),
         "key");
    must(ledger_open(&ledger, &options, &e), "open");
    must(ratecard_load(&card, "billing/ratecards/default.cfg", &e), "card");
    begin();
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
    seal_and_commit();
}

// Real ones are hashes too: their place in an index is random.
static void submission_id(uint64_t n, uint8_t id[LEDGER_ID_SIZE])
{
    crypto_generichash(id, LEDGER_ID_SIZE, (const uint8_t *)&n, sizeof(n), NULL,
                       0);
}

static struct usage_record record_of(uint64_t n, uint64_t seq)
{
    struct usage_record record = {
        .seq = seq,
        .phase = USAGE_RUN,
        .start_ns = clock_real_ns(),
        .usage = {.starts = seq == 1,
                  .cpu_ns = 1234567 + n % 1000,
                  .wall_ns = 4000000,
                  .mem_reserved_kib = 65536,
                  .mem_reserved_kib_ms = 4 * 65536,
                  .mem_peak_kib = 512,
                  .console_bytes = 100},
    };

    record.end_ns = record.start_ns + record.usage.wall_ns;
    submission_id(n, record.submission_id);
    return record;
}

static void hold(uint64_t n)
{
    uint8_t id[LEDGER_ID_SIZE];

    submission_id(n, id);
    must(ledger_hold(ledger, id, customers[n % CUSTOMERS], 1000000, &e),
         "hold");
}

// -------------------------------------------------------------- the figures

// Holds are durable before domains start, hence two commits.
static void group_run(uint64_t first)
{
    begin();
    for (uint64_t n = first; n < first + GROUP; n++)
        hold(n);
    must(ledger_commit(ledger, &e), "commit");
    begin();
    for (uint64_t n = first; n < first + GROUP; n++) {
        struct usage_record record = record_of(n, 1);

        must(ledger_settle(ledger, record.submission_id, &record, NULL, &e),
             "settle");
    }
    seal_and_commit();
}

static uint64_t submissions_figure(double seconds)
{
    double size = file_size(), start = now_s(), cpu_us;
    uint64_t done = 0;

    cpu_us = cpu_ns() / 1e3;
    while (now_s() - start < seconds) {
        group_run(done);
        done += GROUP;
    }
    cpu_us = cpu_ns() / 1e3 - cpu_us;
    if (of_receipts)
        return done;
    printf("bench ledger.submissions %.0f 1/s\n", done / (now_s() - start));
    printf("bench ledger.submissions.cpu %.0f us\n", cpu_us / done);
    printf("bench ledger.submissions.size %.0f bytes\n",
           (file_size() - size) / done);
    return done;
}

static double rows_count(void)
{
    static const char sql[] =
        "select (select count(*) from entries) +"
        " (select count(*) from transfers) +"
        " (select count(*) from submissions) +"
        " (select count(*) from settlements) + (select count(*) from batches)";
    struct db *db = db_open_readonly(path, LEDGER_SCHEMA, &e);
    struct db_stmt *stmt = db ? db_prepare(db, sql, &e) : NULL;
    double rows;

    must(stmt ? db_step(stmt, &e) : -1, "rows");
    rows = db_int(stmt, 0);
    db_done(stmt);
    db_close(db);
    return rows;
}

// Domain `slot` runs for RECORDS intervals; another one takes its place. They
// began one after the other, so that ends are spread over all commits.
static void record_next(uint64_t round, uint64_t slot)
{
    uint64_t age = round + slot % RECORDS;
    uint64_t n = FIRST_LONG + slot + age / RECORDS * DOMAINS;
    struct usage_record record = record_of(n, 1 + age % RECORDS);

    if (age % RECORDS == 0 || round == 0)
        hold(n);
    if ((age + 1) % RECORDS == 0)
        must(ledger_settle(ledger, record.submission_id, &record, NULL, &e),
             "settle");
    else
        must(ledger_usage_record_add(ledger, &record, &e), "record");
}

// For at least so long, and until there are so many entries.
static void records_figure(double seconds, double entries)
{
    double size = file_size(), rows = rows_count(), start, cpu_us;
    uint64_t done = 0;

    start = now_s();
    cpu_us = cpu_ns() / 1e3;
    while (now_s() - start < seconds || done * 1.05 < entries) {
        begin();
        for (uint64_t i = 0; i < COMMIT; i++, done++)
            record_next(done / DOMAINS, done % DOMAINS);
        seal_and_commit();
    }
    start = now_s() - start;
    cpu_us = cpu_ns() / 1e3 - cpu_us;
    printf("bench ledger.rate %.0f records/s\n", done / start);
    printf("bench ledger.rate.cpu %.1f us\n", cpu_us / done);
    printf("bench ledger.rate.rows %.2f rows/record\n",
           (rows_count() - rows) / done);
    printf("bench ledger.size %.0f bytes/record\n",
           (file_size() - size) / done);
}

static void receipts_figure(uint64_t submissions)
{
    uint64_t build_ns = 0, verify_ns = 0, start_ns;
    struct receipt_report report;
    size_t bytes_sum = 0;

    for (uint64_t i = 0; i < RECEIPTS; i++) {
        uint8_t id[LEDGER_ID_SIZE], *bytes;
        size_t len;

        submission_id(submissions > RECEIPTS ? submissions - RECEIPTS + i : 0,
                      id);
        start_ns = cpu_ns();
        must(receipt_build(ledger, id, false, &bytes, &len, &e), "receipt");
        build_ns += cpu_ns() - start_ns;
        start_ns = cpu_ns();
        must(receipt_verify(bytes, len, node_id, &report, &e), "verification");
        verify_ns += cpu_ns() - start_ns;
        bytes_sum += len;
        free(bytes);
    }
    printf("bench receipt.build %.0f us\n", build_ns / 1e3 / RECEIPTS);
    printf("bench receipt.size %zu bytes\n", bytes_sum / RECEIPTS);
    printf("bench receipt.verify %.0f us\n", verify_ns / 1e3 / RECEIPTS);
}

// In a process of its own, for its memory.
static void audit_figure(void)
{
    struct rusage usage;
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        struct audit_result result;
        double start = now_s();

        must(ledger_audit(path, node_id, &result, &e), "audit");
        printf("bench ledger.audit %.0f entries/s\n",
               result.entries / (now_s() - start));
        printf("bench ledger.audit.entries %llu entries\n",
               (unsigned long long)result.entries);
        fflush(stdout);
        _exit(0);
    }
    if (wait4(pid, &status, 0, &usage) != pid || status != 0)
        errx(1, "the audit failed");
    printf("bench ledger.audit.memory %ld KiB\n", usage.ru_maxrss);
}

// The auditor, which only reads, leaves SQLite's side files.
static void folder_remove(const char *folder)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[4200];

    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
    rmdir(folder);
}

int main(int argc, char **argv)
{
    static char folder[4000];
    double seconds = argc > 2 ? atof(argv[2]) : 5;
    const char *entries = getenv("HOSTEL_BENCH_ENTRIES");
    uint64_t submissions;

    of_receipts = strcmp(program_invocation_short_name, "receipt") == 0;
    snprintf(folder, sizeof(folder), "%s/hostel-bench-XXXXXX",
             argc > 1 ? argv[1] : "/var/tmp");
    if (!mkdtemp(folder))
        err(1, "%s", folder);
    snprintf(path, sizeof(path), "%s/ledger.db", folder);
    ledger_make();
    submissions = submissions_figure(seconds);
    if (of_receipts) {
        receipts_figure(submissions);
        ledger_close(ledger);
    } else {
        records_figure(seconds, entries ? atof(entries) : 0);
        ledger_close(ledger);
        audit_figure();
    }
    folder_remove(folder);
    return 0;
}
