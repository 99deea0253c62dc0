// SPDX-License-Identifier: ISC
// The clock is set while there are books: by little they do not go back, by
// much they follow, and invoices lose nothing.
#include "tests/unit/ledger_fixture.h"
#include "billing/invoice.h"
#include "billing/settled.h"

static struct fixture f;
static struct invoice_terms terms;
static uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE];

#define S    1000000000ull
#define HOUR (3600 * S)
#define YEAR (365 * 24 * HOUR)

// Held, used and settled, each at one moment. When it was settled, by the
// books.
static uint64_t run(uint64_t n)
{
    struct usage_record record = record_of(n, 1, 500000);
    struct submission_books books;

    ALONE(&f,
          ledger_hold(f.ledger, id_of(n, id), key_of(1, key), 5000, &test_err));
    ALONE(&f, ledger_settle(f.ledger, id, &record, &books, &test_err));
    CHECK(books.billed_nano == 1001);
    return books.settled_ns;
}

static void audit(void)
{
    struct audit_result result;

    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
}

static uint64_t billed_of(uint64_t number)
{
    json_t *o, *billed;
    uint64_t nano;

    OK(invoice_get(f.ledger, key_of(1, key), number, &o, &test_err));
    billed = json_object_get(o, "billed_nano");
    CHECK(json_is_integer(billed));
    nano = (uint64_t)json_integer_value(billed);
    json_decref(o);
    return nano;
}

static uint64_t issue(uint64_t to_ns)
{
    uint64_t number = 0;

    ALONE(&f, invoice_issue(f.ledger, key_of(1, key), to_ns, &terms, &number,
                            &test_err));
    return number;
}

static void small_test(void)
{
    uint64_t then_ns = test_now_ns;

    CHECK(run(10) == then_ns && ledger_behind_ns(f.ledger) == 0);
    test_now_ns -= 2 * HOUR;
    CHECK(ledger_behind_ns(f.ledger) == 2 * HOUR);
    CHECK(run(11) == then_ns);
    seal(&f); // by a key that was certified later than this clock says
    // The next program that opens them knows it too.
    ledger_close(f.ledger);
    fixture_open(&f);
    CHECK(ledger_behind_ns(f.ledger) == 2 * HOUR);
    CHECK(run(12) == then_ns);
    OK(ledger_begin(f.ledger, &test_err));
    CHECK(ledger_group_ns(f.ledger) == then_ns);
    ledger_rollback(f.ledger);
    CHECK(ledger_now_ns(f.ledger) == then_ns);
    test_now_ns += 2 * HOUR + S; // it is there again
    CHECK(ledger_behind_ns(f.ledger) == 0 && run(13) == then_ns + S);
    seal(&f);
    audit();
}

static void large_test(void)
{
    uint64_t then_ns = test_now_ns;

    test_now_ns += 5 * YEAR;
    CHECK(run(20) == test_now_ns);
    // What the future has written does not keep the books there.
    test_now_ns = then_ns + S;
    CHECK(ledger_behind_ns(f.ledger) == 5 * YEAR - S);
    CHECK(run(21) == test_now_ns);
    CHECK(ledger_behind_ns(f.ledger) == 0);
    seal(&f);
    ledger_close(f.ledger);
    fixture_open(&f);
    test_now_ns += S;
    CHECK(run(22) == test_now_ns);
    seal(&f);
    audit();
    // An invoice of now has all seven: none waits for its year.
    test_now_ns += S;
    CHECK(issue(test_now_ns) == 1);
    CHECK(billed_of(1) == 7 * 1001);
    audit();
    CHECK(run(23) == test_now_ns);
    test_now_ns += S;
    CHECK(issue(test_now_ns) == 2);
    CHECK(billed_of(2) == 1001);
    audit();
}

int main(void)
{
    static const char text[] = "seller = \"Example\"\nprefix = \"H-\"\n";

    fixture_start(&f);
    OK(invoice_terms_parse(&terms, text, strlen(text), "t", &test_err));
    customer_make(&f, 1, 10000000);
    small_test();
    large_test();
    fixture_end(&f);
    return 0;
}
