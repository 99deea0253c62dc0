// SPDX-License-Identifier: ISC
// Random operations against the ledger and against a model of a few arrays.
// The model predicts each answer, refusals included; groups are committed or
// rolled back, the ledger is closed and opened in between; balances are
// compared throughout and the whole is audited.
//
// Usage records come late, notes are made, terms change, invoices are issued.
//
//     ledger_model [SEED [OPERATIONS]]
//
// HOSTEL_MODEL_OPERATIONS in the environment is the number of operations of
// each of the three seeds, 6,000 unless it is set.
#include "tests/unit/ledger_fixture.h"
#include "billing/invoice.h"

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
    uint64_t settled_ns;
};

// What an account was charged since its last invoice.
struct model_invoice {
    int64_t ripe_nano, young_nano; // before the group at hand, and in it
    unsigned ripe, young;          // how many settlements and notes
    uint64_t to_ns;                // of the last one
};

struct model {
    int64_t balance_nano[CUSTOMERS];
    int64_t pending_nano[CUSTOMERS];
    int64_t limit_nano[CUSTOMERS];
    struct model_invoice invoices[CUSTOMERS];
    uint64_t invoice_count, next_note, low_count;
    int64_t cash_nano, revenue_nano, write_off_nano, tax_nano;
    // By number modulo the window, which begins at `first`: what lies behind it
    // is over, or stays held for ever.
    uint64_t first_credit, first_submission, held_behind;
    int64_t credits[CREDITS]; // 0: not made
    struct model_submission submissions[SUBMISSIONS];
};

// The last of the customers may owe this much, at first.
static const int64_t credit_limit_nano = 5000;
#define LIMIT_MAX 9000

static struct invoice_terms terms;

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
           model.limit_nano[customer];
}

// Something for the next invoice.
static void charge_note(unsigned customer, int64_t amount)
{
    model.invoices[customer].young_nano += amount;
    model.invoices[customer].young++;
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
    if (s->state == SUBMISSION_VOID)
        return -ECANCELED;
    if (s->state == SUBMISSION_SETTLED &&
        test_now_ns >= s->settled_ns + LEDGER_LATE_NS)
        return -EALREADY;
    s->cpu_ns[seq] = cpu_ns;
    return 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// What a record after the settlement moves: as much as the hold had room for,
// and the account has money.
static void late_expect(struct model_submission *s)
{
    int64_t more = charge_of(s) - s->billed_nano - s->written_off_nano;
    int64_t room = available(s->customer);
    int64_t billed = least(more, s->hold_nano - s->billed_nano);

    billed = least(billed, room > 0 ? room : 0);
    s->billed_nano += billed;
    s->written_off_nano += more - billed;
    model.balance_nano[s->customer] -= billed;
    model.revenue_nano += more;
    model.write_off_nano -= more - billed;
    charge_note(s->customer, billed);
}

static void record_step(void)
{
    uint64_t n = pick_submission(), seq = 1 + pick(RECORDS);
    uint64_t cpu_ns = 250 * (1 + n * 7 % 1500) + (pick(5) == 0);
    struct usage_record record = fixed_record(n, seq, cpu_ns);
    struct model_submission *s = submission_of(n);
    bool before = s->cpu_ns[seq] > 0;
    int expected = record_expect(s, seq, cpu_ns);

    CHECK(ledger_usage_record_add(f.ledger, &record, &test_err) == expected);
    if (expected == 0 && !before && s->state == SUBMISSION_SETTLED)
        late_expect(s);
}

static void settle_expect(struct model_submission *s)
{
    int64_t charge = charge_of(s);

    s->state = SUBMISSION_SETTLED;
    s->settled_ns = test_now_ns;
    s->billed_nano = charge < s->hold_nano ? charge : s->hold_nano;
    s->written_off_nano = charge - s->billed_nano;
    model.pending_nano[s->customer] -= s->hold_nano;
    model.balance_nano[s->customer] -= s->billed_nano;
    model.revenue_nano += charge;
    model.write_off_nano -= s->written_off_nano;
    charge_note(s->customer, s->billed_nano);
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

static void note_step(void)
{
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];
    unsigned customer = pick(CUSTOMERS);
    int64_t amount = 1 + (int64_t)pick(400) - 200;
    int expected = amount ? 0 : -EINVAL;

    if (amount < 0 && -amount > available(customer))
        expected = -EDQUOT;
    CHECK(ledger_correct(f.ledger, id_of(++model.next_note | 1ull << 61, id),
                         key_of(customer, key), amount, NULL, "a note", NULL,
                         &test_err) == expected);
    if (expected)
        return;
    model.balance_nano[customer] += amount;
    model.revenue_nano -= amount;
    charge_note(customer, -amount);
}

static void change_step(void)
{
    uint8_t key[LEDGER_KEY_SIZE];
    unsigned customer = pick(CUSTOMERS);
    int64_t limit = customer == CUSTOMERS - 1 ? (int64_t)pick(LIMIT_MAX) : 0;

    OK(ledger_account_change(f.ledger, key_of(customer, key), "customer", limit,
                             (int64_t)pick(3) * 2000, NULL, &test_err));
    model.limit_nano[customer] = limit;
}

// Of the test's terms: 19 % of it are in the amount, half up.
static int64_t tax_of(int64_t amount)
{
    int64_t tax = (2 * (amount < 0 ? -amount : amount) * 190000 + 1190000) /
                  (2 * 1190000);

    return amount < 0 ? -tax : tax;
}

static void invoice_step(void)
{
    uint8_t key[LEDGER_KEY_SIZE];
    unsigned customer = pick(CUSTOMERS);
    struct model_invoice *m = &model.invoices[customer];
    int expected = m->to_ns == test_now_ns || m->ripe ? 0 : -ENOENT;
    uint64_t number = 0;

    CHECK(invoice_issue(f.ledger, key_of(customer, key), test_now_ns, &terms,
                        &number, &test_err) == expected);
    if (expected || m->to_ns == test_now_ns)
        return;
    CHECK(number == ++model.invoice_count);
    model.revenue_nano -= tax_of(m->ripe_nano);
    model.tax_nano += tax_of(m->ripe_nano);
    m->to_ns = test_now_ns;
    m->ripe_nano = m->ripe = 0;
}

static void step(void)
{
    window_move();
    if (pick(64) == 0)
        note_step();
    if (pick(128) == 0)
        change_step();
    if (pick(128) == 0)
        invoice_step();
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
        CHECK(account->credit_limit_nano == model.limit_nano[customer]);
        CHECK(account_available_nano(account) >=
              (customer == CUSTOMERS - 1 ? -LIMIT_MAX : 0));
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
    case ACCOUNT_TAX:
        CHECK(balance == model.tax_nano);
        break;
    }
    return 0;
}

static void compare(void)
{
    int64_t sum = model.cash_nano + model.revenue_nano + model.write_off_nano +
                  model.tax_nano;
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
    CHECK(result.invoices == model.invoice_count);
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
}

// Time goes on, sometimes by more than late usage records are waited for.
static void time_pass(uint64_t operations)
{
    uint64_t by_ns = 1 + pick(2000000000);

    if (pick(operations / 60 + 1) == 0)
        by_ns = LEDGER_LATE_NS / 2 + pick(LEDGER_LATE_NS);
    test_now_ns += by_ns;
    for (int i = 0; i < CUSTOMERS; i++) {
        struct model_invoice *m = &model.invoices[i];

        m->ripe_nano += m->young_nano;
        m->ripe += m->young;
        m->young_nano = m->young = 0;
    }
    committed = model;
}

static void run(uint64_t seed, uint64_t operations)
{
    state = seed;
    memset(&model, 0, sizeof(model));
    model.limit_nano[CUSTOMERS - 1] = credit_limit_nano;
    committed = model;
    terms = (struct invoice_terms){
        .taxes_included = true,
        .rounding = ROUND_HALF_UP,
        .rule_count = 1,
        .rules = {{.name = "VAT", .rate_ppm = 190000}},
    };
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
        time_pass(operations);
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
    const char *set = getenv("HOSTEL_MODEL_OPERATIONS");
    uint64_t operations = argc > 2 ? strtoull(argv[2], NULL, 0)
                          : set    ? strtoull(set, NULL, 0)
                                   : 6000;

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
