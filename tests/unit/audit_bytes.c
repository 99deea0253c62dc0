// SPDX-License-Identifier: ISC
// A sample ledger with single bytes of its file altered: the auditor finds each
// alteration, or it is one of bytes that say nothing: then every row of every
// table, read back, is what it was. (SQLite's pages have unused room, and its
// header has counters that only SQLite uses.)
//
//     audit_bytes [STEP [FIRST]]     each STEP-th byte; 1: all of them
#include <sqlite3.h>
#include <sys/stat.h>
#include "tests/unit/ledger_fixture.h"
#include "billing/invoice.h"

static struct fixture f;

static void submission_run(uint64_t n, int64_t hold, uint64_t records)
{
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];

    ALONE(&f,
          ledger_hold(f.ledger, id_of(n, id), key_of(1, key), hold, &test_err));
    for (uint64_t seq = 1; seq <= records; seq++) {
        struct usage_record record = record_of(n, seq, 100000);

        ALONE(&f, ledger_usage_record_add(f.ledger, &record, &test_err));
    }
    ALONE(&f, ledger_settle(f.ledger, id, NULL, NULL, &test_err));
    seal(&f);
}

// One of everything: also a void and an open submission, a write-off, a note, a
// late usage record, new terms, a low balance, a final invoice with a tax.
static void sample_make(void)
{
    static const struct invoice_terms terms = {
        .taxes_included = true,
        .rounding = ROUND_HALF_UP,
        .rule_count = 1,
        .rules = {{.name = "VAT", .rate_ppm = 190000}},
    };
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];
    struct usage_record late = record_of(1, 9, 50000);
    uint64_t number;

    customer_make(&f, 1, 100000);
    submission_run(1, 1000, 3);
    submission_run(2, 100, 1);
    ALONE(&f,
          ledger_hold(f.ledger, id_of(3, id), key_of(1, key), 5, &test_err));
    ALONE(&f, ledger_void(f.ledger, id, &test_err));
    ALONE(&f, ledger_hold(f.ledger, id_of(4, id), key, 7, &test_err));
    ALONE(&f, ledger_correct(f.ledger, id_of(5, id), key, 3,
                             id_of(1, (uint8_t[16]){0}), "a note", NULL,
                             &test_err));
    ALONE(&f, ledger_usage_record_add(f.ledger, &late, &test_err));
    ALONE(&f, ledger_account_change(f.ledger, key, "customer", 50, 200000, NULL,
                                    &test_err));
    test_now_ns++;
    ALONE(&f, invoice_issue(f.ledger, key, test_now_ns, &terms, &number,
                            &test_err));
    seal(&f);
}

// -------------------------------------------------------------- what it says

static void value_add(crypto_hash_sha256_state *hash, sqlite3_stmt *stmt,
                      int col)
{
    int type = sqlite3_column_type(stmt, col);
    const void *data = sqlite3_column_blob(stmt, col);
    int len = sqlite3_column_bytes(stmt, col);

    crypto_hash_sha256_update(hash, (uint8_t *)&type, sizeof(type));
    crypto_hash_sha256_update(hash, (uint8_t *)&len, sizeof(len));
    if (len)
        crypto_hash_sha256_update(hash, data, len);
}

static void rows_add(crypto_hash_sha256_state *hash, sqlite3 *db,
                     const char *sql)
{
    sqlite3_stmt *stmt;
    int rc;

    CHECK(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        for (int col = 0; col < sqlite3_column_count(stmt); col++)
            value_add(hash, stmt, col);
    CHECK(rc == SQLITE_DONE);
    sqlite3_finalize(stmt);
}

static void content_hash(const char *path, uint8_t out[32])
{
    static const char *const all[] = {
        "pragma user_version",
        "select type, name, tbl_name, sql from sqlite_master order by name",
        "select * from meta order by key",
        "select * from entries order by number",
        "select * from certs order by number",
        "select * from batches order by number",
        "select * from cards order by number",
        "select * from accounts order by number",
        "select * from transfers order by id",
        "select * from submissions order by number",
        "select * from settlements order by account, entry",
        "select * from invoices order by number",
    };
    crypto_hash_sha256_state hash;
    sqlite3 *db;

    crypto_hash_sha256_init(&hash);
    CHECK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        rows_add(&hash, db, all[i]);
    sqlite3_close(db);
    crypto_hash_sha256_final(&hash, out);
}

// ---------------------------------------------------------------- every byte

static void side_files_remove(void)
{
    char path[120];

    snprintf(path, sizeof(path), "%s-wal", f.path);
    unlink(path);
    snprintf(path, sizeof(path), "%s-shm", f.path);
    unlink(path);
}

int main(int argc, char **argv)
{
    long step = argc > 1 ? atol(argv[1]) : 37;
    long first = argc > 2 ? atol(argv[2]) : 0, found = 0, idle = 0, missed = 0;
    uint8_t content[32], now[32];
    struct audit_result result;
    struct stat st;
    FILE *file;

    fixture_start(&f);
    sample_make();
    ledger_close(f.ledger); // all of it is in one file now
    content_hash(f.path, content);
    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
    side_files_remove();
    CHECK(stat(f.path, &st) == 0);
    file = fopen(f.path, "r+");
    CHECK(file);
    setbuf(file, NULL);
    for (long at = first; at < st.st_size; at += step) {
        int byte;

        fseek(file, at, SEEK_SET);
        byte = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(byte ^ (1 << at % 8), file);
        if (ledger_audit(f.path, f.options.node_id, &result, &test_err) < 0) {
            found++;
        } else {
            idle++;
            content_hash(f.path, now);
            if (memcmp(now, content, sizeof(now)) != 0) {
                fprintf(stderr, "the alteration of byte %ld is not found\n",
                        at);
                missed++;
            }
        }
        side_files_remove();
        fseek(file, at, SEEK_SET);
        fputc(byte, file);
    }
    fclose(file);
    printf("%ld alterations found, %ld of bytes that say nothing\n", found,
           idle);
    CHECK(found > 0 && missed == 0);
    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
    fixture_open(&f);
    fixture_end(&f);
    return 0;
}
