// SPDX-License-Identifier: ISC
// The life of holds, records and settlements; what is refused; what may be
// repeated; what a lost group leaves behind.
#include "tests/unit/ledger_fixture.h"

static struct fixture f;
static uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE];

static void accounts_test(void)
{
    struct account account;

    ALONE(&f, ledger_account_open(f.ledger, key_of(1, key), "Ada", "EUR", 0,
                                  &account, &test_err));
    CHECK(account.kind == ACCOUNT_CUSTOMER && !strcmp(account.name, "Ada"));
    CHECK(account_available_nano(&account) == 0);
    ALONE(&f,
          ledger_account_open(f.ledger, key, "Ada", "EUR", 0, NULL, &test_err));
    OK(ledger_begin(f.ledger, &test_err));
    REFUSED(
        ledger_account_open(f.ledger, key, "Bob", "EUR", 0, NULL, &test_err),
        EEXIST);
    REFUSED(ledger_account_open(f.ledger, key_of(2, key), "", "EUR", 0, NULL,
                                &test_err),
            EINVAL);
    REFUSED(
        ledger_account_open(f.ledger, key, "a\nb", "EUR", 0, NULL, &test_err),
        EINVAL);
    REFUSED(ledger_account_open(f.ledger, key, "Bob", "EUROPEAN", 0, NULL,
                                &test_err),
            EINVAL);
    REFUSED(
        ledger_account_open(f.ledger, key, "Bob", "EUR", -1, NULL, &test_err),
        EINVAL);
    OK(ledger_commit(f.ledger, &test_err));
    REFUSED(ledger_account_get(f.ledger, key, &account, &test_err), ENOENT);
}

static void credit_test(void)
{
    struct account account;

    key_of(1, key);
    OK(ledger_begin(f.ledger, &test_err));
    OK(ledger_credit(f.ledger, id_of(1, id), key, 5000, "wire 17", &account,
                     &test_err));
    CHECK(account_balance_nano(&account) == 5000);
    OK(ledger_credit(f.ledger, id, key, 5000, "wire 17", &account, &test_err));
    CHECK(account_balance_nano(&account) == 5000);
    REFUSED(ledger_credit(f.ledger, id, key, 5001, "wire 17", NULL, &test_err),
            EEXIST);
    REFUSED(ledger_credit(f.ledger, id, key, 5000, "wire 18", NULL, &test_err),
            EEXIST);
    REFUSED(
        ledger_credit(f.ledger, id_of(2, id), key, 0, NULL, NULL, &test_err),
        EINVAL);
    REFUSED(ledger_credit(f.ledger, id, key, -1, NULL, NULL, &test_err),
            EINVAL);
    REFUSED(ledger_credit(f.ledger, id, key, INT64_MAX, NULL, NULL, &test_err),
            EOVERFLOW);
    REFUSED(
        ledger_credit(f.ledger, id, key_of(99, key), 1, NULL, NULL, &test_err),
        ENOENT);
    OK(ledger_commit(f.ledger, &test_err));
    CHECK(account_balance_nano(&(struct account){0}) == 0);
    CHECK(account_of(&f, 1).credits_posted_nano == 5000);
}

static void hold_test(void)
{
    struct submission_books books;

    key_of(1, key);
    OK(ledger_begin(f.ledger, &test_err));
    OK(ledger_hold(f.ledger, id_of(10, id), key, 3000, &test_err));
    OK(ledger_hold(f.ledger, id, key, 3000, &test_err)); // again
    REFUSED(ledger_hold(f.ledger, id, key, 3001, &test_err), EEXIST);
    REFUSED(ledger_hold(f.ledger, id_of(11, id), key, 2001, &test_err), EDQUOT);
    CHECK(strstr(test_err.text, "0.000002001 EUR are needed and 0.000002 are"));
    REFUSED(ledger_hold(f.ledger, id, key, -1, &test_err), EINVAL);
    REFUSED(ledger_hold(f.ledger, id, key_of(99, key), 1, &test_err), ENOENT);
    OK(ledger_hold(f.ledger, id_of(11, id), key_of(1, key), 2000, &test_err));
    OK(ledger_void(f.ledger, id, &test_err));
    OK(ledger_void(f.ledger, id, &test_err)); // again
    REFUSED(ledger_hold(f.ledger, id, key, 2000, &test_err), ECANCELED);
    REFUSED(ledger_settle(f.ledger, id, NULL, NULL, &test_err), ECANCELED);
    REFUSED(ledger_void(f.ledger, id_of(12, id), &test_err), ENOENT);
    REFUSED(ledger_settle(f.ledger, id, NULL, NULL, &test_err), ENOENT);
    OK(ledger_commit(f.ledger, &test_err));
    CHECK(account_available_nano(&(struct account){.credit_limit_nano = 5}) ==
          5);
    CHECK(account_of(&f, 1).debits_pending_nano == 3000);
    OK(ledger_submission_get(f.ledger, id_of(10, id), &books, &test_err));
    CHECK(books.state == SUBMISSION_HELD && books.hold_nano == 3000);
}

static void records_test(void)
{
    struct usage_record record = record_of(10, 1, 100000), bad;
    struct submission_books books;

    OK(ledger_begin(f.ledger, &test_err));
    OK(ledger_usage_record_add(f.ledger, &record, &test_err));
    OK(ledger_usage_record_add(f.ledger, &record, &test_err)); // again
    bad = record;
    bad.usage.cpu_ns++;
    REFUSED(ledger_usage_record_add(f.ledger, &bad, &test_err), EEXIST);
    bad.seq = 0;
    REFUSED(ledger_usage_record_add(f.ledger, &bad, &test_err), EINVAL);
    bad.seq = 2;
    bad.end_ns = bad.start_ns - 1;
    REFUSED(ledger_usage_record_add(f.ledger, &bad, &test_err), EINVAL);
    bad = record_of(10, 2, 1);
    bad.phase = 3;
    REFUSED(ledger_usage_record_add(f.ledger, &bad, &test_err), EINVAL);
    bad = record_of(10, 2, 1);
    bad.usage.cpu_ns = UINT64_MAX; // the sum wraps
    REFUSED(ledger_usage_record_add(f.ledger, &bad, &test_err), EOVERFLOW);
    bad = record_of(10, 2, 1);
    bad.usage.build_cpu_ns = UINT64_MAX; // could not be charged
    REFUSED(ledger_usage_record_add(f.ledger, &bad, &test_err), EOVERFLOW);
    bad = record_of(77, 1, 1);
    REFUSED(ledger_usage_record_add(f.ledger, &bad, &test_err), ENOENT);
    bad = record_of(11, 1, 1);
    REFUSED(ledger_usage_record_add(f.ledger, &bad, &test_err), ECANCELED);
    REFUSED(ledger_void(f.ledger, id_of(10, id), &test_err), EINVAL);
    OK(ledger_commit(f.ledger, &test_err));
    OK(ledger_submission_get(f.ledger, id, &books, &test_err));
    CHECK(books.record_count == 1 && books.usage.cpu_ns == 100000);
}

// Held 3000. 1 start, 300,000 ns of CPU: 1 + 600 = 601.
static void settle_test(void)
{
    struct usage_record last = record_of(10, 2, 200000), other = last;
    struct submission_books books;

    OK(ledger_begin(f.ledger, &test_err));
    id_of(11, other.submission_id);
    REFUSED(ledger_settle(f.ledger, id_of(10, id), &other, NULL, &test_err),
            EINVAL);
    other = record_of(10, 1, 5); // record 1 was something else
    REFUSED(ledger_settle(f.ledger, id, &other, NULL, &test_err), EEXIST);
    OK(ledger_settle(f.ledger, id, &last, &books, &test_err));
    CHECK(books.state == SUBMISSION_SETTLED && books.record_count == 2);
    CHECK(books.charge_nano == 601 && books.billed_nano == 601);
    CHECK(books.written_off_nano == 0 && !books.sealed);
    memset(&books, 0, sizeof(books));
    OK(ledger_settle(f.ledger, id, NULL, &books, &test_err)); // again
    CHECK(books.billed_nano == 601 && books.last_record_seq == 2);
    OK(ledger_usage_record_add(f.ledger, &last, &test_err)); // again
    REFUSED(ledger_void(f.ledger, id, &test_err), EALREADY);
    REFUSED(ledger_hold(f.ledger, id, key_of(1, key), 3000, &test_err),
            EALREADY);
    OK(ledger_commit(f.ledger, &test_err));
    CHECK(account_of(&f, 1).debits_pending_nano == 0);
    CHECK(account_of(&f, 1).debits_posted_nano == 601);
}

static int sum_up(const struct account *account, void *arg)
{
    int64_t *balances = arg;

    if (account->kind != ACCOUNT_CUSTOMER)
        balances[account->kind] = account_balance_nano(account);
    return 0;
}

// Held 100, used 1 + 200,000 / 500 = 401.
static void write_off_test(void)
{
    struct usage_record last = record_of(20, 1, 200000);
    int64_t before[ACCOUNT_TAX + 1] = {0}, after[ACCOUNT_TAX + 1];
    struct submission_books books;

    OK(ledger_account_list(f.ledger, sum_up, before, &test_err));
    OK(ledger_begin(f.ledger, &test_err));
    OK(ledger_hold(f.ledger, id_of(20, id), key_of(1, key), 100, &test_err));
    OK(ledger_settle(f.ledger, id, &last, &books, &test_err));
    CHECK(books.charge_nano == 401 && books.billed_nano == 100);
    CHECK(books.written_off_nano == 301);
    // A free submission: held nothing, all of it written off.
    last = record_of(21, 1, 500);
    OK(ledger_hold(f.ledger, id_of(21, id), key, 0, &test_err));
    OK(ledger_settle(f.ledger, id, &last, &books, &test_err));
    CHECK(books.charge_nano == 2 && books.billed_nano == 0);
    // One that used nothing: the hold is released.
    OK(ledger_hold(f.ledger, id_of(22, id), key, 50, &test_err));
    OK(ledger_settle(f.ledger, id, NULL, &books, &test_err));
    CHECK(books.charge_nano == 0 && books.record_count == 0);
    OK(ledger_commit(f.ledger, &test_err));
    OK(ledger_account_list(f.ledger, sum_up, after, &test_err));
    CHECK(account_of(&f, 1).debits_posted_nano == 701);
    CHECK(account_of(&f, 1).debits_pending_nano == 0);
    CHECK(after[ACCOUNT_REVENUE] - before[ACCOUNT_REVENUE] == 100 + 303);
    CHECK(after[ACCOUNT_WRITE_OFF] - before[ACCOUNT_WRITE_OFF] == -303);
    CHECK(after[ACCOUNT_CASH] == -5000);
}

// Nothing of a lost group remains, in memory or on disk.
static void rollback_test(void)
{
    struct account before = account_of(&f, 1), after;
    struct submission_books books;

    OK(ledger_begin(f.ledger, &test_err));
    OK(ledger_account_open(f.ledger, key_of(5, key), "Eve", "SEK", 0, NULL,
                           &test_err));
    OK(ledger_hold(f.ledger, id_of(30, id), key_of(1, key), 1, &test_err));
    ledger_rollback(f.ledger);
    after = account_of(&f, 1);
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
    REFUSED(ledger_submission_get(f.ledger, id, &books, &test_err), ENOENT);
    REFUSED(ledger_account_get(f.ledger, key_of(5, key), &after, &test_err),
            ENOENT);
    ALONE(&f, ledger_hold(f.ledger, id, key_of(1, key), 1, &test_err));
    ALONE(&f, ledger_void(f.ledger, id, &test_err));
}

// A customer with a credit limit may owe that much; another currency is held
// by a card in that currency only.
static void postpaid_test(void)
{
    OK(ledger_begin(f.ledger, &test_err));
    OK(ledger_account_open(f.ledger, key_of(6, key), "Later", "EUR", 1000, NULL,
                           &test_err));
    OK(ledger_hold(f.ledger, id_of(40, id), key, 600, &test_err));
    REFUSED(ledger_hold(f.ledger, id_of(41, id), key, 401, &test_err), EDQUOT);
    OK(ledger_hold(f.ledger, id, key, 400, &test_err));
    OK(ledger_account_open(f.ledger, key_of(7, key), "Sven", "SEK", 1000, NULL,
                           &test_err));
    REFUSED(ledger_hold(f.ledger, id_of(42, id), key, 1, &test_err), EINVAL);
    OK(ledger_commit(f.ledger, &test_err));
}

static void other_node_test(void)
{
    struct ledger_options options = f.options;
    struct ledger *other = NULL;

    ledger_close(f.ledger);
    options.node_id[0] ^= 1;
    options.key = NULL;
    REFUSED(ledger_open(&other, &options, &test_err), EINVAL);
    options.key = &f.key;
    CHECK(ledger_open(&other, &options, &test_err) == -EBADMSG);
    fixture_open(&f);
}

static void key_test(void)
{
    uint64_t sealed;

    OK(ledger_begin(f.ledger, &test_err));
    OK(ledger_batch_seal(f.ledger, &sealed, &test_err));
    CHECK(sealed > 0);
    OK(ledger_batch_seal(f.ledger, &sealed, &test_err));
    CHECK(sealed == 0);
    OK(ledger_commit(f.ledger, &test_err));
    test_now_ns += 366ull * 86400 * 1000000000;
    OK(ledger_begin(f.ledger, &test_err));
    REFUSED(ledger_batch_seal(f.ledger, NULL, &test_err), EKEYEXPIRED);
    ledger_rollback(f.ledger);
    test_now_ns -= 366ull * 86400 * 1000000000;
}

// A ledger of another schema is refused with what can be done, and is not
// touched.
static void version_test(void)
{
    struct audit_result result;
    struct ledger *other;
    char command[160];

    ledger_close(f.ledger);
    snprintf(command, sizeof(command), "sqlite3 %s 'pragma user_version = 2'",
             f.path);
    CHECK(system(command) == 0);
    REFUSED(ledger_open(&other, &f.options, &test_err), ENOTSUP);
    CHECK(strstr(test_err.text, f.path) &&
          strstr(test_err.text, "by an older version of this program (its "
                                "schema is 2, this one's is 3); signed "
                                "entries cannot be converted"));
    CHECK(ledger_audit(f.path, f.options.node_id, &result, &test_err) < 0);
    CHECK(strstr(test_err.text, "an older version"));
    snprintf(command, sizeof(command), "sqlite3 %s 'pragma user_version = 3'",
             f.path);
    CHECK(system(command) == 0);
    fixture_open(&f);
}

int main(void)
{
    struct audit_result result;

    fixture_start(&f);
    accounts_test();
    credit_test();
    hold_test();
    records_test();
    settle_test();
    write_off_test();
    rollback_test();
    postpaid_test();
    other_node_test();
    key_test();
    version_test();
    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
    CHECK(result.unsealed == 0 && result.held == 2);
    fixture_end(&f);
    return 0;
}
