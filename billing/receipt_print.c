// SPDX-License-Identifier: ISC
// A verified receipt for people and programs.
#include "billing/receipt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/table.h"
#include "billing/merkle.h"
#include "billing/when.h"

static void line_print(const char *name, const char *value, FILE *out)
{
    fprintf(out, "%-12s %s\n", name, value);
}

static void money_print(const char *name, int64_t amount_nano,
                        const char *currency, FILE *out)
{
    char money[MONEY_TEXT_SIZE];

    fprintf(out, "%-12s %s %s\n", name, money_text(amount_nano, money),
            currency);
}

static void lines_print(const struct receipt_report *report, FILE *out)
{
    struct table *table = table_new("SKU,>QUANTITY,UNIT,>AMOUNT");

    if (!table)
        return;
    for (size_t i = 0; i < report->rated.line_count; i++) {
        const struct rate_line *line = &report->rated.lines[i];
        const struct sku_info *sku = sku_info(line->sku);
        char quantity[24], money[MONEY_TEXT_SIZE];

        snprintf(quantity, sizeof(quantity), "%" PRIu64, line->quantity);
        table_row(table, sku->name, quantity, sku->unit,
                  money_text(line->amount_nano, money));
    }
    table_print(table, out);
    table_free(table);
}

void receipt_print(const struct receipt_report *report, FILE *out)
{
    const struct submission_books *books = &report->books;
    char hex[2 * LEDGER_KEY_SIZE + 1], when[WHEN_TEXT_SIZE];

    line_print("submission",
               hex_encode(hex, books->submission_id, LEDGER_ID_SIZE), out);
    line_print("customer", hex_encode(hex, books->key, LEDGER_KEY_SIZE), out);
    line_print("node", hex_encode(hex, report->node_id, LEDGER_KEY_SIZE), out);
    line_print("settled",
               books->state == SUBMISSION_SETTLED
                   ? when_text(books->settled_ns, when)
                   : "not yet: it runs, and more may follow",
               out);
    if (report->settlement_count > 1)
        fprintf(out, "%-12s %" PRIu64 " usage records came late\n", "since",
                report->settlement_count - 1);
    line_print("rate card", report->card.version, out);
    fprintf(out,
            "%-12s %" PRIu64 " (account entries %" PRIu64 " to %" PRIu64 ")\n",
            "records", books->record_count, report->account_seq_first,
            report->account_seq_last);
    fprintf(out, "%-12s %" PRIu64 ", root %s\n", "batch", report->batch_last,
            hex_encode(hex, report->batch_root, MERKLE_HASH_SIZE));
    fputc('\n', out);
    lines_print(report, out);
    fputc('\n', out);
    if (books->state != SUBMISSION_SETTLED) {
        money_print("so far", report->rated.total_nano, books->currency, out);
        money_print("held", books->hold_nano, books->currency, out);
        return;
    }
    money_print("charge", books->charge_nano, books->currency, out);
    if (books->written_off_nano)
        money_print("written off", books->written_off_nano, books->currency,
                    out);
    money_print("billed", books->billed_nano, books->currency, out);
    money_print("held before", books->hold_nano, books->currency, out);
}

static json_t *hex_json(const uint8_t *data, size_t len)
{
    char hex[2 * LEDGER_KEY_SIZE + 1];

    return json_string(hex_encode(hex, data, len));
}

static json_t *lines_json(const struct rated *rated)
{
    json_t *lines = json_array();

    for (size_t i = 0; i < rated->line_count; i++) {
        const struct rate_line *line = &rated->lines[i];
        const struct sku_info *sku = sku_info(line->sku);

        json_array_append_new(lines, json_pack("{s:s, s:I, s:s, s:I}", "sku",
                                               sku->name, "quantity",
                                               (json_int_t)line->quantity,
                                               "unit", sku->unit, "amount_nano",
                                               (json_int_t)line->amount_nano));
    }
    return lines;
}

json_t *receipt_json(const struct receipt_report *report)
{
    const struct submission_books *books = &report->books;
    char when[WHEN_TEXT_SIZE];

    return json_pack(
        "{s:o, s:o, s:o, s:s*, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I, s:I, s:I, s:I, s:o, s:o, s:s, s:I}",
        "submission", hex_json(books->submission_id, LEDGER_ID_SIZE),
        "customer", hex_json(books->key, LEDGER_KEY_SIZE), "node",
        hex_json(report->node_id, LEDGER_KEY_SIZE), "settled",
        books->state == SUBMISSION_SETTLED ? when_text(books->settled_ns, when)
                                           : NULL,
        "currency", books->currency, "ratecard", report->card.version,
        "ratecard_digest", hex_json(report->card_digest, RATECARD_DIGEST_SIZE),
        "charge_nano", (json_int_t)books->charge_nano, "billed_nano",
        (json_int_t)books->billed_nano, "written_off_nano",
        (json_int_t)books->written_off_nano, "hold_nano",
        (json_int_t)books->hold_nano, "records",
        (json_int_t)books->record_count, "account",
        (json_int_t)report->account_number, "account_seq_first",
        (json_int_t)report->account_seq_first, "account_seq_last",
        (json_int_t)report->account_seq_last, "batch_first",
        (json_int_t)report->batch_first, "batch_last",
        (json_int_t)report->batch_last, "batch_root",
        hex_json(report->batch_root, MERKLE_HASH_SIZE), "lines",
        lines_json(&report->rated), "state",
        books->state == SUBMISSION_SETTLED ? "settled" : "running",
        "settlements", (json_int_t)report->settlement_count);
}
