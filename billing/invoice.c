// SPDX-License-Identifier: ISC
// Draft invoices.
#include "billing/invoice.h"

#include <inttypes.h>
#include <string.h>
#include "lib/hex.h"
#include "lib/table.h"
#include "billing/money_json.h"
#include "billing/settled.h"
#include "billing/when.h"

struct draft {
    json_t *submissions;
    struct rated totals; // one line per SKU, in their order
    int64_t charge_nano;
    int64_t billed_nano;
    int64_t written_off_nano;
};

// ------------------------------------------------------------------ drafting

static json_t *line_json(const struct rate_line *line)
{
    const struct sku_info *sku = sku_info(line->sku);
    json_t *object = json_pack("{s:s, s:s, s:I, s:s}", "sku", sku->name,
                               "description", sku->description, "quantity",
                               (json_int_t)line->quantity, "unit", sku->unit);

    money_set(object, "amount", line->amount_nano);
    return object;
}

static json_t *lines_json(const struct rated *rated)
{
    json_t *lines = json_array();

    for (size_t i = 0; i < rated->line_count; i++)
        json_array_append_new(lines, line_json(&rated->lines[i]));
    return lines;
}

// Adds a settlement's lines to the totals per SKU.
static int totals_add(struct rated *totals, const struct rated *rated)
{
    for (size_t i = 0; i < rated->line_count; i++) {
        const struct rate_line *line = &rated->lines[i];
        struct rate_line *total = &totals->lines[line->sku - 1];

        total->sku = line->sku;
        if (__builtin_add_overflow(total->quantity, line->quantity,
                                   &total->quantity) ||
            __builtin_add_overflow(total->amount_nano, line->amount_nano,
                                   &total->amount_nano))
            return -EOVERFLOW;
    }
    return 0;
}

// Moves the lines that are used to the front.
static void totals_close(struct rated *totals)
{
    for (size_t i = 0; i < RATE_LINES_MAX; i++)
        if (totals->lines[i].sku)
            totals->lines[totals->line_count++] = totals->lines[i];
}

static int settled_add(const struct settled *settled, void *arg, struct err *e)
{
    const struct settlement *settlement = &settled->settlement;
    int64_t charge = settlement->rated.total_nano;
    struct draft *draft = arg;
    char id[2 * LEDGER_ID_SIZE + 1], when[WHEN_TEXT_SIZE];
    json_t *object;

    if (totals_add(&draft->totals, &settlement->rated) < 0 ||
        __builtin_add_overflow(draft->charge_nano, charge, &draft->charge_nano))
        return err_set(e, EOVERFLOW, "the invoice's total is too large");
    // Parts of the charge, so they fit as well.
    draft->billed_nano += settlement->billed_nano;
    draft->written_off_nano += settlement->written_off_nano;
    object = json_pack(
        "{s:s, s:s, s:s, s:I, s:o}", "submission",
        hex_encode(id, settlement->submission_id, LEDGER_ID_SIZE), "settled",
        when_text(settled->settled_ns, when), "ratecard",
        settled->card->version, "records", (json_int_t)settlement->record_count,
        "lines", lines_json(&settlement->rated));
    money_set(object, "charge", charge);
    money_set(object, "billed", settlement->billed_nano);
    money_set(object, "written_off", settlement->written_off_nano);
    return json_array_append_new(draft->submissions, object) < 0
               ? err_set(e, ENOMEM, "no memory for the invoice")
               : 0;
}

int invoice_draft(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                  uint64_t from_ns, uint64_t to_ns, json_t **out, struct err *e)
{
    struct draft draft = {0};
    struct account account;
    char hex[2 * LEDGER_KEY_SIZE + 1], node[2 * LEDGER_KEY_SIZE + 1];
    char from[WHEN_TEXT_SIZE], to[WHEN_TEXT_SIZE];
    json_t *invoice;
    int r = ledger_account_get(ledger, key, &account, e);

    if (r < 0)
        return r;
    draft.submissions = json_array();
    r = settled_each(ledger, account.number, from_ns, to_ns, settled_add,
                     &draft, e);
    if (r < 0) {
        json_decref(draft.submissions);
        return r;
    }
    totals_close(&draft.totals);
    if (from_ns < account.opened_ns)
        from_ns = account.opened_ns;
    if (to_ns > ledger_now_ns(ledger)) // open-ended: up to now
        to_ns = ledger_now_ns(ledger);
    invoice = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind",
        "hostel draft invoice", "node",
        hex_encode(node, ledger_node_id(ledger), LEDGER_KEY_SIZE), "customer",
        hex_encode(hex, key, LEDGER_KEY_SIZE), "name", account.name, "currency",
        account.currency, "from", when_text(from_ns, from), "to",
        when_text(to_ns, to), "state", "draft");
    if (!invoice) {
        json_decref(draft.submissions);
        return err_set(e, ENOMEM, "no memory for the invoice");
    }
    json_object_set_new(invoice, "submissions", draft.submissions);
    json_object_set_new(invoice, "totals", lines_json(&draft.totals));
    money_set(invoice, "charge", draft.charge_nano);
    money_set(invoice, "written_off", draft.written_off_nano);
    money_set(invoice, "billed", draft.billed_nano);
    money_set(invoice, "balance", account_balance_nano(&account));
    *out = invoice;
    return 0;
}

// ------------------------------------------------------------------ printing

// The document may come from another machine: a member that is missing or of
// another type reads as "".
static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static void lines_print(struct table *table, const char *name,
                        const json_t *lines)
{
    const json_t *line;
    size_t i;

    json_array_foreach(lines, i, line)
    {
        char quantity[24];

        snprintf(quantity, sizeof(quantity), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_get(line, "quantity")));
        table_row(table, i == 0 ? name : "", text_of(line, "sku"), quantity,
                  text_of(line, "unit"), text_of(line, "amount"));
    }
}

static void submission_print(struct table *table, const json_t *submission)
{
    char credit[MONEY_TEXT_SIZE];
    json_int_t written_off =
        json_integer_value(json_object_get(submission, "written_off_nano"));

    lines_print(table, text_of(submission, "submission"),
                json_object_get(submission, "lines"));
    if (written_off)
        table_row(table, "", "over the cap, not billed", "", "",
                  money_text(-written_off, credit));
    table_row(table, "", "", "", "billed", text_of(submission, "billed"));
}

int invoice_print(const json_t *invoice, FILE *out, struct err *e)
{
    const char *currency = text_of(invoice, "currency");
    const json_t *submission,
        *submissions = json_object_get(invoice, "submissions");
    struct table *table;
    size_t i;

    if (strcmp(text_of(invoice, "kind"), "hostel draft invoice") != 0)
        return err_set(e, EINVAL, "this is not an invoice");
    fprintf(out, "DRAFT INVOICE for %s\ncustomer %s\nfrom %s to %s\n\n",
            text_of(invoice, "name"), text_of(invoice, "customer"),
            text_of(invoice, "from"), text_of(invoice, "to"));
    table = table_new("SUBMISSION,SKU,>QUANTITY,UNIT,>AMOUNT");
    if (!table)
        return err_set(e, ENOMEM, "no memory to print the invoice");
    json_array_foreach(submissions, i, submission)
        submission_print(table, submission);
    lines_print(table, "ALL", json_object_get(invoice, "totals"));
    table_print(table, out);
    table_free(table);
    fprintf(out, "\nused         %s %s\n", text_of(invoice, "charge"),
            currency);
    fprintf(out, "written off  %s %s\n", text_of(invoice, "written_off"),
            currency);
    fprintf(out, "TO PAY       %s %s\n", text_of(invoice, "billed"), currency);
    return 0;
}
