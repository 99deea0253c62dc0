// SPDX-License-Identifier: ISC
// Random operations against the ledger and against a model of a few arrays.
// The model predicts each answer, refusals included; groups are committed or
// rolled back, the ledger is closed and opened in between; balances are
// compared throughout and the whole is audited.
//
//     ledger_model [SEED [OPERATIONS]]
#include "tests/unit/ledger_fixture.h"

#define CUSTOMERS   6
#define SUBMISSIONS 400 // within reach; the window moves on
#define RECORDS     4
#define CREDITS     200 // likewise
#define HOLD_MAX    3000

struct model_submission {
    enum submission_state state; // 0: unknown to the ledger
    unsigned customer;
    int64_t hold_nano;
    uint64_t cpu_ns[RECORDS + 1]; // by seq; 0: no such record
    int64_t billed_nano;
    int64_t written_off_nano;
};

struct model {
    int64_t balance_nano[CUSTOMERS];
    int64_t pending_nano[CUSTOMERS];
    int64_t cash_nano, revenue_nano, write_off_nano;
    // By number modulo the window, which begins at `first`: what lies behind it
    // is over, or stays held for ever.
    uint64_t first_credit, first_submission, held_behind;
    int64_t credits[CREDITS]; // 0: not made
    struct model_submission submissions[SUBMISSIONS];
};

// The last of the customers may owe this much.
static const int64_t credit_limit_nano = 5000;

static struct fixture f;
static struct model model, committed;
static uint64_t state;

static uint64_t pick(uint64_t limit)
{
    return draw(&state) % limit;
}

static uint64_t pick_submission(void)
{
    return model.first_submission + pick(SUBMISSIONS);
}

static struct model_submission *submission_of(uint64_t n)
{
    return &model.submissions[n % SUBMISSIONS];
}

// One in sixteen steps leaves the oldest submission and credit behind, so that
// there is always something new to do.
static void window_move(void)
{
    struct model_submission *s = submission_of(model.first_submission);

    if (pick(16))
        return;
    model.held_behind += s->state == SUBMISSION_HELD;
    memset(s, 0, sizeof(*s));
    model.first_submission++;
    model.credits[model.first_credit % CREDITS] = 0;
    model.first_credit++;
}

static int64_t available(unsigned customer)
{
    return model.balance_nano[customer] - model.pending_nano[customer] +
           (customer == CUSTOMERS - 1 ? credit_limit_nano : 0);
}

// ----------------------------------------------------------- the operations

static void credit_step(void)
{
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];
    uint64_t n = model.first_credit + pick(CREDITS);
    unsigned customer = n % CUSTOMERS; // so that a replay has the same
    int64_t amount = 1 + (int64_t)pick(20) * 500;
    int expected = 0;

    if (model.credits[n % CREDITS])
        expected = model.credits[n % CREDITS] == amount ? 0 : -EEXIST;
    CHECK(ledger_credit(f.ledger, id_of(n | 1ull << 60, id),
                        key_of(customer, key), amount, NULL, NULL,
                        &test_err) == expected);
    if (expected == 0 && !model.credits[n % CREDITS]) {
        model.credits[n % CREDITS] = amount;
        model.balance_nano[customer] += amount;
        model.cash_nano -= amount;
    }
}

static void hold_step(void)
{
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];
    uint64_t n = pick_submission();
    struct model_submission *s = submission_of(n);
    unsigned customer = pick(8) ? n % CUSTOMERS : pick(CUSTOMERS);
    int64_t amount = pick(4) ? (int64_t)pick(4) * (HOLD_MAX / 3) : 1;
    int expected = 0;

    if (s->state && (s->customer != customer || s->hold_nano != amount))
        expected = -EEXIST;
    else if (s->state == SUBMISSION_SETTLED)
        expected = -EALREADY;
    else if (s->state == SUBMISSION_VOID)
        expected = -ECANCELED;
    else if (!s->state && amount > available(customer) && amount > 0)
        expected = -EDQUOT;
    CHECK(ledger_hold(f.ledger, id_of(n, id), key_of(customer, key), amount,
                      &test_err) == expected);
    if (expected == 0 && !s->state) {
        s->state = SUBMISSION_HELD;
        s->customer = customer;
        s->hold_nano = amount;
        model.pending_nano[customer] += amount;
    }
}

// Of the test's card: 1 a start (record 1), 2 per 1000 ns, half to even.
static int64_t charge_of(const struct model_submission *s)
{
    uint64_t cpu_ns = 0;

    for (int seq = 1; seq <= RECORDS; seq++)
        cpu_ns += s->cpu_ns[seq];
    return (int64_t)(cpu_ns / 500) +
           (cpu_ns % 500 > 250 ||
            (cpu_ns % 500 == 250 && cpu_ns / 500 % 2 == 1)) +
           (s->cpu_ns[1] > 0);
}

// Always the same at the same arguments, whatever the time.
static struct usage_record fixed_record(uint64_t n, uint64_t seq,
                                        uint64_t cpu_ns)
{
    struct usage_record record = record_of(n, seq, cpu_ns);

    record.start_ns = n;
    record.end_ns = n + cpu_ns;
    return record;
}

// What adding a record must answer; adds it to the model if that is 0.
static int record_expect(struct model_submission *s, uint64_t seq,
                         uint64_t cpu_ns)
{
    if (!s->state)
        return -ENOENT;
    if (s->cpu_ns[seq])
        return s->cpu_ns[seq] == cpu_ns ? 0 : -EEXIST;
    if (s->state != SUBMISSION_HELD)
        return s->state == SUBMISSION_VOID ? -ECANCELED : -EALREADY;
    s->cpu_ns[seq] = cpu_ns;
    return 0;
}

static void record_step(void)
{
    uint64_t n = pick_submission(), seq = 1 + pick(RECORDS);
    uint64_t cpu_ns = 250 * (1 + n * 7 % 1500) + (pick(5) == 0);
    struct usage_record record = fixed_record(n, seq, cpu_ns);
    int expected = record_expect(submission_of(n), seq, cpu_ns);

    CHECK(ledger_usage_record_add(f.ledger, &record, &test_err) == expected);
}

static void settle_expect(struct model_submission *s)
{
    int64_t charge = charge_of(s);

    s->state = SUBMISSION_SETTLED;
    s->billed_nano = charge < s->hold_nano ? charge : s->hold_nano;
    s->written_off_nano = charge - s->billed_nano;
    model.pending_nano[s->customer] -= s->hold_nano;
    model.balance_nano[s->customer] -= s->billed_nano;
    model.revenue_nano += charge;
    model.write_off_nano -= s->written_off_nano;
}

static void settle_step(void)
{
    uint64_t n = pick_submission();
    struct model_submission *s = submission_of(n);
    bool with_last = pick(2);
    struct usage_record last = fixed_record(n, RECORDS, 123456);
    struct submission_books books;
    uint8_t id[LEDGER_ID_SIZE];
    int expected = 0;

    if (!s->state)
        expected = -ENOENT;
    else if (s->state == SUBMISSION_VOID)
        expected = -ECANCELED;
    else if (s->state == SUBMISSION_HELD && with_last)
        expected = record_expect(s, RECORDS, 123456);
    CHECK(ledger_settle(f.ledger, id_of(n, id), with_last ? &last : NULL,
                        &books, &test_err) == expected);
    if (expected)
        return;
    if (s->state == SUBMISSION_HELD)
        settle_expect(s);
    CHECK(books.billed_nano == s->billed_nano);
    CHECK(books.written_off_nano == s->written_off_nano);
}

static void void_step(void)
{
    uint64_t n = pick_submission();
    struct model_submission *s = submission_of(n);
    uint8_t id[LEDGER_ID_SIZE];
    bool used = false;
    int expected = 0;

    for (int seq = 1; seq <= RECORDS; seq++)
        used |= s->cpu_ns[seq] > 0;
    if (!s->state)
        expected = -ENOENT;
    else if (s->state == SUBMISSION_SETTLED)
        expected = -EALREADY;
    else if (s->state == SUBMISSION_HELD && used)
        expected = -EINVAL;
    CHECK(ledger_void(f.ledger, id_of(n, id), &test_err) == expected);
    if (expected == 0 && s->state == SUBMISSION_HELD) {
        s->state = SUBMISSION_VOID;
        model.pending_nano[s->customer] -= s->hold_nano;
    }
}

static void step(void)
{
    window_move();
    switch (pick(16)) {
    case 0 ... 1:
        credit_step();
        break;
    case 2 ... 6:
        hold_step();
        break;
    case 7 ... 11:
        record_step();
        break;
    case 12 ... 14:
        settle_step();
        break;
    default:
        void_step();
    }
}

// -------------------------------------------------------------- comparisons

static int account_compare(const struct account *account, void *arg)
{
    unsigned *customers = arg, customer;
    int64_t balance = account_balance_nano(account);

    switch (account->kind) {
    case ACCOUNT_CUSTOMER:
        customer = account->key[0];
        CHECK(balance == model.balance_nano[customer]);
        CHECK(account->debits_pending_nano == model.pending_nano[customer]);
        CHECK(account_available_nano(account) >= 0);
        ++*customers;
        break;
    case ACCOUNT_CASH:
        CHECK(balance == model.cash_nano);
        break;
    case ACCOUNT_REVENUE:
        CHECK(balance == model.revenue_nano);
        break;
    case ACCOUNT_WRITE_OFF:
        CHECK(balance == model.write_off_nano);
        break;
    }
    return 0;
}

static void compare(void)
{
    int64_t sum = model.cash_nano + model.revenue_nano + model.write_off_nano;
    unsigned customers = 0;

    for (int i = 0; i < CUSTOMERS; i++)
        sum += model.balance_nano[i];
    CHECK(sum == 0);
    OK(ledger_account_list(f.ledger, account_compare, &customers, &test_err));
    CHECK(customers == CUSTOMERS);
}

static int held_count(const struct submission_books *books, void *arg)
{
    uint64_t n;

    memcpy(&n, books->submission_id, sizeof(n));
    if (n >= model.first_submission)
        CHECK(submission_of(n)->state == SUBMISSION_HELD);
    ++*(uint64_t *)arg;
    return 0;
}

static void audit(void)
{
    struct audit_result result;
    uint64_t held = model.held_behind, listed = 0;

    for (int i = 0; i < SUBMISSIONS; i++)
        held += model.submissions[i].state == SUBMISSION_HELD;
    OK(ledger_held_list(f.ledger, held_count, &listed, &test_err));
    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
    CHECK(result.held == held && listed == held);
}

// ------------------------------------------------------------------- groups

static void group(uint64_t operations)
{
    OK(ledger_begin(f.ledger, &test_err));
    while (operations--)
        step();
    if (pick(4) == 0)
        OK(ledger_batch_seal(f.ledger, NULL, &test_err));
    if (pick(5) == 0) {
        ledger_rollback(f.ledger);
        model = committed;
    } else {
        OK(ledger_commit(f.ledger, &test_err));
        committed = model;
    }
    test_now_ns += pick(2000000000);
}

static void run(uint64_t seed, uint64_t operations)
{
    state = seed;
    memset(&model, 0, sizeof(model));
    committed = model;
    fixture_start(&f);
    for (int i = 0; i < CUSTOMERS; i++) {
        uint8_t key[LEDGER_KEY_SIZE];

        ALONE(&f,
              ledger_account_open(f.ledger, key_of(i, key), "customer", "EUR",
                                  i == CUSTOMERS - 1 ? credit_limit_nano : 0,
                                  NULL, &test_err));
    }
    for (uint64_t done = 0, groups = 0; done < operations; groups++) {
        uint64_t size = 1 + pick(40);

        group(size);
        done += size;
        if (groups % 8 == 0)
            compare();
        // Each audit reads the whole log: rarely in long runs.
        if (groups % (operations / 100 + 1) == 0)
            audit();
        if (pick(50) == 0) {
            ledger_close(f.ledger);
            fixture_open(&f);
        }
    }
    seal(&f);
    compare();
    audit();
    fixture_end(&f);
}

int main(int argc, char **argv)
{
    uint64_t operations = argc > 2 ? strtoull(argv[2], NULL, 0) : 6000;

    if (argc > 1) {
        run(strtoull(argv[1], NULL, 0), operations);
        return 0;
    }
    for (uint64_t seed = 1; seed <= 3; seed++) {
        printf("seed %" PRIu64 "\n", seed);
        run(seed, operations);
    }
    return 0;
}
