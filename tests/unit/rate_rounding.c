// SPDX-License-Identifier: ISC
// Rating: each rounding mode at each kind of remainder, against slow exact
// arithmetic; overflow; monotony; quotes bound bills; money as text.
#include "tests/unit/ledger_fixture.h"
#include "billing/rate.h"

static struct ratecard card_of(enum rounding rounding, uint64_t nano,
                               uint64_t per)
{
    struct ratecard card = {
        .version = "t", .currency = "EUR", .rounding = rounding};

    card.prices[SKU_DOMAIN_CPU] =
        (struct price){.nano = nano, .per = per, .listed = 1};
    return card;
}

static int64_t cost(enum rounding rounding, uint64_t quantity, uint64_t nano,
                    uint64_t per)
{
    struct ratecard card = card_of(rounding, nano, per);
    struct usage usage = {.cpu_ns = quantity};
    struct rated rated;

    OK(rate_usage(&card, &usage, &rated, &test_err));
    CHECK(rated.line_count == (quantity > 0));
    return rated.total_nano;
}

static void modes_test(void)
{
    // Quarters: 0, 1/4, 1/2, 3/4 above an even and an odd number.
    static const int64_t down[] = {0, 0, 0, 0, 1, 1, 1, 1, 2};
    static const int64_t up[] = {0, 1, 1, 1, 1, 2, 2, 2, 2};
    static const int64_t half_up[] = {0, 0, 1, 1, 1, 1, 2, 2, 2};
    static const int64_t half_even[] = {0, 0, 0, 1, 1, 1, 2, 2, 2};

    for (uint64_t quarter = 0; quarter <= 8; quarter++) {
        CHECK(cost(ROUND_DOWN, quarter, 1, 4) == down[quarter]);
        CHECK(cost(ROUND_UP, quarter, 1, 4) == up[quarter]);
        CHECK(cost(ROUND_HALF_UP, quarter, 1, 4) == half_up[quarter]);
        CHECK(cost(ROUND_HALF_EVEN, quarter, 1, 4) == half_even[quarter]);
    }
    // An odd denominator has no half.
    CHECK(cost(ROUND_HALF_EVEN, 1, 1, 3) == 0);
    CHECK(cost(ROUND_HALF_EVEN, 2, 1, 3) == 1);
}

static void extremes_test(void)
{
    struct ratecard card = card_of(ROUND_UP, UINT64_MAX, UINT64_MAX);
    struct usage usage = {.cpu_ns = INT64_MAX};
    struct rated rated;

    OK(rate_usage(&card, &usage, &rated, &test_err));
    CHECK(rated.total_nano == INT64_MAX);
    usage.cpu_ns++;
    REFUSED(rate_usage(&card, &usage, &rated, &test_err), EOVERFLOW);
    CHECK(strstr(test_err.text, "domain.cpu"));
    // Each line fits, their sum does not.
    usage.cpu_ns = INT64_MAX;
    usage.starts = 1;
    card.prices[SKU_START_FEE] =
        (struct price){.nano = 1, .per = 1, .listed = 1};
    REFUSED(rate_usage(&card, &usage, &rated, &test_err), EOVERFLOW);
    // Memory x time that no 64 bits hold.
    card = card_of(ROUND_UP, 1, 1);
    card.prices[SKU_MEMORY_PEAK] = (struct price){.per = 1, .listed = 1};
    usage = (struct usage){.mem_peak_kib = UINT64_MAX, .wall_ns = UINT64_MAX};
    REFUSED(rate_usage(&card, &usage, &rated, &test_err), EOVERFLOW);
    CHECK(usage_kib_ms(1024, 1500000) == 1536);
    CHECK(usage_kib_ms(1, 999999) == 0);
    CHECK(usage_kib_ms(UINT64_MAX, 1000000) == UINT64_MAX);
}

static void usage_test(void)
{
    struct usage total = {.cpu_ns = 5, .mem_peak_kib = 7, .disk_ops = 1};
    struct usage more = {.cpu_ns = 6, .mem_peak_kib = 3, .mem_reserved_kib = 9};
    struct usage before;

    OK(usage_add(&total, &more));
    CHECK(total.cpu_ns == 11 && total.mem_peak_kib == 7 &&
          total.mem_reserved_kib == 9 && total.disk_ops == 1);
    before = total;
    more.storage_kib_ms = 1;
    total.storage_kib_ms = before.storage_kib_ms = UINT64_MAX;
    CHECK(usage_add(&total, &more) == -EOVERFLOW);
    CHECK(memcmp(&total, &before, sizeof(total)) == 0);
}

// Each figure of a usage costs what its SKUs say, and nothing else does.
static void skus_test(void)
{
    static const struct {
        struct usage usage;
        enum sku sku, also; // also: 0, or a second line
        uint64_t quantity, also_quantity;
    } cases[] = {
        {{.starts = 7}, SKU_START_FEE, 0, 7, 0},
        {{.builds = 7}, SKU_BUILD_FEE, 0, 7, 0},
        {{.build_cpu_ns = 7}, SKU_BUILD_CPU, 0, 7, 0},
        {{.cpu_ns = 7}, SKU_DOMAIN_CPU, 0, 7, 0},
        {{.wall_ns = 7}, SKU_DOMAIN_WALL, 0, 7, 0},
        {{.wall_ns = 3000000, .mem_peak_kib = 7},
         SKU_DOMAIN_WALL,
         SKU_MEMORY_PEAK,
         3000000,
         21},
        {{.mem_reserved_kib_ms = 7}, SKU_MEMORY_RESERVED, 0, 7, 0},
        {{.net_rx_bytes = 7}, SKU_NET_RX_BYTES, 0, 7, 0},
        {{.net_tx_bytes = 7}, SKU_NET_TX_BYTES, 0, 7, 0},
        {{.net_packets = 7}, SKU_NET_PACKETS, 0, 7, 0},
        {{.disk_read_bytes = 7}, SKU_DISK_BYTES, 0, 7, 0},
        {{.disk_read_bytes = 7, .disk_write_bytes = 4},
         SKU_DISK_BYTES,
         0,
         11,
         0},
        {{.disk_ops = 7}, SKU_DISK_OPS, 0, 7, 0},
        {{.console_bytes = 7}, SKU_CONSOLE_BYTES, 0, 7, 0},
        {{.storage_kib_ms = 7}, SKU_STORAGE, 0, 7, 0},
        {{.build_wall_ns = 7, .mem_reserved_kib = 7}, 0, 0, 0, 0}, // reported
    };
    struct ratecard card = {.rounding = ROUND_HALF_EVEN};
    uint32_t seen = 0;

    for (enum sku sku = 1; sku < SKU_END; sku++)
        card.prices[sku] =
            (struct price){.nano = 1000 + sku, .per = 1, .listed = 1};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t lines = (cases[i].sku != 0) + (cases[i].also != 0);
        struct rated rated;

        OK(rate_usage(&card, &cases[i].usage, &rated, &test_err));
        CHECK(rated.line_count == lines);
        CHECK(rated.total_nano ==
              (int64_t)(cases[i].quantity * (1000 + cases[i].sku) +
                        cases[i].also_quantity * (1000 + cases[i].also)));
        for (size_t k = 0; k < lines; k++) {
            CHECK(rated.lines[k].sku == (k ? cases[i].also : cases[i].sku));
            seen |= 1u << rated.lines[k].sku;
        }
    }
    CHECK(seen == (1u << SKU_END) - 2); // none was left out
}

static uint64_t small(uint64_t *state, uint64_t limit)
{
    return draw(state) % limit;
}

// A bill inside its budget never exceeds the quote, for any card and mode.
static void quote_test(uint64_t seed)
{
    for (int round = 0; round < 20000; round++) {
        struct ratecard card = {.rounding = 1 + small(&seed, 4)};
        struct budget budget = {
            .starts = small(&seed, 2),
            .builds = small(&seed, 2),
            .cpu_ns = small(&seed, 1000000),
            .wall_ns = small(&seed, 1u << 31),
            .build_cpu_ns = small(&seed, 1000000),
            .mem_kib = small(&seed, 1 << 20),
            .disk_bytes = small(&seed, 100000),
            .console_bytes = small(&seed, 100000),
        };
        struct usage used;
        struct rated quote, bill;

        for (enum sku sku = 1; sku < SKU_END; sku++)
            card.prices[sku] = (struct price){
                .nano = small(&seed, 1000),
                .per = 1 + small(&seed, 1000),
                .listed = small(&seed, 2),
                .included = small(&seed, 2) ? small(&seed, 100000) : 0,
                .minimum_nano = small(&seed, 2) ? small(&seed, 1000) : 0};
        OK(rate_quote(&card, &budget, &quote, &test_err));
        used = (struct usage){
            .starts = small(&seed, budget.starts + 1),
            .builds = small(&seed, budget.builds + 1),
            .cpu_ns = small(&seed, budget.cpu_ns + 1),
            .wall_ns = small(&seed, budget.wall_ns + 1),
            .build_cpu_ns = small(&seed, budget.build_cpu_ns + 1),
            .mem_reserved_kib = budget.mem_kib,
            .mem_peak_kib = small(&seed, budget.mem_kib + 1),
            .console_bytes = small(&seed, budget.console_bytes + 1),
        };
        used.mem_reserved_kib_ms =
            usage_kib_ms(used.mem_reserved_kib, used.wall_ns);
        used.disk_read_bytes = small(&seed, budget.disk_bytes + 1);
        used.disk_write_bytes = budget.disk_bytes - used.disk_read_bytes;
        OK(rate_usage(&card, &used, &bill, &test_err));
        CHECK(bill.total_nano <= quote.total_nano);
    }
}

static void money_test(void)
{
    char text[MONEY_TEXT_SIZE];

    CHECK(!strcmp(money_text(0, text), "0.00"));
    CHECK(!strcmp(money_text(1, text), "0.000000001"));
    CHECK(!strcmp(money_text(1500000000, text), "1.50"));
    CHECK(!strcmp(money_text(-12345678901, text), "-12.345678901"));
    CHECK(!strcmp(money_text(7000000, text), "0.007"));
    CHECK(!strcmp(money_text(INT64_MIN, text), "-9223372036.854775808"));
}

int main(void)
{
    modes_test();
    extremes_test();
    usage_test();
    skus_test();
    quote_test(1);
    money_test();
    return 0;
}
