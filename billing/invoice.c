// SPDX-License-Identifier: ISC
// Invoices: what they say, and as text.
#include "billing/invoice.h"

#include <inttypes.h>
#include <string.h>
#include "lib/hex.h"
#include "lib/table.h"
#include "billing/money_json.h"
#include "billing/settled.h"
#include "billing/statement.h"
#include "billing/when.h"

struct draft {
    struct settled_range range;
    json_t *submissions;
    json_t *notes;
    int64_t notes_nano;  // debit notes less credit notes
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
        "{s:s, s:s, s:I, s:s, s:I, s:o}", "submission",
        hex_encode(id, settlement->submission_id, LEDGER_ID_SIZE), "settled",
        when_text(settled->settled_ns, when), "entry",
        (json_int_t)settled->entry, "ratecard", settled->card->version,
        "records", (json_int_t)settlement->record_count, "lines",
        lines_json(&settlement->rated));
    if (settlement->amends) // usage records came late
        json_object_set_new(object, "late", json_true());
    money_set(object, "charge", charge);
    money_set(object, "billed", settlement->billed_nano);
    money_set(object, "written_off", settlement->written_off_nano);
    return json_array_append_new(draft->submissions, object) < 0
               ? err_set(e, ENOMEM, "no memory for the invoice")
               : 0;
}

// --------------------------------------------------------------- corrections

// Credit and debit notes: lines of the statement that no submission explains.
static int note_add(struct draft *draft, uint64_t number,
                    const struct entry *entry, struct err *e)
{
    const struct transfer *transfer = &entry->transfer;
    bool credit = transfer->purpose == PURPOSE_CREDIT_NOTE;
    int64_t amount_nano =
        credit ? -transfer->amount_nano : transfer->amount_nano;
    static const uint8_t none[LEDGER_ID_SIZE];
    char when[WHEN_TEXT_SIZE], id[2 * LEDGER_ID_SIZE + 1];
    json_t *object;

    if (__builtin_add_overflow(draft->notes_nano, amount_nano,
                               &draft->notes_nano))
        return err_set(e, EOVERFLOW, "the invoice's total is too large");
    object = json_pack("{s:s, s:s, s:s, s:I}", "kind",
                       credit ? "credit note" : "debit note", "time",
                       when_text(entry->time_ns, when), "reason",
                       transfer->reference, "entry", (json_int_t)number);
    if (memcmp(transfer->submission_id, none, sizeof(none)) != 0)
        json_object_set_new(object, "submission",
                            json_string(hex_encode(id, transfer->submission_id,
                                                   LEDGER_ID_SIZE)));
    money_set(object, "amount", amount_nano);
    return json_array_append_new(draft->notes, object) < 0
               ? err_set(e, ENOMEM, "no memory for the invoice")
               : 0;
}

static int note_visit(uint64_t number, const struct entry *entry, void *arg,
                      struct err *e)
{
    struct draft *draft = arg;
    const struct settled_range *range = &draft->range;

    if (!transfer_is_note(&entry->transfer) ||
        entry->time_ns < range->from_ns || entry->time_ns >= range->to_ns)
        return 0;
    return note_add(draft, number, entry, e);
}

// ------------------------------------------------------------------ the whole

static int draft_collect(struct ledger *ledger, uint64_t account,
                         struct draft *draft, struct err *e)
{
    int r;

    draft->submissions = json_array();
    draft->notes = json_array();
    if (!draft->submissions || !draft->notes)
        return err_set(e, ENOMEM, "no memory for the invoice");
    r = settled_each(ledger, account, &draft->range, settled_add, draft, e);
    if (r == 0)
        r = lines_each(ledger, account, draft->range.after,
                       draft->range.through, note_visit, draft, e);
    totals_close(&draft->totals);
    return r;
}

static json_t *seller_json(const struct ledger *ledger,
                           const struct invoice_terms *terms)
{
    char node[2 * LEDGER_KEY_SIZE + 1];
    json_t *seller = json_object(), *address = json_array();

    json_object_set_new(
        seller, "node",
        json_string(hex_encode(node, ledger_node_id(ledger), LEDGER_KEY_SIZE)));
    if (terms && terms->seller[0])
        json_object_set_new(seller, "name", json_string(terms->seller));
    for (size_t i = 0; terms && i < terms->address_count; i++)
        json_array_append_new(address, json_string(terms->address[i]));
    json_object_set_new(seller, "address", address);
    if (terms && terms->tax_id[0])
        json_object_set_new(seller, "tax_id", json_string(terms->tax_id));
    return seller;
}

static json_t *taxes_json(const struct invoice_entry *sums)
{
    json_t *taxes = json_array();

    for (size_t i = 0; i < sums->tax_count; i++) {
        json_t *tax =
            json_pack("{s:s, s:I}", "name", sums->taxes[i].name, "rate_ppm",
                      (json_int_t)sums->taxes[i].rate_ppm);

        money_set(tax, "amount", sums->taxes[i].amount_nano);
        json_array_append_new(taxes, tax);
    }
    return taxes;
}

// Charges, notes, taxes and the total.
static int sums_make(const struct draft *draft, const struct account *account,
                     const struct invoice_terms *terms,
                     struct invoice_entry *sums, struct err *e)
{
    int64_t base_nano;
    int r = 0;

    sums->charges_nano = draft->billed_nano;
    sums->notes_nano = draft->notes_nano;
    if (__builtin_add_overflow(draft->billed_nano, draft->notes_nano,
                               &base_nano))
        return err_set(e, EOVERFLOW, "the invoice's total is too large");
    sums->total_nano = base_nano;
    sums->taxes_included = terms && terms->taxes_included;
    if (terms)
        r = invoice_taxes(terms, account->key, base_nano, sums->taxes,
                          &sums->tax_count, e);
    for (size_t i = 0; r == 0 && !sums->taxes_included && i < sums->tax_count;
         i++)
        if (__builtin_add_overflow(sums->total_nano, sums->taxes[i].amount_nano,
                                   &sums->total_nano))
            r = err_set(e, EOVERFLOW, "the invoice's total is too large");
    return r;
}

static void number_set(json_t *invoice, const struct invoice_entry *sums,
                       const struct invoice_terms *terms, uint64_t now_ns)
{
    char text[48], when[WHEN_TEXT_SIZE];

    if (!sums->number)
        return;
    snprintf(text, sizeof(text), "%s%08" PRIu64, terms ? terms->prefix : "",
             sums->number);
    json_object_set_new(invoice, "number",
                        json_integer((json_int_t)sums->number));
    json_object_set_new(invoice, "number_text", json_string(text));
    json_object_set_new(invoice, "issued",
                        json_string(when_text(now_ns, when)));
}

// Gives the lists of the draft away.
static json_t *draft_json(struct ledger *ledger, const struct account *account,
                          struct draft *draft, const struct invoice_entry *sums,
                          const struct invoice_terms *terms)
{
    char hex[2 * LEDGER_KEY_SIZE + 1], node[2 * LEDGER_KEY_SIZE + 1];
    char from[WHEN_TEXT_SIZE], to[WHEN_TEXT_SIZE];
    json_t *invoice = json_pack(
        "{s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s}", "kind",
        sums->number ? "hostel invoice" : "hostel draft invoice", "node",
        hex_encode(node, ledger_node_id(ledger), LEDGER_KEY_SIZE), "seller",
        seller_json(ledger, terms), "customer",
        hex_encode(hex, account->key, LEDGER_KEY_SIZE), "name", account->name,
        "currency", account->currency, "from", when_text(sums->from_ns, from),
        "to", when_text(sums->to_ns, to), "state",
        sums->number ? "final" : "draft");

    if (!invoice)
        return NULL;
    number_set(invoice, sums, terms, ledger_now_ns(ledger));
    json_object_set(invoice, "submissions", draft->submissions);
    json_object_set(invoice, "notes", draft->notes);
    json_object_set_new(invoice, "totals", lines_json(&draft->totals));
    money_set(invoice, "charge", draft->charge_nano);
    money_set(invoice, "written_off", draft->written_off_nano);
    money_set(invoice, "billed", draft->billed_nano);
    money_set(invoice, "notes_total", draft->notes_nano);
    json_object_set_new(invoice, "taxes", taxes_json(sums));
    json_object_set_new(invoice, "taxes_included",
                        json_boolean(sums->taxes_included));
    money_set(invoice, "total", sums->total_nano);
    money_set(invoice, "balance", account_balance_nano(account));
    return invoice;
}

int invoice_document(struct ledger *ledger, const struct account *account,
                     const struct settled_range *range,
                     const struct invoice_terms *terms,
                     struct invoice_entry *sums, json_t **out, struct err *e)
{
    struct draft draft = {.range = *range};
    int r = draft_collect(ledger, account->number, &draft, e);

    if (r == 0)
        r = sums_make(&draft, account, terms, sums, e);
    if (r == 0) {
        *out = draft_json(ledger, account, &draft, sums, terms);
        if (!*out)
            r = err_set(e, ENOMEM, "no memory for the invoice");
    }
    json_decref(draft.submissions);
    json_decref(draft.notes);
    return r;
}

int invoice_draft(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                  uint64_t from_ns, uint64_t to_ns,
                  const struct invoice_terms *terms, json_t **out,
                  struct err *e)
{
    struct settled_range range = settled_span(from_ns, to_ns);
    struct invoice_entry sums = {0};
    struct account account;
    int r = ledger_account_get(ledger, key, &account, e);

    if (r < 0)
        return r;
    // An account has no time before it was opened; an open end is now.
    sums.from_ns = from_ns < account.opened_ns ? account.opened_ns : from_ns;
    sums.to_ns = to_ns > ledger_now_ns(ledger) ? ledger_now_ns(ledger) : to_ns;
    return invoice_document(ledger, &account, &range, terms, &sums, out, e);
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

int invoice_check(const json_t *invoice, struct err *e)
{
    const char *kind = text_of(invoice, "kind");

    return strcmp(kind, "hostel draft invoice") &&
                   strcmp(kind, "hostel invoice")
               ? err_set(e, EINVAL, "this is not an invoice")
               : 0;
}

static void head_print(const json_t *invoice, FILE *out)
{
    const json_t *seller = json_object_get(invoice, "seller"), *line;
    size_t i;

    if (*text_of(invoice, "number_text"))
        fprintf(out, "INVOICE %s of %.10s", text_of(invoice, "number_text"),
                text_of(invoice, "issued"));
    else
        fputs("DRAFT INVOICE", out);
    fprintf(out, " for %s\ncustomer %s\nfrom %s to %s\n",
            text_of(invoice, "name"), text_of(invoice, "customer"),
            text_of(invoice, "from"), text_of(invoice, "to"));
    if (*text_of(seller, "name")) {
        fprintf(out, "issued by %s", text_of(seller, "name"));
        json_array_foreach(json_object_get(seller, "address"), i, line) fprintf(
            out, ", %s", json_is_string(line) ? json_string_value(line) : "");
        if (*text_of(seller, "tax_id"))
            fprintf(out, ", tax number %s", text_of(seller, "tax_id"));
        fputc('\n', out);
    }
    fputc('\n', out);
}

static void sums_print(const json_t *invoice, FILE *out)
{
    const char *currency = text_of(invoice, "currency");
    const json_t *item;
    size_t i;

    fprintf(out, "\n%-20s %s %s\n", "used", text_of(invoice, "charge"),
            currency);
    fprintf(out, "%-20s %s %s\n", "written off",
            text_of(invoice, "written_off"), currency);
    json_array_foreach(json_object_get(invoice, "notes"), i, item)
        fprintf(out, "%-20s %s %s: %s\n", text_of(item, "kind"),
                text_of(item, "amount"), currency, text_of(item, "reason"));
    json_array_foreach(json_object_get(invoice, "taxes"), i, item)
        fprintf(out, "%-20s %s %s%s\n", text_of(item, "name"),
                text_of(item, "amount"), currency,
                json_is_true(json_object_get(invoice, "taxes_included"))
                    ? ", in the total"
                    : "");
    fprintf(out, "%-20s %s %s\n", "TO PAY", text_of(invoice, "total"),
            currency);
}

int invoice_print(const json_t *invoice, FILE *out, struct err *e)
{
    const json_t *submission,
        *submissions = json_object_get(invoice, "submissions");
    struct table *table;
    size_t i;
    int r = invoice_check(invoice, e);

    if (r < 0)
        return r;
    head_print(invoice, out);
    table = table_new("SUBMISSION,SKU,>QUANTITY,UNIT,>AMOUNT");
    if (!table)
        return err_set(e, ENOMEM, "no memory to print the invoice");
    json_array_foreach(submissions, i, submission)
        submission_print(table, submission);
    lines_print(table, "ALL", json_object_get(invoice, "totals"));
    table_print(table, out);
    table_free(table);
    sums_print(invoice, out);
    return 0;
}
