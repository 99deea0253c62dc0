// SPDX-License-Identifier: ISC
// Rating.
#include "billing/rate.h"

#include <stdio.h>
#include <string.h>

// UINT64_MAX stands for what does not fit, as in usage_kib_ms.
static uint64_t add(uint64_t a, uint64_t b)
{
    return __builtin_add_overflow(a, b, &a) ? UINT64_MAX : a;
}

static uint64_t quantity_of(enum sku sku, const struct usage *u)
{
    switch (sku) {
    case SKU_START_FEE:
        return u->starts;
    case SKU_BUILD_FEE:
        return u->builds;
    case SKU_BUILD_CPU:
        return u->build_cpu_ns;
    case SKU_DOMAIN_CPU:
        return u->cpu_ns;
    case SKU_DOMAIN_WALL:
        return u->wall_ns;
    case SKU_MEMORY_RESERVED:
        return u->mem_reserved_kib_ms;
    case SKU_MEMORY_PEAK:
        return usage_kib_ms(u->mem_peak_kib, u->wall_ns);
    case SKU_NET_RX_BYTES:
        return u->net_rx_bytes;
    case SKU_NET_TX_BYTES:
        return u->net_tx_bytes;
    case SKU_NET_PACKETS:
        return u->net_packets;
    case SKU_DISK_BYTES:
        return add(u->disk_read_bytes, u->disk_write_bytes);
    case SKU_DISK_OPS:
        return u->disk_ops;
    case SKU_CONSOLE_BYTES:
        return u->console_bytes;
    case SKU_STORAGE:
        return u->storage_kib_ms;
    case SKU_END:
        break;
    }
    return UINT64_MAX;
}

int rate_quantity(enum sku sku, const struct usage *usage, uint64_t *quantity)
{
    *quantity = quantity_of(sku, usage);
    return *quantity == UINT64_MAX ? -EOVERFLOW : 0;
}

// quantity * price, rounded once. The product of two 64-bit numbers fits.
static int line_amount(const struct price *price, enum rounding rounding,
                       uint64_t quantity, int64_t *amount_nano)
{
    uint64_t beyond =
        quantity > price->included ? quantity - price->included : 0;
    unsigned __int128 exact = (unsigned __int128)beyond * price->nano;
    unsigned __int128 whole = exact / price->per;
    unsigned __int128 rest = exact % price->per;
    int up = 0;

    switch (rounding) {
    case ROUND_DOWN:
        break;
    case ROUND_UP:
        up = rest > 0;
        break;
    case ROUND_HALF_UP:
        up = 2 * rest >= price->per;
        break;
    case ROUND_HALF_EVEN:
        up = 2 * rest > price->per || (2 * rest == price->per && (whole & 1));
        break;
    }
    whole += up;
    if (beyond && whole < price->minimum_nano)
        whole = price->minimum_nano;
    if (whole > INT64_MAX)
        return -EOVERFLOW;
    *amount_nano = (int64_t)whole;
    return 0;
}

int rate_usage(const struct ratecard *card, const struct usage *usage,
               struct rated *out, struct err *e)
{
    memset(out, 0, sizeof(*out));
    for (enum sku sku = 1; sku < SKU_END; sku++) {
        struct rate_line line = {.sku = sku};

        if (!card->prices[sku].listed)
            continue;
        if (rate_quantity(sku, usage, &line.quantity) < 0 ||
            line_amount(&card->prices[sku], card->rounding, line.quantity,
                        &line.amount_nano) < 0 ||
            __builtin_add_overflow(out->total_nano, line.amount_nano,
                                   &out->total_nano))
            return err_set(e, EOVERFLOW, "the charge for %s is too large",
                           sku_info(sku)->name);
        if (line.quantity)
            out->lines[out->line_count++] = line;
    }
    return 0;
}

int rate_budget_usage(const struct budget *budget, struct usage *usage,
                      struct err *e)
{
    *usage = (struct usage){
        .starts = budget->starts,
        .builds = budget->builds,
        .cpu_ns = budget->cpu_ns,
        .wall_ns = budget->wall_ns,
        .build_cpu_ns = budget->build_cpu_ns,
        .mem_reserved_kib = budget->mem_kib,
        .mem_reserved_kib_ms = usage_kib_ms(budget->mem_kib, budget->wall_ns),
        .mem_peak_kib = budget->mem_kib,
        .net_rx_bytes = budget->net_rx_bytes,
        .net_tx_bytes = budget->net_tx_bytes,
        .net_packets = budget->net_packets,
        // One SKU for both directions: which field carries it is the same.
        .disk_write_bytes = budget->disk_bytes,
        .disk_ops = budget->disk_ops,
        .console_bytes = budget->console_bytes,
        .storage_kib_ms = budget->storage_kib_ms,
    };
    if (usage->mem_reserved_kib_ms == UINT64_MAX)
        return err_set(e, EOVERFLOW, "memory x wall time is too large");
    return 0;
}

int rate_quote(const struct ratecard *card, const struct budget *budget,
               struct rated *out, struct err *e)
{
    struct usage usage;
    int r = rate_budget_usage(budget, &usage, e);

    return r < 0 ? r : rate_usage(card, &usage, out, e);
}

char *money_text(int64_t amount_nano, char out[MONEY_TEXT_SIZE])
{
    uint64_t value =
        amount_nano < 0 ? -(uint64_t)amount_nano : (uint64_t)amount_nano;
    int n = snprintf(out, MONEY_TEXT_SIZE, "%s%llu.%09llu",
                     amount_nano < 0 ? "-" : "",
                     (unsigned long long)(value / 1000000000),
                     (unsigned long long)(value % 1000000000));
    int shortest = n - 7; // two decimals stay

    while (n > shortest && out[n - 1] == '0')
        out[--n] = '\0';
    return out;
}

int money_parse(const char *text, int64_t *amount_nano)
{
    int64_t value = 0;
    int decimals = -1; // after the point

    if (*text < '0' || *text > '9')
        return -1;
    for (; *text; text++) {
        if (*text == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || decimals == 9 ||
            __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *text - '0', &value))
            return -1;
        decimals += decimals >= 0;
    }
    if (decimals == 0)
        return -1;
    for (int i = decimals < 0 ? 0 : decimals; i < 9; i++)
        if (__builtin_mul_overflow(value, 10, &value))
            return -1;
    *amount_nano = value;
    return 0;
}
