// SPDX-License-Identifier: ISC
// Corrections, statements and sums of spending: every movement is a line, the
// balances follow each other, and the sums are those of the account.
#include "tests/unit/ledger_fixture.h"
#include <jansson.h>
#include "billing/statement.h"

#define DAY_NS (86400ull * 1000000000)

static struct fixture f;
static uint8_t ada[LEDGER_KEY_SIZE], bob[LEDGER_KEY_SIZE];

static void submission_run(uint64_t n, const uint8_t *key, uint64_t cpu_ns)
{
    struct usage_record record = record_of(n, 1, cpu_ns);
    uint8_t id[LEDGER_ID_SIZE];

    ALONE(&f, ledger_hold(f.ledger, id_of(n, id), key, 1000, &test_err));
    ALONE(&f, ledger_settle(f.ledger, id, &record, NULL, &test_err));
}

static int correct(uint64_t n, const uint8_t *key, int64_t amount_nano,
                   uint64_t about, const char *reason)
{
    uint8_t id[LEDGER_ID_SIZE], submission[LEDGER_ID_SIZE];
    int r;

    OK(ledger_begin(f.ledger, &test_err));
    r = ledger_correct(f.ledger, id_of(n, id), key, amount_nano,
                       about ? id_of(about, submission) : NULL, reason, NULL,
                       &test_err);
    OK(ledger_commit(f.ledger, &test_err));
    return r;
}

static int64_t nano(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);

    CHECK(json_is_integer(value));
    return json_integer_value(value);
}

static const char *text(const json_t *o, const char *key)
{
    const char *value = json_string_value(json_object_get(o, key));

    return value ? value : "";
}

static void corrections_test(void)
{
    int64_t before;

    customer_make(&f, 1, 10000);
    customer_make(&f, 2, 0);
    submission_run(10, ada, 100000); // 1 + 200
    before = account_of(&f, 1).credits_posted_nano;
    OK(correct(500, ada, 100, 10, "the clock was wrong"));
    OK(correct(500, ada, 100, 10, "the clock was wrong")); // at most once
    CHECK(account_of(&f, 1).credits_posted_nano == before + 100);
    REFUSED(correct(500, ada, 101, 10, "the clock was wrong"), EEXIST);
    OK(correct(501, ada, -50, 0, "storage of October"));
    REFUSED(correct(502, ada, -100000, 0, "too much"), EDQUOT);
    REFUSED(correct(503, ada, 5, 0, ""), EINVAL);
    REFUSED(correct(504, ada, 0, 0, "nothing"), EINVAL);
    REFUSED(correct(505, ada, INT64_MIN, 0, "all"), EOVERFLOW);
    REFUSED(correct(506, bob, 5, 10, "ada's"), ENOENT);
    REFUSED(correct(507, ada, 5, 99, "nobody's"), ENOENT);
    ALONE(&f, ledger_hold(f.ledger, id_of(11, (uint8_t[16]){0}), ada, 7,
                          &test_err));
    REFUSED(correct(508, ada, 5, 11, "it runs"), EAGAIN);
}

static void statement_test(void)
{
    static const struct {
        const char *kind;
        int64_t amount, balance;
    } expected[] = {{"top-up", 10000, 10000},
                    {"charge", -201, 9799},
                    {"credit note", 100, 9899},
                    {"debit note", -50, 9849}};
    const json_t *lines, *line;
    json_t *statement;
    size_t i;

    OK(statement_json(f.ledger, ada, 0, UINT64_MAX, &statement, &test_err));
    lines = json_object_get(statement, "lines");
    CHECK(json_array_size(lines) == 4);
    json_array_foreach(lines, i, line)
    {
        CHECK(!strcmp(text(line, "kind"), expected[i].kind));
        CHECK(nano(line, "amount_nano") == expected[i].amount);
        CHECK(nano(line, "balance_nano") == expected[i].balance);
    }
    line = json_array_get(lines, 2);
    CHECK(!strcmp(text(line, "reference"), "the clock was wrong"));
    CHECK(!strncmp(text(line, "submission"), "0a00", 4));
    CHECK(nano(statement, "opening_nano") == 0);
    CHECK(nano(statement, "closing_nano") == 9849);
    CHECK(nano(statement, "held_nano") == 7);
    json_decref(statement);

    OK(statement_json(f.ledger, bob, 0, UINT64_MAX, &statement, &test_err));
    CHECK(json_array_size(json_object_get(statement, "lines")) == 0);
    json_decref(statement);
    REFUSED(
        statement_json(f.ledger, (uint8_t[32]){9}, 0, 1, &statement, &test_err),
        ENOENT);
}

// The next statement begins where the last one ended.
static void months_test(void)
{
    uint64_t border_ns = test_now_ns + 1;
    json_t *first, *second;

    test_now_ns += 3 * DAY_NS;
    submission_run(12, ada, 200000);  // 401
    submission_run(13, ada, 1000000); // 2001, 1000 of which are billed
    OK(statement_json(f.ledger, ada, 0, border_ns, &first, &test_err));
    OK(statement_json(f.ledger, ada, border_ns, UINT64_MAX, &second,
                      &test_err));
    CHECK(nano(first, "closing_nano") == nano(second, "opening_nano"));
    CHECK(json_array_size(json_object_get(second, "lines")) == 2);
    CHECK(nano(second, "closing_nano") == 9849 - 401 - 1000);
    json_decref(first);
    json_decref(second);
}

static void spend_test(void)
{
    const json_t *list, *item;
    json_t *spend;
    int64_t sum = 0;
    size_t i;

    OK(spend_json(f.ledger, ada, 0, UINT64_MAX, &spend, &test_err));
    CHECK(nano(spend, "submission_count") == 3);
    CHECK(nano(spend, "billed_nano") == 201 + 401 + 1000);
    CHECK(nano(spend, "written_off_nano") == 1001);
    list = json_object_get(spend, "by_sku");
    CHECK(json_array_size(list) == 2);
    CHECK(!strcmp(text(json_array_get(list, 0), "sku"), "start.fee"));
    json_array_foreach(list, i, item) sum += nano(item, "charge_nano");
    CHECK(sum == nano(spend, "charge_nano"));
    list = json_object_get(spend, "by_day");
    CHECK(json_array_size(list) == 2);
    CHECK(nano(json_array_get(list, 0), "billed_nano") == 201);
    CHECK(nano(json_array_get(list, 1), "submissions") == 2);
    CHECK(strlen(text(json_array_get(list, 1), "day")) == 10);
    list = json_object_get(spend, "by_submission"); // the dearest first
    CHECK(json_array_size(list) == 3);
    CHECK(nano(json_array_get(list, 0), "billed_nano") == 1000);
    CHECK(nano(json_array_get(list, 2), "billed_nano") == 201);
    json_decref(spend);
}

int main(void)
{
    struct audit_result result;

    key_of(1, ada);
    key_of(2, bob);
    fixture_start(&f);
    corrections_test();
    statement_test();
    months_test();
    spend_test();
    seal(&f);
    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
    fixture_end(&f);
    return 0;
}
