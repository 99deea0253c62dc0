// SPDX-License-Identifier: ISC
// Entries as JSON.
#include "billing/entry_json.h"

#include <string.h>
#include "lib/hex.h"
#include "billing/money_json.h"
#include "billing/when.h"

static const uint8_t nothing[LEDGER_KEY_SIZE];

// Left out when it is all zero.
static void hex_set(json_t *object, const char *key, const uint8_t *data,
                    size_t len)
{
    char hex[2 * LEDGER_KEY_SIZE + 1];

    if (memcmp(data, nothing, len) != 0)
        json_object_set_new(object, key,
                            json_string(hex_encode(hex, data, len)));
}

static void count_set(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void text_set(json_t *object, const char *key, const char *text)
{
    if (*text)
        json_object_set_new(object, key, json_string(text));
}

static void time_set(json_t *object, const char *key, uint64_t time_ns)
{
    char when[WHEN_TEXT_SIZE];

    json_object_set_new(object, key, json_string(when_text(time_ns, when)));
}

const char *purpose_name(enum transfer_purpose purpose)
{
    static const char *const names[] = {
        [PURPOSE_TOP_UP] = "top-up",
        [PURPOSE_HOLD] = "hold",
        [PURPOSE_CHARGE] = "charge",
        [PURPOSE_RELEASE] = "release",
        [PURPOSE_WRITE_OFF] = "write-off",
        [PURPOSE_CREDIT_NOTE] = "credit note",
        [PURPOSE_DEBIT_NOTE] = "debit note",
        [PURPOSE_LATE_CHARGE] = "late charge",
        [PURPOSE_LATE_WRITE_OFF] = "late write-off",
        [PURPOSE_TAX] = "tax",
    };

    return names[purpose];
}

// ------------------------------------------------------------- kinds of entry

static void account_put(json_t *o, const struct account_opened *from)
{
    static const char *const kinds[] = {
        [ACCOUNT_CUSTOMER] = "customer", [ACCOUNT_CASH] = "cash",
        [ACCOUNT_REVENUE] = "revenue",   [ACCOUNT_WRITE_OFF] = "write-off",
        [ACCOUNT_TAX] = "tax",
    };

    text_set(o, "account_kind", kinds[from->kind]);
    hex_set(o, "customer", from->key, sizeof(from->key));
    text_set(o, "name", from->name);
    text_set(o, "currency", from->currency);
    money_set(o, "credit_limit", from->credit_limit_nano);
}

static void card_put(json_t *o, const struct ratecard *card)
{
    uint8_t digest[RATECARD_DIGEST_SIZE];

    ratecard_digest(card, digest);
    text_set(o, "version", card->version);
    text_set(o, "currency", card->currency);
    hex_set(o, "digest", digest, sizeof(digest));
    hex_set(o, "customer", card->customer, sizeof(card->customer));
}

static void transfer_put(json_t *o, const struct transfer *from)
{
    static const char *const kinds[] = {
        [TRANSFER_POSTED] = "posted",
        [TRANSFER_PENDING] = "pending",
        [TRANSFER_POST] = "post",
        [TRANSFER_VOID] = "void",
    };

    hex_set(o, "id", from->id, sizeof(from->id));
    text_set(o, "transfer", kinds[from->kind]);
    text_set(o, "purpose", purpose_name(from->purpose));
    count_set(o, "debit", from->debit);
    count_set(o, "credit", from->credit);
    money_set(o, "amount", from->amount_nano);
    hex_set(o, "pending_id", from->pending_id, sizeof(from->pending_id));
    hex_set(o, "submission", from->submission_id, sizeof(from->submission_id));
    text_set(o, "reference", from->reference);
}

static void usage_put(json_t *o, const struct usage *usage)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
        {"starts", offsetof(struct usage, starts)},
        {"builds", offsetof(struct usage, builds)},
        {"cpu_ns", offsetof(struct usage, cpu_ns)},
        {"wall_ns", offsetof(struct usage, wall_ns)},
        {"build_cpu_ns", offsetof(struct usage, build_cpu_ns)},
        {"build_wall_ns", offsetof(struct usage, build_wall_ns)},
        {"mem_reserved_kib_ms", offsetof(struct usage, mem_reserved_kib_ms)},
        {"mem_reserved_kib", offsetof(struct usage, mem_reserved_kib)},
        {"mem_peak_kib", offsetof(struct usage, mem_peak_kib)},
        {"net_rx_bytes", offsetof(struct usage, net_rx_bytes)},
        {"net_tx_bytes", offsetof(struct usage, net_tx_bytes)},
        {"net_packets", offsetof(struct usage, net_packets)},
        {"disk_read_bytes", offsetof(struct usage, disk_read_bytes)},
        {"disk_write_bytes", offsetof(struct usage, disk_write_bytes)},
        {"disk_ops", offsetof(struct usage, disk_ops)},
        {"console_bytes", offsetof(struct usage, console_bytes)},
        {"storage_kib_ms", offsetof(struct usage, storage_kib_ms)},
    };

    _Static_assert(sizeof(fields) / sizeof(fields[0]) * sizeof(uint64_t) ==
                       sizeof(struct usage),
                   "every field of struct usage is listed");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        uint64_t value =
            *(const uint64_t *)((const char *)usage + fields[i].offset);

        if (value)
            count_set(o, fields[i].name, value);
    }
}

static void record_put(json_t *o, const struct usage_record *record)
{
    json_t *usage = json_object();

    count_set(o, "seq", record->seq);
    text_set(o, "phase", record->phase == USAGE_BUILD ? "build" : "run");
    time_set(o, "start", record->start_ns);
    time_set(o, "end", record->end_ns);
    count_set(o, "start_ns", record->start_ns);
    count_set(o, "end_ns", record->end_ns);
    usage_put(usage, &record->usage);
    json_object_set_new(o, "usage", usage);
}

json_t *record_json(const struct usage_record *record)
{
    json_t *o = json_object();

    if (o)
        record_put(o, record);
    return o;
}

static void settlement_put(json_t *o, const struct settlement *from)
{
    json_t *lines = json_array();

    hex_set(o, "submission", from->submission_id, sizeof(from->submission_id));
    count_set(o, "records", from->record_count);
    for (size_t i = 0; i < from->rated.line_count; i++) {
        const struct rate_line *line = &from->rated.lines[i];
        json_t *object = json_pack(
            "{s:s, s:I, s:s}", "sku", sku_info(line->sku)->name, "quantity",
            (json_int_t)line->quantity, "unit", sku_info(line->sku)->unit);

        money_set(object, "amount", line->amount_nano);
        json_array_append_new(lines, object);
    }
    json_object_set_new(o, "lines", lines);
    money_set(o, "charge", from->rated.total_nano);
    money_set(o, "billed", from->billed_nano);
    money_set(o, "written_off", from->written_off_nano);
    if (from->voided)
        json_object_set_new(o, "voided", json_true());
    if (from->amends)
        count_set(o, "amends", from->amends);
}

static void admission_put(json_t *o, const struct admission *from)
{
    hex_set(o, "submission", from->submission_id, sizeof(from->submission_id));
    hex_set(o, "customer", from->customer_key, sizeof(from->customer_key));
    hex_set(o, "ratecard_digest", from->card_digest, sizeof(from->card_digest));
    money_set(o, "hold", from->hold_nano);
}

static void change_put(json_t *o, const struct account_changed *from)
{
    text_set(o, "name", from->name);
    money_set(o, "credit_limit", from->credit_limit_nano);
    money_set(o, "low_balance", from->low_balance_nano);
}

static void low_put(json_t *o, const struct low_balance *from)
{
    money_set(o, "available", from->available_nano);
    money_set(o, "threshold", from->threshold_nano);
}

static void invoice_put(json_t *o, const struct invoice_entry *from)
{
    json_t *taxes = json_array();

    count_set(o, "number", from->number);
    time_set(o, "from", from->from_ns);
    time_set(o, "to", from->to_ns);
    count_set(o, "first_entry", from->first_entry);
    count_set(o, "last_entry", from->last_entry);
    money_set(o, "charges", from->charges_nano);
    money_set(o, "notes", from->notes_nano);
    for (size_t i = 0; i < from->tax_count; i++) {
        json_t *tax =
            json_pack("{s:s, s:I}", "name", from->taxes[i].name, "rate_ppm",
                      (json_int_t)from->taxes[i].rate_ppm);

        money_set(tax, "amount", from->taxes[i].amount_nano);
        json_array_append_new(taxes, tax);
    }
    json_object_set_new(o, "taxes", taxes);
    json_object_set_new(o, "taxes_included",
                        json_boolean(from->taxes_included));
    money_set(o, "total", from->total_nano);
    hex_set(o, "digest", from->digest, sizeof(from->digest));
}

json_t *invoice_entry_json(const struct invoice_entry *invoice)
{
    json_t *o = json_object();

    if (o)
        invoice_put(o, invoice);
    return o;
}

// ------------------------------------------------------------------- the whole

static const char *kind_name(enum entry_kind kind)
{
    switch (kind) {
    case ENTRY_ACCOUNT_OPENED:
        return "account opened";
    case ENTRY_RATE_CARD:
        return "rate card";
    case ENTRY_TRANSFER:
        return "transfer";
    case ENTRY_USAGE_RECORD:
        return "usage record";
    case ENTRY_SETTLEMENT:
        return "settlement";
    case ENTRY_ADMISSION:
        return "admission";
    case ENTRY_ACCOUNT_CHANGED:
        return "account changed";
    case ENTRY_LOW_BALANCE:
        return "low balance";
    case ENTRY_INVOICE:
        return "invoice";
    }
    return "?";
}

static void body_put(json_t *o, const struct entry *entry)
{
    switch (entry->kind) {
    case ENTRY_ACCOUNT_OPENED:
        account_put(o, &entry->account_opened);
        break;
    case ENTRY_RATE_CARD:
        card_put(o, &entry->card);
        break;
    case ENTRY_TRANSFER:
        transfer_put(o, &entry->transfer);
        break;
    case ENTRY_USAGE_RECORD:
        hex_set(o, "submission", entry->record.submission_id, LEDGER_ID_SIZE);
        record_put(o, &entry->record);
        break;
    case ENTRY_SETTLEMENT:
        settlement_put(o, &entry->settlement);
        break;
    case ENTRY_ADMISSION:
        admission_put(o, &entry->admission);
        break;
    case ENTRY_ACCOUNT_CHANGED:
        change_put(o, &entry->account_changed);
        break;
    case ENTRY_LOW_BALANCE:
        low_put(o, &entry->low_balance);
        break;
    case ENTRY_INVOICE:
        invoice_put(o, &entry->invoice);
        break;
    }
}

json_t *entry_json(const struct entry *entry, uint64_t number)
{
    json_t *o = json_object();

    if (!o)
        return NULL;
    count_set(o, "entry", number);
    text_set(o, "kind", kind_name(entry->kind));
    time_set(o, "time", entry->time_ns);
    count_set(o, "time_ns", entry->time_ns);
    if (entry->account) {
        count_set(o, "account", entry->account);
        count_set(o, "account_seq", entry->account_seq);
    }
    body_put(o, entry);
    return o;
}
