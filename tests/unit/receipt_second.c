// SPDX-License-Identifier: ISC
// Real receipts, and real receipts with one byte altered, before the second
// verifier (docs/receipt-verifier.py), which shares no code with the first.
// Both must come to the same verdict.
//
// Run from the top folder, or with HOSTEL_ROOT set to it.
#include "tests/unit/ledger_fixture.h"
#include "tests/unit/receipt_second.h"

static struct fixture f;

static uint8_t *receipt_of(uint64_t n, size_t *len)
{
    uint8_t id[LEDGER_ID_SIZE], *bytes;

    OK(receipt_build(f.ledger, id_of(n, id), false, &bytes, len, &test_err));
    return bytes;
}

// Every kind of quantity, so that the two agree about all of them.
static struct usage_record full_record(uint64_t n, uint64_t seq)
{
    struct usage_record record = record_of(n, seq, 123456789 * seq);
    uint64_t *figures = (uint64_t *)&record.usage;

    for (size_t i = 0; i < sizeof(record.usage) / sizeof(*figures); i++)
        figures[i] += 1 + i * 997 * seq;
    return record;
}

// Of a submission that runs: the two agree about what is signed so far.
static void running_save(uint64_t n)
{
    uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE], *bytes;
    struct usage_record record = full_record(n, 1);
    struct receipt_report report;
    size_t len;

    ALONE(&f, ledger_hold(f.ledger, id_of(n, id), key_of(1, key), 100000,
                          &test_err));
    ALONE(&f, ledger_usage_record_add(f.ledger, &record, &test_err));
    REFUSED(receipt_build(f.ledger, id, true, &bytes, &len, &test_err), EAGAIN);
    seal(&f);
    REFUSED(receipt_build(f.ledger, id, false, &bytes, &len, &test_err),
            EAGAIN);
    record = full_record(n, 2); // not signed yet, so not in it
    ALONE(&f, ledger_usage_record_add(f.ledger, &record, &test_err));
    OK(receipt_build(f.ledger, id, true, &bytes, &len, &test_err));
    OK(receipt_verify(bytes, len, f.options.node_id, &report, &test_err));
    CHECK(report.books.state == SUBMISSION_HELD &&
          report.books.record_count == 1 && report.rated.total_nano > 0);
    second_save(bytes, len, true);
    for (size_t i = 0; i < len; i += 41) {
        bytes[i] ^= 0x20;
        CHECK(receipt_verify(bytes, len, f.options.node_id, &report,
                             &test_err) == -EBADMSG);
        second_save(bytes, len, false);
        bytes[i] ^= 0x20;
    }
    free(bytes);
}

// Usage records that come when it was settled: within the hold, and beyond.
static void late_run(uint64_t n, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct usage_record record = full_record(n, 100 + i);

        ALONE(&f, ledger_usage_record_add(f.ledger, &record, &test_err));
        seal(&f);
    }
}

static void submission_run(uint64_t n, int64_t hold_nano, uint64_t records)
{
    uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE];

    ALONE(&f, ledger_hold(f.ledger, id_of(n, id), key_of(1, key), hold_nano,
                          &test_err));
    for (uint64_t seq = 1; seq <= records; seq++) {
        struct usage_record record = full_record(n, seq);

        ALONE(&f, ledger_usage_record_add(f.ledger, &record, &test_err));
        if (seq % 2)
            seal(&f);
    }
    ALONE(&f, ledger_settle(f.ledger, id, NULL, NULL, &test_err));
    seal(&f);
}

static void card_use(const char *rounding)
{
    char text[4096];
    struct err e;
    int n = snprintf(text, sizeof(text),
                     "version = \"%s\"\ncurrency = \"EUR\"\n"
                     "rounding = \"%s\"\nprices = [\n",
                     rounding, rounding);

    for (enum sku sku = 1; sku < SKU_END; sku++)
        n += snprintf(text + n, sizeof(text) - n,
                      "\"sku=%s, unit=%s, price_nano=%d, per=%d, included=%d,"
                      " minimum_nano=%d\",\n",
                      sku_info(sku)->name, sku_info(sku)->unit, 3 + sku,
                      2 << sku % 3, sku % 4 * 500, sku % 3 * 700);
    snprintf(text + n, sizeof(text) - n, "]\n");
    OK(ratecard_parse(&f.card, text, strlen(text), "t", &e));
    ALONE(&f, ledger_ratecard_set(f.ledger, &f.card, &test_err));
}

// One receipt as it is, and with every `step`th byte altered.
static void flips_save(uint64_t n, size_t first, size_t step)
{
    static const uint8_t masks[] = {0x01, 0x80, 0x10, 0xff};
    struct receipt_report report;
    size_t len;
    uint8_t *bytes = receipt_of(n, &len);

    OK(receipt_verify(bytes, len, f.options.node_id, &report, &test_err));
    second_save(bytes, len, true);
    for (size_t i = first; i < len; i += step) {
        uint8_t mask = masks[i / step % sizeof(masks)];

        bytes[i] ^= mask;
        CHECK(receipt_verify(bytes, len, f.options.node_id, &report,
                             &test_err) == -EBADMSG);
        second_save(bytes, len, false);
        bytes[i] ^= mask;
    }
    free(bytes);
}

// Cut off, and longer.
static void lengths_save(uint64_t n)
{
    size_t len;
    uint8_t *bytes = receipt_of(n, &len), *more = malloc(len + 3);

    for (size_t cut = 0; cut < len; cut += 1 + len / 50)
        second_save(bytes, cut, false);
    memcpy(more, bytes, len);
    memcpy(more + len, "\x98\x06\x01", 3); // an unknown field
    second_save(more, len + 3, false);
    memcpy(more + len, "\x0a\x00", 2); // a known one again, and empty
    second_save(more, len + 2, false);
    free(more);
    free(bytes);
}

int main(void)
{
    static const char *const roundings[] = {"down", "up", "half-up",
                                            "half-even"};

    fixture_start(&f);
    second_start(f.options.node_id);
    customer_make(&f, 1, INT64_MAX / 2);
    for (uint64_t i = 0; i < 4; i++) {
        card_use(roundings[i]);
        submission_run(10 + i, 1000000000000000, 3 + i);
        flips_save(10 + i, i, 37);
    }
    submission_run(20, 100, 1); // over its cap
    submission_run(21, 0, 1);   // free
    submission_run(22, 100, 0); // used nothing
    for (uint64_t n = 20; n <= 22; n++)
        flips_save(n, n % 5, 23);
    lengths_save(22);
    submission_run(30, 1000000000000000, 2);
    late_run(30, 3);
    submission_run(31, 100, 1); // what is late is over the cap as well
    late_run(31, 1);
    flips_save(30, 1, 61);
    flips_save(31, 3, 61);
    running_save(40);
    second_end();
    fixture_end(&f);
    return 0;
}
