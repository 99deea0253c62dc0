// SPDX-License-Identifier: ISC
// Receipts: what a verified one says; that no byte of it can be changed, cut
// off or added; and that a node which lies in a well-formed receipt is caught.
#include "tests/unit/ledger_fixture.h"
#include "lib/db.h"

static struct fixture f;

static void submission_run(uint64_t n, int64_t hold_nano, uint64_t records)
{
    uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE];
    struct usage_record record;

    ALONE(&f, ledger_hold(f.ledger, id_of(n, id), key_of(1, key), hold_nano,
                          &test_err));
    for (uint64_t seq = 1; seq <= records; seq++) {
        record = record_of(n, seq, 100000 + seq);
        record.usage.mem_peak_kib = 100 * seq;
        ALONE(&f, ledger_usage_record_add(f.ledger, &record, &test_err));
        if (seq % 2)
            seal(&f); // so that the receipt spans several batches
    }
    ALONE(&f, ledger_settle(f.ledger, id, NULL, NULL, &test_err));
}

static uint8_t *receipt_of(uint64_t n, size_t *len)
{
    uint8_t id[LEDGER_ID_SIZE], *bytes;

    OK(receipt_build(f.ledger, id_of(n, id), false, &bytes, len, &test_err));
    return bytes;
}

static int verify(const uint8_t *bytes, size_t len)
{
    struct receipt_report report;

    test_err.text[0] = '\0';
    return receipt_verify(bytes, len, f.options.node_id, &report, &test_err);
}

static void report_test(void)
{
    struct receipt_report report;
    struct submission_books books;
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE], *bytes;
    size_t len;

    submission_run(10, 5000, 3);
    REFUSED(
        receipt_build(f.ledger, id_of(10, id), false, &bytes, &len, &test_err),
        EAGAIN);
    seal(&f);
    bytes = receipt_of(10, &len);
    OK(receipt_verify(bytes, len, f.options.node_id, &report, &test_err));
    free(bytes);
    OK(ledger_submission_get(f.ledger, id, &books, &test_err));
    CHECK(books.sealed);
    CHECK(memcmp(&books, &report.books, sizeof(books)) == 0);
    CHECK(memcmp(report.books.key, key_of(1, key), sizeof(key)) == 0);
    // 1 start, 300,006 ns at 2 per 1000, 300 KiB x 300,006 ns = 90 KiB-ms / 7.
    CHECK(report.books.charge_nano == 1 + 600 + 13);
    CHECK(report.rated.line_count == 3);
    CHECK(report.entry_count == 7 && report.batch_first < report.batch_last);
    CHECK(report.account_seq_last - report.account_seq_first == 6);
    CHECK(!strcmp(report.card.version, "test-1"));
}

// Each bit pattern that differs from the byte in one of four ways.
static void flips_test(uint64_t n)
{
    static const uint8_t masks[] = {0x01, 0x80, 0x10, 0xff};
    size_t len;
    uint8_t *bytes = receipt_of(n, &len);

    OK(verify(bytes, len));
    for (size_t i = 0; i < len; i++) {
        for (size_t m = 0; m < sizeof(masks); m++) {
            bytes[i] ^= masks[m];
            CHECK(verify(bytes, len) == -EBADMSG && test_err.text[0]);
            bytes[i] ^= masks[m];
        }
    }
    OK(verify(bytes, len));
    free(bytes);
}

// Cut anywhere, in a buffer of exactly that size; or longer.
static void lengths_test(void)
{
    size_t len;
    uint8_t *bytes = receipt_of(10, &len), *part;

    for (size_t cut = 0; cut < len; cut++) {
        part = malloc(cut ? cut : 1);
        memcpy(part, bytes, cut);
        CHECK(verify(part, cut) == -EBADMSG && test_err.text[0]);
        free(part);
    }
    part = malloc(len + 3);
    memcpy(part, bytes, len);
    memcpy(part + len, "\x98\x06\x01", 3); // an unknown field, well-formed
    CHECK(verify(part, len + 3) == -EBADMSG);
    memcpy(part + len, "\x0a\x00", 2); // a known one once more
    CHECK(verify(part, len + 2) == -EBADMSG);
    free(part);
    free(bytes);
}

static void other_node_test(void)
{
    uint8_t node_id[LEDGER_KEY_SIZE], secret[64], *bytes;
    struct receipt_report report;
    size_t len;

    crypto_sign_keypair(node_id, secret);
    bytes = receipt_of(10, &len);
    REFUSED(receipt_verify(bytes, len, node_id, &report, &test_err), EBADMSG);
    CHECK(strstr(test_err.text, "another node"));
    free(bytes);
}

static void states_test(void)
{
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE], *bytes;
    struct receipt_report report;
    size_t len;

    REFUSED(
        receipt_build(f.ledger, id_of(99, id), false, &bytes, &len, &test_err),
        ENOENT);
    ALONE(&f,
          ledger_hold(f.ledger, id_of(11, id), key_of(1, key), 5, &test_err));
    seal(&f);
    REFUSED(receipt_build(f.ledger, id, false, &bytes, &len, &test_err),
            EAGAIN);
    ALONE(&f, ledger_void(f.ledger, id, &test_err));
    seal(&f);
    REFUSED(receipt_build(f.ledger, id, false, &bytes, &len, &test_err),
            ECANCELED);

    submission_run(12, 100, 1); // over its cap
    submission_run(13, 0, 1);   // free
    submission_run(14, 100, 0); // used nothing
    seal(&f);
    for (uint64_t n = 12; n <= 14; n++) {
        bytes = receipt_of(n, &len);
        OK(receipt_verify(bytes, len, f.options.node_id, &report, &test_err));
        CHECK(report.books.billed_nano + report.books.written_off_nano ==
              report.books.charge_nano);
        CHECK(report.books.billed_nano <= report.books.hold_nano);
        CHECK((report.books.written_off_nano > 0) == (n != 14));
        free(bytes);
        flips_test(n);
    }
}

// The node changes its books before signing them, and signs the result.
static void lie(const char *sql, const char *sentence)
{
    struct db *db;
    uint8_t *bytes;
    size_t len;

    ledger_close(f.ledger);
    db = db_open(f.path, "", 3, &test_err);
    CHECK(db);
    OK(db_exec(db, sql, &test_err));
    db_close(db);
    fixture_open(&f);
    seal(&f);
    bytes = receipt_of(20, &len);
    CHECK(verify(bytes, len) == -EBADMSG);
    if (!strstr(test_err.text, sentence)) {
        fprintf(stderr, "expected \"%s\", got \"%s\"\n", sentence,
                test_err.text);
        exit(1);
    }
    free(bytes);
}

// A run of seven hours: more entries than a message of a few pages, in many
// batches.
static void long_test(void)
{
    uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE], *bytes;
    struct receipt_report report;
    size_t len;

    ALONE(&f, ledger_hold(f.ledger, id_of(70, id), key_of(1, key), 1000,
                          &test_err));
    for (uint64_t seq = 1; seq <= 25000;) {
        OK(ledger_begin(f.ledger, &test_err));
        for (int i = 0; i < 1000; i++, seq++) {
            struct usage_record record = record_of(70, seq, 10);

            OK(ledger_usage_record_add(f.ledger, &record, &test_err));
        }
        OK(ledger_batch_seal(f.ledger, NULL, &test_err));
        OK(ledger_commit(f.ledger, &test_err));
    }
    ALONE(&f, ledger_settle(f.ledger, id_of(70, id), NULL, NULL, &test_err));
    seal(&f);
    OK(receipt_build(f.ledger, id, false, &bytes, &len, &test_err));
    OK(receipt_verify(bytes, len, f.options.node_id, &report, &test_err));
    CHECK(report.entry_count == 25004 && report.books.record_count == 25000);
    CHECK(report.books.billed_nano == 501); // a start, and 250 us
    bytes[len / 2] ^= 1;
    CHECK(receipt_verify(bytes, len, f.options.node_id, &report, &test_err) ==
          -EBADMSG);
    free(bytes);
}

int main(void)
{
    fixture_start(&f);
    customer_make(&f, 1, 1000000);
    report_test();
    flips_test(10);
    lengths_test();
    other_node_test();
    states_test();
    // Entries of 20: admission, hold, record, charge, settlement. A record
    // told twice, in the batch that is not signed yet.
    submission_run(20, 5000, 2);
    lie("update entries set entry = (select entry from entries where"
        " number = (select max(number) - 3 from entries)) where number ="
        " (select max(number) - 2 from entries)",
        "out of order");
    long_test();
    fixture_end(&f);
    return 0;
}
