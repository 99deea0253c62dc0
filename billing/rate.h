// SPDX-License-Identifier: ISC
// Rating: usage times rate card gives lines of money. Quotes, bills, receipts
// and exports all come from rate_usage; the rounding rule is in ratecard.h.
#ifndef BILLING_RATE_H
#define BILLING_RATE_H

#include <stddef.h>
#include <stdint.h>
#include "billing/ratecard.h"
#include "billing/usage.h"

#define RATE_LINES_MAX (SKU_END - 1)

struct rate_line {
    enum sku sku;
    uint64_t quantity;   // in the SKU's unit
    int64_t amount_nano; // of the card's currency, never negative
};

// A quote's or a bill's lines: SKUs that the card lists and whose quantity is
// not zero, in the order of enum sku.
struct rated {
    size_t line_count;
    struct rate_line lines[RATE_LINES_MAX];
    int64_t total_nano; // sum of the lines
};

// What a submission may consume at most, from its manifest and the node's
// limits. A figure that does not apply is 0.
struct budget {
    uint64_t starts; // 1 unless the submission is a build only
    uint64_t builds; // 0 for ready images
    uint64_t cpu_ns;
    uint64_t wall_ns;
    uint64_t build_cpu_ns;
    uint64_t mem_kib;
    uint64_t net_rx_bytes;
    uint64_t net_tx_bytes;
    uint64_t net_packets;
    uint64_t disk_bytes;
    uint64_t disk_ops;
    uint64_t console_bytes;
    uint64_t storage_kib_ms;
};

// How much of an SKU a usage amounts to. 0 or -EOVERFLOW.
int rate_quantity(enum sku sku, const struct usage *usage, uint64_t *quantity);

// 0, or -EOVERFLOW if an amount or the total exceeds INT64_MAX nano-units.
int rate_usage(const struct ratecard *card, const struct usage *usage,
               struct rated *out, struct err *e);

// The largest usage that a budget permits.
int rate_budget_usage(const struct budget *budget, struct usage *usage,
                      struct err *e);

// What a submission costs at most: rate_usage of rate_budget_usage. This is
// also the amount to hold.
int rate_quote(const struct ratecard *card, const struct budget *budget,
               struct rated *out, struct err *e);

// "-12.000345678" from nano-units: at least two decimals, no trailing zeros
// beyond them. Returns `out`.
#define MONEY_TEXT_SIZE 32
// The other way: digits, then possibly a point and at most 9 decimals. 0 or -1.
int money_parse(const char *text, int64_t *amount_nano);
char *money_text(int64_t amount_nano, char out[MONEY_TEXT_SIZE]);

#endif
