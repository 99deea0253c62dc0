// SPDX-License-Identifier: ISC
// What must hold for every card and every usage: bounds of rounding, monotony,
// additivity; and a year of 1,000 customers, which closes to the nano-unit.
//
//     rate_property [SEED]
#include "tests/unit/ledger_fixture.h"
#include <time.h>
#include "billing/invoice.h"
#include "billing/rate.h"
#include "billing/tariff.h"

#define ROUNDS    30000
#define CUSTOMERS 1000
#define DAY_NS    (86400ull * 1000000000)

static uint64_t state;

static uint64_t pick(uint64_t limit)
{
    return draw(&state) % limit;
}

// Numbers of all sizes, the borders among them.
static uint64_t any(unsigned bits)
{
    uint64_t value = draw(&state) >> (64 - 1 - pick(bits));

    return pick(8) ? value : value ? value - 1 : 0;
}

static struct ratecard any_card(void)
{
    struct ratecard card = {
        .version = "t", .currency = "EUR", .rounding = 1 + pick(4)};

    for (enum sku sku = 1; sku < SKU_END; sku++)
        if (pick(4))
            card.prices[sku] =
                (struct price){.nano = any(30),
                               .per = 1 + any(30),
                               .listed = 1,
                               .included = pick(3) ? 0 : any(20),
                               .minimum_nano = pick(3) ? 0 : any(20)};
    return card;
}

static struct usage any_usage(void)
{
    return (struct usage){.starts = pick(2),
                          .cpu_ns = any(30),
                          .wall_ns = any(30),
                          .mem_reserved_kib_ms = any(25),
                          .mem_peak_kib = any(20),
                          .disk_read_bytes = any(30),
                          .disk_write_bytes = any(30),
                          .disk_ops = any(20),
                          .net_rx_bytes = any(30),
                          .net_tx_bytes = any(30),
                          .net_packets = any(20),
                          .storage_kib_ms = any(30),
                          .builds = pick(2),
                          .build_cpu_ns = any(30),
                          .console_bytes = any(30)};
}

// A line differs from the exact fraction by less than one nano-unit, in the
// direction that the mode says; nearest means by at most one half.
static void bounds_check(const struct ratecard *card,
                         const struct rate_line *line)
{
    const struct price *price = &card->prices[line->sku];
    __int128 beyond =
        line->quantity > price->included ? line->quantity - price->included : 0;
    // amount * per - exact, in per-ths of a nano-unit.
    __int128 error = (__int128)line->amount_nano * price->per -
                     beyond * (__int128)price->nano;

    if (beyond && line->amount_nano == (int64_t)price->minimum_nano)
        return; // raised to the minimum
    if (beyond)
        CHECK(line->amount_nano >= (int64_t)price->minimum_nano);
    switch (card->rounding) {
    case ROUND_DOWN:
        CHECK(error <= 0 && -error < price->per);
        break;
    case ROUND_UP:
        CHECK(error >= 0 && error < price->per);
        break;
    case ROUND_HALF_UP:
        CHECK(2 * error <= price->per && 2 * -error < price->per);
        break;
    case ROUND_HALF_EVEN:
        CHECK(2 * error <= price->per && 2 * -error <= price->per);
        if (2 * error == price->per || 2 * -error == price->per)
            CHECK(line->amount_nano % 2 == 0);
        break;
    }
}

static const struct rate_line *line_of(const struct rated *rated, enum sku sku)
{
    for (size_t i = 0; i < rated->line_count; i++)
        if (rated->lines[i].sku == sku)
            return &rated->lines[i];
    return NULL;
}

// More usage never costs less; what is added costs by itself the same, but for
// one nano-unit of rounding, where nothing is included and there is no minimum.
static void sum_check(const struct ratecard *card, const struct usage *a,
                      const struct rated *rated_a)
{
    struct usage b = any_usage(), both = *a;
    struct rated rated_b, rated_both;

    OK(usage_add(&both, &b));
    OK(rate_usage(card, &b, &rated_b, &test_err));
    OK(rate_usage(card, &both, &rated_both, &test_err));
    CHECK(rated_both.total_nano >= rated_a->total_nano);
    CHECK(rated_both.total_nano >= rated_b.total_nano);
    for (size_t i = 0; i < rated_both.line_count; i++) {
        const struct rate_line *line = &rated_both.lines[i];
        const struct rate_line *x = line_of(rated_a, line->sku);
        const struct rate_line *y = line_of(&rated_b, line->sku);
        const struct price *price = &card->prices[line->sku];
        int64_t parts = (x ? x->amount_nano : 0) + (y ? y->amount_nano : 0);

        if (line->sku == SKU_MEMORY_PEAK)
            continue; // a largest value times a sum
        CHECK(line->quantity == (x ? x->quantity : 0) + (y ? y->quantity : 0));
        if (!price->included && !price->minimum_nano)
            CHECK(llabs(line->amount_nano - parts) <= 1);
    }
}

static void properties_test(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct ratecard card = any_card();
        struct usage usage = any_usage();
        struct rated rated;
        int64_t total = 0;

        OK(rate_usage(&card, &usage, &rated, &test_err));
        for (size_t k = 0; k < rated.line_count; k++) {
            bounds_check(&card, &rated.lines[k]);
            total += rated.lines[k].amount_nano;
        }
        CHECK(total == rated.total_nano);
        sum_check(&card, &usage, &rated);
    }
}

// -------------------------------------------------------------------- tariffs

static char folder[] = "/tmp/hostel-tariff-XXXXXX";

static void card_write(const char *name, const char *more)
{
    char path[100];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    CHECK(file);
    fprintf(file,
            "version = \"%s\"\ncurrency = \"EUR\"\nrounding = \"up\"\n"
            "prices = [ \"sku=domain.cpu, unit=ns, price_nano=1, per=1000,"
            " included=500, minimum_nano=2\" ]\n%s",
            name, more);
    CHECK(fclose(file) == 0);
}

static void picked(const struct tariff *tariff, uint64_t customer,
                   const char *day, const char *version)
{
    const struct tariff_card *card;
    struct tm tm = {0};
    uint8_t key[32];

    CHECK(strptime(day, "%Y-%m-%d %H:%M", &tm));
    card = tariff_pick(tariff, key_of(customer, key), NULL,
                       (uint64_t)timegm(&tm) * 1000000000 + 5);
    CHECK(version ? card && !strcmp(card->card.version, version) : !card);
}

static void tariff_test(void)
{
    struct tariff tariff;
    char more[200], hex[65];
    uint8_t key[32];

    CHECK(mkdtemp(folder));
    sodium_bin2hex(hex, sizeof(hex), key_of(7, key), 32);
    card_write("a.cfg", "effective = \"2026-01-01\"\n");
    card_write("b.cfg", "effective = \"2026-06-01T12:00:00Z\"\n");
    snprintf(more, sizeof(more),
             "customer = \"%s\"\neffective = \"2026-03-01\"\n", hex);
    card_write("c.cfg", more);
    card_write("not-a-card", "");
    OK(tariff_load(&tariff, folder, &test_err));
    CHECK(tariff.count == 3);
    CHECK(tariff.cards[0].card.prices[SKU_DOMAIN_CPU].included == 500);
    picked(&tariff, 1, "2025-12-31 23:59", NULL);
    picked(&tariff, 1, "2026-01-01 00:00", "a.cfg");
    picked(&tariff, 1, "2026-06-01 11:59", "a.cfg");
    picked(&tariff, 1, "2026-06-01 12:00", "b.cfg");
    picked(&tariff, 7, "2026-02-28 23:59", "a.cfg");
    picked(&tariff, 7, "2026-03-01 00:00", "c.cfg");
    picked(&tariff, 7, "2027-01-01 00:00", "c.cfg");
    tariff_free(&tariff);

    card_write("d.cfg", "effective = \"2026-01-01\"\n");
    REFUSED(tariff_load(&tariff, folder, &test_err), EINVAL);
    CHECK(strstr(test_err.text, "effective at once"));
    tariff_free(&tariff);
    card_write("d.cfg", "effective = \"January\"\n");
    REFUSED(tariff_load(&tariff, folder, &test_err), EINVAL);
    CHECK(strstr(test_err.text, "effective is a day"));
    tariff_free(&tariff);
    snprintf(more, sizeof(more), "rm -r %s", folder);
    CHECK(system(more) == 0);
}

// ----------------------------------------------------------------- a year

struct customer {
    int64_t spent_nano; // by the year's own reckoning
    int64_t invoiced_nano;
};

static struct fixture f;
static struct customer customers[CUSTOMERS];
static int64_t written_off_nano;

// The test card again, by hand: 1 a start, 2 per 1000 ns and 1 per 3 KiB-ms,
// each line to even.
static int64_t exact_nano(uint64_t starts, uint64_t cpu_ns, uint64_t kib_ms)
{
    int64_t cpu = cpu_ns / 500, memory = kib_ms / 3;

    cpu += cpu_ns % 500 > 250 || (cpu_ns % 500 == 250 && cpu % 2);
    memory += kib_ms % 3 == 2;
    return starts + cpu + memory;
}

static void submission_run(uint64_t customer, uint64_t n)
{
    int64_t hold = 1 + pick(2000000), cost, billed;
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];
    uint64_t records = 1 + pick(2), cpu_ns = 0, kib_ms = 0;
    struct submission_books books;

    OK(ledger_hold(f.ledger, id_of(n, id), key_of(customer, key), hold,
                   &test_err));
    for (uint64_t seq = 1; seq <= records; seq++) {
        struct usage_record record = record_of(n, seq, pick(500000000));

        record.usage.mem_reserved_kib_ms = pick(100000);
        cpu_ns += record.usage.cpu_ns;
        kib_ms += record.usage.mem_reserved_kib_ms;
        OK(ledger_usage_record_add(f.ledger, &record, &test_err));
    }
    OK(ledger_settle(f.ledger, id, NULL, &books, &test_err));
    cost = exact_nano(1, cpu_ns, kib_ms);
    billed = cost < hold ? cost : hold;
    CHECK(books.charge_nano == cost && books.billed_nano == billed);
    customers[customer].spent_nano += billed;
    written_off_nano += cost - billed;
}

static void month_run(int month)
{
    for (uint64_t customer = 0; customer < CUSTOMERS; customer++) {
        if (customer % 100 == 0)
            OK(ledger_begin(f.ledger, &test_err));
        submission_run(customer, month * CUSTOMERS + customer);
        if (customer % 100 == 99) {
            OK(ledger_batch_seal(f.ledger, NULL, &test_err));
            OK(ledger_commit(f.ledger, &test_err));
            test_now_ns += DAY_NS;
        }
    }
    test_now_ns += 20 * DAY_NS;
}

static void invoices_add(uint64_t from_ns, uint64_t to_ns)
{
    uint8_t key[LEDGER_KEY_SIZE];
    json_t *invoice;

    for (uint64_t customer = 0; customer < CUSTOMERS; customer++) {
        OK(invoice_draft(f.ledger, key_of(customer, key), from_ns, to_ns, NULL,
                         &invoice, &test_err));
        customers[customer].invoiced_nano +=
            json_integer_value(json_object_get(invoice, "billed_nano"));
        json_decref(invoice);
    }
}

static int revenue_find(const struct account *account, void *arg)
{
    if (account->kind == ACCOUNT_REVENUE)
        *(int64_t *)arg = account_balance_nano(account);
    return 0;
}

static void year_test(void)
{
    const int64_t paid = 1000000000;
    int64_t total = 0, revenue = 0;
    struct audit_result result;
    uint64_t from_ns;

    fixture_start(&f);
    for (uint64_t customer = 0; customer < CUSTOMERS; customer++) {
        uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE];

        if (customer % 500 == 0)
            OK(ledger_begin(f.ledger, &test_err));
        OK(ledger_account_open(f.ledger, key_of(customer, key), "customer",
                               "EUR", 0, NULL, &test_err));
        OK(ledger_credit(f.ledger, id_of(customer | 1ull << 60, id), key, paid,
                         NULL, NULL, &test_err));
        if (customer % 500 == 499)
            OK(ledger_commit(f.ledger, &test_err));
    }
    for (int month = 0; month < 12; month++) {
        from_ns = test_now_ns;
        month_run(month);
        invoices_add(from_ns, test_now_ns);
    }
    for (uint64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct account account = account_of(&f, customer);
        const struct customer *c = &customers[customer];

        CHECK(account.debits_posted_nano == c->spent_nano);
        CHECK(account_balance_nano(&account) == paid - c->spent_nano);
        CHECK(c->invoiced_nano == c->spent_nano);
        total += c->spent_nano;
    }
    OK(ledger_account_list(f.ledger, revenue_find, &revenue, &test_err));
    CHECK(revenue == total + written_off_nano && written_off_nano > 0);
    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
    CHECK(result.settlements == 12 * CUSTOMERS);
    fixture_end(&f);
}

int main(int argc, char **argv)
{
    state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    CHECK(sodium_init() >= 0);
    properties_test();
    tariff_test();
    year_test();
    return 0;
}
