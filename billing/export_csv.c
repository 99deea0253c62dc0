// SPDX-License-Identifier: ISC
// Charges as CSV. The columns are those that FOCUS 1.2 demands, under its names
// and with its meanings, and some that it recommends; our own begin with x_.
#include "billing/export_csv.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "lib/hex.h"
#include "billing/entry_json.h"
#include "billing/export.h"
#include "billing/statement.h"
#include "billing/when.h"

// The order of values in row_print.
static const char header[] =
    "BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodStart,"
    "BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
    "ChargeClass,ChargeDescription,InvoiceIssuerName,ProviderName,"
    "PublisherName,ServiceCategory,ServiceName,SkuId,PricingQuantity,"
    "PricingUnit,ListCost,ContractedCost,EffectiveCost,BilledCost,"
    "x_Submission,x_Record,x_Phase,x_RateCard,x_Settled,x_Entry\r\n";

static const char *const service_categories[SKU_END] = {
    [SKU_START_FEE] = "Compute",         [SKU_BUILD_FEE] = "Developer Tools",
    [SKU_BUILD_CPU] = "Developer Tools", [SKU_DOMAIN_CPU] = "Compute",
    [SKU_DOMAIN_WALL] = "Compute",       [SKU_MEMORY_RESERVED] = "Compute",
    [SKU_MEMORY_PEAK] = "Compute",       [SKU_NET_RX_BYTES] = "Networking",
    [SKU_NET_TX_BYTES] = "Networking",   [SKU_NET_PACKETS] = "Networking",
    [SKU_DISK_BYTES] = "Storage",        [SKU_DISK_OPS] = "Storage",
    [SKU_CONSOLE_BYTES] = "Storage",     [SKU_STORAGE] = "Storage",
};

struct row {
    const struct account *account;
    uint64_t time_ns; // of the entry
    uint64_t entry;
    uint64_t start_ns, end_ns;
    const char *category; // of the charge
    const char *class;    // "Correction", or ""
    const char *description;
    const char *service_category;
    const char *sku; // "" for a write-off
    uint64_t quantity;
    const char *unit;
    int64_t list_nano; // before a write-off
    int64_t billed_nano;
    const uint8_t *submission; // NULL: none
    uint64_t record;           // 0: none
    const char *phase;
    const char *ratecard;
};

// One value and the comma or line end after it; quoted where RFC 4180 demands.
static void value_put(FILE *out, const char *value, const char *after)
{
    if (value[strcspn(value, ",\"\r\n")] == '\0') {
        fputs(value, out);
    } else {
        fputc('"', out);
        for (; *value; value++) {
            if (*value == '"')
                fputc('"', out);
            fputc(*value, out);
        }
        fputc('"', out);
    }
    fputs(after, out);
}

static void time_put(FILE *out, uint64_t time_ns, const char *after)
{
    char when[WHEN_TEXT_SIZE];

    value_put(out, when_text(time_ns, when), after);
}

static void money_put(FILE *out, int64_t amount_nano, const char *after)
{
    char money[MONEY_TEXT_SIZE];

    value_put(out, money_text(amount_nano, money), after);
}

static void count_put(FILE *out, uint64_t count, const char *after)
{
    fprintf(out, "%" PRIu64 "%s", count, after);
}

static void hex_put(FILE *out, const uint8_t *data, size_t len)
{
    char hex[2 * LEDGER_KEY_SIZE + 1];

    value_put(out, hex_encode(hex, data, len), ",");
}

// Start of the month of a time, or of the month `later` months on; UTC.
static uint64_t month_start(uint64_t time_ns, int later)
{
    time_t time_s = (time_t)(time_ns / 1000000000);
    struct tm tm = {0}, month = {0};

    gmtime_r(&time_s, &tm);
    month.tm_year = tm.tm_year;
    month.tm_mon = tm.tm_mon + later;
    month.tm_mday = 1;
    return (uint64_t)timegm(&month) * 1000000000;
}

static void row_print(const struct csv_exporter *x, const struct row *row)
{
    FILE *out = x->out;

    hex_put(out, row->account->key, LEDGER_KEY_SIZE);
    value_put(out, row->account->name, ",");
    value_put(out, row->account->currency, ",");
    time_put(out, month_start(row->time_ns, 0), ",");
    time_put(out, month_start(row->time_ns, 1), ",");
    time_put(out, row->start_ns, ",");
    time_put(out, row->end_ns, ",");
    value_put(out, row->category, ",");
    value_put(out, row->class, ",");
    value_put(out, row->description, ",");
    value_put(out, x->provider, ",");
    value_put(out, x->provider, ",");
    value_put(out, x->provider, ",");
    value_put(out, row->service_category, ",");
    value_put(out, "Hostel", ",");
    value_put(out, row->sku, ",");
    if (*row->sku)
        count_put(out, row->quantity, ",");
    else
        value_put(out, "", ",");
    value_put(out, row->unit, ",");
    money_put(out, row->list_nano, ",");
    money_put(out, row->list_nano, ",");
    money_put(out, row->billed_nano, ",");
    money_put(out, row->billed_nano, ",");
    if (row->submission)
        hex_put(out, row->submission, LEDGER_ID_SIZE);
    else
        value_put(out, "", ",");
    if (row->record)
        count_put(out, row->record, ",");
    else
        value_put(out, "", ",");
    value_put(out, row->phase, ",");
    value_put(out, row->ratecard, ",");
    time_put(out, row->time_ns, ",");
    count_put(out, row->entry, "\r\n");
}

static const struct rate_line *line_of(const struct rated *rated, enum sku sku)
{
    for (size_t i = 0; i < rated->line_count; i++)
        if (rated->lines[i].sku == sku)
            return &rated->lines[i];
    return NULL;
}

// What the sum of records costs with the last ones, less what it cost without.
static int rows_export(struct csv_exporter *x,
                       const struct usage_record *record, struct err *e)
{
    const struct settled *settled = x->settled;
    struct rated with;
    int r = rate_usage(settled->card, &x->usage, &with, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < with.line_count; i++) {
        const struct rate_line *now = &with.lines[i];
        const struct rate_line *before = line_of(&x->rated, now->sku);
        struct row row = {
            .account = settled->account,
            .time_ns = settled->settled_ns,
            .entry = settled->entry,
            .submission = settled->settlement.submission_id,
            .ratecard = settled->card->version,
            .start_ns = x->waiting_ns,
            .end_ns = record->end_ns,
            .category = "Usage",
            .class = "",
            .description = sku_info(now->sku)->description,
            .service_category = service_categories[now->sku],
            .sku = sku_info(now->sku)->name,
            .quantity = now->quantity - (before ? before->quantity : 0),
            .unit = sku_info(now->sku)->unit,
            .list_nano = now->amount_nano - (before ? before->amount_nano : 0),
            .record = record->seq,
            .phase = record->phase == USAGE_BUILD ? "build" : "run",
        };

        row.billed_nano = row.list_nano;
        if (row.quantity)
            row_print(x, &row);
    }
    x->rated = with;
    return 0;
}

// Records of settlements before only add to the sum.
static int record_export(const struct usage_record *record, bool own, void *arg,
                         struct err *e)
{
    struct csv_exporter *x = arg;

    if (usage_add(&x->usage, &record->usage) < 0)
        return err_set(e, EOVERFLOW, "usage records add up to too much");
    if (!own)
        return rate_usage(x->settled->card, &x->usage, &x->rated, e);
    if (x->waiting++ == 0)
        x->waiting_ns = record->start_ns;
    if (--x->left > 0 && x->waiting < x->together)
        return 0;
    x->waiting = 0;
    return rows_export(x, record, e);
}

static void write_off_export(const struct csv_exporter *x)
{
    const struct settlement *settlement = &x->settled->settlement;

    if (settlement->written_off_nano)
        row_print(x, &(struct row){
                         .account = x->settled->account,
                         .time_ns = x->settled->settled_ns,
                         .entry = x->settled->entry,
                         .start_ns = x->settled->settled_ns,
                         .end_ns = x->settled->settled_ns,
                         .category = "Credit",
                         .class = "",
                         .description = "Over the cap, carried by the node",
                         .service_category = "Compute",
                         .sku = "",
                         .unit = "",
                         .billed_nano = -settlement->written_off_nano,
                         .submission = settlement->submission_id,
                         .phase = "",
                         .ratecard = x->settled->card->version,
                     });
}

int csv_settled(const struct settled *settled, void *arg, struct err *e)
{
    struct csv_exporter *x = arg;
    int r;

    x->settled = settled;
    memset(&x->usage, 0, sizeof(x->usage));
    memset(&x->rated, 0, sizeof(x->rated));
    x->left = settled->settlement.record_count;
    x->together = (x->left + CSV_RECORDS_MAX - 1) / CSV_RECORDS_MAX;
    x->waiting = 0;
    r = settled_records_each(x->ledger, settled, record_export, x, e);
    if (r == 0)
        write_off_export(x);
    if (r == 0 && ferror(x->out))
        r = err_set(e, EPIPE, "the export cannot be written");
    return r;
}

void csv_line(const struct csv_exporter *x, const struct account *account,
              uint64_t number, const struct entry *entry)
{
    const struct transfer *transfer = &entry->transfer;
    bool tax = transfer->purpose == PURPOSE_TAX;
    int64_t amount_nano = transfer->debit == account->number
                              ? transfer->amount_nano
                              : -transfer->amount_nano;
    static const uint8_t none[LEDGER_ID_SIZE];

    if (!tax && !transfer_is_note(transfer))
        return;
    row_print(x, &(struct row){
                     .account = account,
                     .time_ns = entry->time_ns,
                     .entry = number,
                     .start_ns = entry->time_ns,
                     .end_ns = entry->time_ns,
                     .category = tax               ? "Tax"
                                 : amount_nano < 0 ? "Credit"
                                                   : "Adjustment",
                     .class = tax ? "" : "Correction",
                     .description = transfer->reference,
                     .service_category = "Other",
                     .sku = "",
                     .unit = "",
                     .list_nano = amount_nano,
                     .billed_nano = amount_nano,
                     .submission = memcmp(transfer->submission_id, none,
                                          sizeof(none)) != 0
                                       ? transfer->submission_id
                                       : NULL,
                     .phase = "",
                     .ratecard = "",
                 });
}

void csv_begin(struct csv_exporter *x, struct ledger *ledger, FILE *out)
{
    char hex[2 * LEDGER_KEY_SIZE + 1];

    memset(x, 0, sizeof(*x));
    x->ledger = ledger;
    x->out = out;
    hex_encode(hex, ledger_node_id(ledger), LEDGER_KEY_SIZE);
    snprintf(x->provider, sizeof(x->provider), "Hostel node %.12s", hex);
    fputs(header, out);
}

// ---------------------------------------------------------------- spans of
// time

struct span {
    struct csv_exporter x;
    struct settled_range range;
    const struct account *account;
};

static int line_visit(uint64_t number, const struct entry *entry, void *arg,
                      struct err *e)
{
    const struct span *span = arg;

    (void)e;
    if (entry->time_ns >= span->range.from_ns &&
        entry->time_ns < span->range.to_ns)
        csv_line(&span->x, span->account, number, entry);
    return 0;
}

static int account_export(struct span *span, const struct account *account,
                          struct err *e)
{
    int r = settled_each(span->x.ledger, account->number, &span->range,
                         csv_settled, &span->x, e);

    span->account = account;
    if (r == 0)
        r = lines_each(span->x.ledger, account->number, span->range.after,
                       span->range.through, line_visit, span, e);
    return r;
}

// The accounts' numbers have no gaps.
static int accounts_export(struct span *span, struct err *e)
{
    for (uint64_t number = 1;; number++) {
        struct account account;
        int r = ledger_account_number(span->x.ledger, number, &account, e);

        if (r <= 0)
            return r;
        if (account.kind == ACCOUNT_CUSTOMER)
            r = account_export(span, &account, e);
        if (r < 0)
            return r;
    }
}

static int span_export(struct ledger *ledger, const uint8_t *key,
                       const struct settled_range *range, FILE *out,
                       struct err *e)
{
    struct span span = {.range = *range};
    struct account account;
    int r = key ? ledger_account_get(ledger, key, &account, e) : 0;

    if (r < 0)
        return r;
    csv_begin(&span.x, ledger, out);
    r = key ? account_export(&span, &account, e) : accounts_export(&span, e);
    if (r == 0 && fflush(out) != 0)
        r = err_errno(e, "writing the export");
    return r;
}

int export_csv(struct ledger *ledger, const uint8_t *key, uint64_t from_ns,
               uint64_t to_ns, FILE *out, struct err *e)
{
    const struct settled_range range = settled_span(from_ns, to_ns);

    return span_export(ledger, key, &range, out, e);
}

int export_csv_entries(struct ledger *ledger, const uint8_t *key,
                       uint64_t after, uint64_t through, FILE *out,
                       struct err *e)
{
    const struct settled_range range = {.to_ns = INT64_MAX,
                                        .after = after,
                                        .through = through,
                                        .limit = INT64_MAX};

    return span_export(ledger, key, &range, out, e);
}
