// SPDX-License-Identifier: ISC
// Entries to bytes and back.
#include "billing/entry.h"

#include <sodium.h>
#include <string.h>
#include "receipt.pb-c.h"

// ------------------------------------------------------------------- packing

static ProtobufCBinaryData bytes_of(const uint8_t *data, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)data};
}

// Fields that do not apply are left out.
static ProtobufCBinaryData bytes_unless_zero(const uint8_t *data, size_t len)
{
    return bytes_of(data, sodium_is_zero(data, len) ? 0 : len);
}

static size_t envelope_pack(const struct entry *entry, Billing__Entry *envelope,
                            uint8_t *out)
{
    envelope->time_ns = entry->time_ns;
    envelope->account = entry->account;
    envelope->account_seq = entry->account_seq;
    envelope->body_case = (Billing__Entry__BodyCase)entry->kind;
    return billing__entry__pack(envelope, out);
}

static size_t account_opened_pack(const struct entry *entry, uint8_t *out)
{
    const struct account_opened *from = &entry->account_opened;
    Billing__Entry envelope = BILLING__ENTRY__INIT;
    Billing__AccountOpened body = BILLING__ACCOUNT_OPENED__INIT;

    body.number = from->number;
    body.kind = from->kind;
    body.key = bytes_unless_zero(from->key, sizeof(from->key));
    body.name = (char *)from->name;
    body.currency = (char *)from->currency;
    body.credit_limit_nano = from->credit_limit_nano;
    envelope.account_opened = &body;
    return envelope_pack(entry, &envelope, out);
}

static size_t transfer_pack(const struct entry *entry, uint8_t *out)
{
    const struct transfer *from = &entry->transfer;
    Billing__Entry envelope = BILLING__ENTRY__INIT;
    Billing__Transfer body = BILLING__TRANSFER__INIT;

    body.id = bytes_of(from->id, sizeof(from->id));
    body.kind = from->kind;
    body.purpose = from->purpose;
    body.debit = from->debit;
    body.credit = from->credit;
    body.amount_nano = from->amount_nano;
    body.pending_id =
        bytes_unless_zero(from->pending_id, sizeof(from->pending_id));
    body.submission_id =
        bytes_unless_zero(from->submission_id, sizeof(from->submission_id));
    body.reference = (char *)from->reference;
    envelope.transfer = &body;
    return envelope_pack(entry, &envelope, out);
}

// The fields of struct usage and of the message, one by one.
#define USAGE_FIELDS(F)                                                        \
    F(starts)                                                                  \
    F(builds)                                                                  \
    F(cpu_ns)                                                                  \
    F(wall_ns)                                                                 \
    F(build_cpu_ns)                                                            \
    F(build_wall_ns)                                                           \
    F(mem_reserved_kib_ms)                                                     \
    F(mem_reserved_kib)                                                        \
    F(mem_peak_kib)                                                            \
    F(net_rx_bytes)                                                            \
    F(net_tx_bytes)                                                            \
    F(net_packets)                                                             \
    F(disk_read_bytes)                                                         \
    F(disk_write_bytes)                                                        \
    F(disk_ops)                                                                \
    F(console_bytes)                                                           \
    F(storage_kib_ms)

static size_t usage_record_pack(const struct entry *entry, uint8_t *out)
{
    const struct usage_record *from = &entry->record;
    Billing__Entry envelope = BILLING__ENTRY__INIT;
    Billing__UsageRecord body = BILLING__USAGE_RECORD__INIT;
    Billing__Usage usage = BILLING__USAGE__INIT;

    body.submission_id =
        bytes_of(from->submission_id, sizeof(from->submission_id));
    body.seq = from->seq;
    body.phase = from->phase;
    body.start_ns = from->start_ns;
    body.end_ns = from->end_ns;
#define TO_MESSAGE(field) usage.field = from->usage.field;
    USAGE_FIELDS(TO_MESSAGE)
    body.usage = &usage;
    envelope.usage_record = &body;
    return envelope_pack(entry, &envelope, out);
}

static size_t settlement_pack(const struct entry *entry, uint8_t *out)
{
    const struct settlement *from = &entry->settlement;
    Billing__Entry envelope = BILLING__ENTRY__INIT;
    Billing__Settlement body = BILLING__SETTLEMENT__INIT;
    Billing__Line lines[RATE_LINES_MAX];
    Billing__Line *list[RATE_LINES_MAX];

    for (size_t i = 0; i < from->rated.line_count; i++) {
        billing__line__init(&lines[i]);
        lines[i].sku = from->rated.lines[i].sku;
        lines[i].quantity = from->rated.lines[i].quantity;
        lines[i].amount_nano = from->rated.lines[i].amount_nano;
        list[i] = &lines[i];
    }
    body.submission_id =
        bytes_of(from->submission_id, sizeof(from->submission_id));
    body.record_count = from->record_count;
    body.n_lines = from->rated.line_count;
    body.lines = list;
    body.charge_nano = from->rated.total_nano;
    body.billed_nano = from->billed_nano;
    body.written_off_nano = from->written_off_nano;
    body.voided = from->voided;
    body.amends = from->amends;
    envelope.settlement = &body;
    return envelope_pack(entry, &envelope, out);
}

static size_t account_changed_pack(const struct entry *entry, uint8_t *out)
{
    const struct account_changed *from = &entry->account_changed;
    Billing__Entry envelope = BILLING__ENTRY__INIT;
    Billing__AccountChanged body = BILLING__ACCOUNT_CHANGED__INIT;

    body.name = (char *)from->name;
    body.credit_limit_nano = from->credit_limit_nano;
    body.low_balance_nano = from->low_balance_nano;
    envelope.account_changed = &body;
    return envelope_pack(entry, &envelope, out);
}

static size_t low_balance_pack(const struct entry *entry, uint8_t *out)
{
    Billing__Entry envelope = BILLING__ENTRY__INIT;
    Billing__LowBalance body = BILLING__LOW_BALANCE__INIT;

    body.available_nano = entry->low_balance.available_nano;
    body.threshold_nano = entry->low_balance.threshold_nano;
    envelope.low_balance = &body;
    return envelope_pack(entry, &envelope, out);
}

static size_t invoice_pack(const struct entry *entry, uint8_t *out)
{
    const struct invoice_entry *from = &entry->invoice;
    Billing__Entry envelope = BILLING__ENTRY__INIT;
    Billing__Invoice body = BILLING__INVOICE__INIT;
    Billing__TaxLine taxes[INVOICE_TAXES_MAX];
    Billing__TaxLine *list[INVOICE_TAXES_MAX];

    for (size_t i = 0; i < from->tax_count; i++) {
        billing__tax_line__init(&taxes[i]);
        taxes[i].name = (char *)from->taxes[i].name;
        taxes[i].rate_ppm = from->taxes[i].rate_ppm;
        taxes[i].amount_nano = from->taxes[i].amount_nano;
        list[i] = &taxes[i];
    }
    body.number = from->number;
    body.from_ns = from->from_ns;
    body.to_ns = from->to_ns;
    body.first_entry = from->first_entry;
    body.last_entry = from->last_entry;
    body.charges_nano = from->charges_nano;
    body.notes_nano = from->notes_nano;
    body.n_taxes = from->tax_count;
    body.taxes = list;
    body.total_nano = from->total_nano;
    body.taxes_included = from->taxes_included;
    body.digest = bytes_of(from->digest, sizeof(from->digest));
    envelope.invoice = &body;
    return envelope_pack(entry, &envelope, out);
}

static size_t admission_pack(const struct entry *entry, uint8_t *out)
{
    const struct admission *from = &entry->admission;
    Billing__Entry envelope = BILLING__ENTRY__INIT;
    Billing__Admission body = BILLING__ADMISSION__INIT;

    body.submission_id =
        bytes_of(from->submission_id, sizeof(from->submission_id));
    body.customer_key =
        bytes_of(from->customer_key, sizeof(from->customer_key));
    body.card_digest = bytes_of(from->card_digest, sizeof(from->card_digest));
    body.hold_nano = from->hold_nano;
    envelope.admission = &body;
    return envelope_pack(entry, &envelope, out);
}

// A card is embedded in the form that its digest covers.
static size_t card_pack(const struct entry *entry, uint8_t *out)
{
    Billing__Entry envelope = BILLING__ENTRY__INIT;
    uint8_t bytes[RATECARD_BYTES_MAX];
    size_t len = ratecard_pack(&entry->card, bytes);
    size_t packed = 0;

    envelope.rate_card = billing__rate_card__unpack(NULL, len, bytes);
    if (envelope.rate_card)
        packed = envelope_pack(entry, &envelope, out);
    billing__rate_card__free_unpacked(envelope.rate_card, NULL);
    return packed;
}

size_t entry_pack(const struct entry *entry, uint8_t out[ENTRY_BYTES_MAX])
{
    switch (entry->kind) {
    case ENTRY_ACCOUNT_OPENED:
        return account_opened_pack(entry, out);
    case ENTRY_RATE_CARD:
        return card_pack(entry, out);
    case ENTRY_TRANSFER:
        return transfer_pack(entry, out);
    case ENTRY_USAGE_RECORD:
        return usage_record_pack(entry, out);
    case ENTRY_SETTLEMENT:
        return settlement_pack(entry, out);
    case ENTRY_ADMISSION:
        return admission_pack(entry, out);
    case ENTRY_ACCOUNT_CHANGED:
        return account_changed_pack(entry, out);
    case ENTRY_LOW_BALANCE:
        return low_balance_pack(entry, out);
    case ENTRY_INVOICE:
        return invoice_pack(entry, out);
    }
    return 0;
}

// ----------------------------------------------------------------- unpacking

// Each returns 0 or -1. What packing again would not reproduce need not be
// checked here: lengths that differ, numbers cut off, text that does not fit.

static int bytes_get(uint8_t *out, size_t len, ProtobufCBinaryData from)
{
    if (from.len == 0)
        return 0;
    if (from.len != len)
        return -1;
    memcpy(out, from.data, len);
    return 0;
}

static int text_get(char *out, size_t size, const char *from)
{
    size_t len = strlen(from);

    if (len >= size)
        return -1;
    memcpy(out, from, len + 1);
    return 0;
}

static int amount_get(int64_t *out, uint64_t from)
{
    *out = (int64_t)from;
    return from <= INT64_MAX ? 0 : -1;
}

static int account_opened_get(struct account_opened *to,
                              const Billing__AccountOpened *from)
{
    to->number = from->number;
    to->kind = from->kind;
    to->credit_limit_nano = from->credit_limit_nano;
    if (to->kind < ACCOUNT_CUSTOMER || to->kind > ACCOUNT_TAX ||
        to->credit_limit_nano < 0 ||
        (to->kind == ACCOUNT_CUSTOMER) != (from->key.len == sizeof(to->key)))
        return -1;
    return bytes_get(to->key, sizeof(to->key), from->key) |
           text_get(to->name, sizeof(to->name), from->name) |
           text_get(to->currency, sizeof(to->currency), from->currency);
}

static int transfer_get(struct transfer *to, const Billing__Transfer *from)
{
    to->kind = from->kind;
    to->purpose = from->purpose;
    to->debit = from->debit;
    to->credit = from->credit;
    if (to->kind < TRANSFER_POSTED || to->kind > TRANSFER_VOID ||
        to->purpose < PURPOSE_TOP_UP || to->purpose > PURPOSE_TAX ||
        from->amount_nano == 0)
        return -1;
    return amount_get(&to->amount_nano, from->amount_nano) |
           bytes_get(to->id, sizeof(to->id), from->id) |
           bytes_get(to->pending_id, sizeof(to->pending_id), from->pending_id) |
           bytes_get(to->submission_id, sizeof(to->submission_id),
                     from->submission_id) |
           text_get(to->reference, sizeof(to->reference), from->reference);
}

static int usage_record_get(struct usage_record *to,
                            const Billing__UsageRecord *from)
{
    to->seq = from->seq;
    to->phase = from->phase;
    to->start_ns = from->start_ns;
    to->end_ns = from->end_ns;
    if (!from->usage || to->seq == 0 || to->start_ns > to->end_ns ||
        to->phase < USAGE_BUILD || to->phase > USAGE_RUN)
        return -1;
#define FROM_MESSAGE(field) to->usage.field = from->usage->field;
    USAGE_FIELDS(FROM_MESSAGE)
    return bytes_get(to->submission_id, sizeof(to->submission_id),
                     from->submission_id);
}

static int settlement_get(struct settlement *to,
                          const Billing__Settlement *from)
{
    to->record_count = from->record_count;
    if (from->n_lines > RATE_LINES_MAX)
        return -1;
    to->rated.line_count = from->n_lines;
    for (size_t i = 0; i < from->n_lines; i++) {
        struct rate_line *line = &to->rated.lines[i];

        line->sku = from->lines[i]->sku;
        line->quantity = from->lines[i]->quantity;
        if (!sku_info(line->sku) ||
            amount_get(&line->amount_nano, from->lines[i]->amount_nano) < 0)
            return -1;
    }
    to->voided = from->voided;
    to->amends = from->amends;
    return amount_get(&to->rated.total_nano, from->charge_nano) |
           amount_get(&to->billed_nano, from->billed_nano) |
           amount_get(&to->written_off_nano, from->written_off_nano) |
           bytes_get(to->submission_id, sizeof(to->submission_id),
                     from->submission_id);
}

static int admission_get(struct admission *to, const Billing__Admission *from)
{
    return amount_get(&to->hold_nano, from->hold_nano) |
           bytes_get(to->submission_id, sizeof(to->submission_id),
                     from->submission_id) |
           bytes_get(to->customer_key, sizeof(to->customer_key),
                     from->customer_key) |
           bytes_get(to->card_digest, sizeof(to->card_digest),
                     from->card_digest);
}

static int account_changed_get(struct account_changed *to,
                               const Billing__AccountChanged *from)
{
    to->credit_limit_nano = from->credit_limit_nano;
    to->low_balance_nano = from->low_balance_nano;
    if (to->credit_limit_nano < 0 || to->low_balance_nano < 0)
        return -1;
    return text_get(to->name, sizeof(to->name), from->name);
}

static int low_balance_get(struct low_balance *to,
                           const Billing__LowBalance *from)
{
    to->available_nano = from->available_nano;
    to->threshold_nano = from->threshold_nano;
    return 0;
}

static int invoice_get(struct invoice_entry *to, const Billing__Invoice *from)
{
    if (from->n_taxes > INVOICE_TAXES_MAX ||
        from->digest.len != sizeof(to->digest))
        return -1;
    to->number = from->number;
    to->from_ns = from->from_ns;
    to->to_ns = from->to_ns;
    to->first_entry = from->first_entry;
    to->last_entry = from->last_entry;
    to->charges_nano = from->charges_nano;
    to->notes_nano = from->notes_nano;
    to->tax_count = from->n_taxes;
    to->total_nano = from->total_nano;
    to->taxes_included = from->taxes_included;
    for (size_t i = 0; i < from->n_taxes; i++) {
        to->taxes[i].rate_ppm = from->taxes[i]->rate_ppm;
        to->taxes[i].amount_nano = from->taxes[i]->amount_nano;
        if (text_get(to->taxes[i].name, sizeof(to->taxes[i].name),
                     from->taxes[i]->name) < 0)
            return -1;
    }
    return bytes_get(to->digest, sizeof(to->digest), from->digest);
}

static int card_get(struct ratecard *to, const Billing__RateCard *from)
{
    uint8_t bytes[RATECARD_BYTES_MAX];

    if (billing__rate_card__get_packed_size(from) > sizeof(bytes))
        return -1;
    return ratecard_unpack(to, bytes, billing__rate_card__pack(from, bytes),
                           NULL);
}

static int entry_get(struct entry *to, const Billing__Entry *from)
{
    memset(to, 0, sizeof(*to));
    to->time_ns = from->time_ns;
    to->account = from->account;
    to->account_seq = from->account_seq;
    to->kind = (enum entry_kind)from->body_case;
    switch (to->kind) {
    case ENTRY_ACCOUNT_OPENED:
        return account_opened_get(&to->account_opened, from->account_opened);
    case ENTRY_RATE_CARD:
        return card_get(&to->card, from->rate_card);
    case ENTRY_TRANSFER:
        return transfer_get(&to->transfer, from->transfer);
    case ENTRY_USAGE_RECORD:
        return usage_record_get(&to->record, from->usage_record);
    case ENTRY_SETTLEMENT:
        return settlement_get(&to->settlement, from->settlement);
    case ENTRY_ADMISSION:
        return admission_get(&to->admission, from->admission);
    case ENTRY_ACCOUNT_CHANGED:
        return account_changed_get(&to->account_changed, from->account_changed);
    case ENTRY_LOW_BALANCE:
        return low_balance_get(&to->low_balance, from->low_balance);
    case ENTRY_INVOICE:
        return invoice_get(&to->invoice, from->invoice);
    }
    return -1;
}

int entry_unpack(struct entry *entry, const uint8_t *bytes, size_t len,
                 struct err *e)
{
    Billing__Entry *message = NULL;
    uint8_t again[ENTRY_BYTES_MAX];
    int ok = 0;

    if (len <= ENTRY_BYTES_MAX)
        message = billing__entry__unpack(NULL, len, bytes);
    if (message)
        ok = entry_get(entry, message) == 0 &&
             entry_pack(entry, again) == len && memcmp(again, bytes, len) == 0;
    billing__entry__free_unpacked(message, NULL);
    return ok ? 0 : err_set(e, EBADMSG, "the entry is malformed");
}

// --------------------------------------------------------------- shared rules

bool transfer_is_line(const struct transfer *transfer, uint64_t account)
{
    return (transfer->kind == TRANSFER_POSTED ||
            transfer->kind == TRANSFER_POST) &&
           (transfer->debit == account || transfer->credit == account);
}

// The eight bytes of a number, little endian.
static void number_hash(crypto_hash_sha256_state *state, uint64_t number)
{
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
    crypto_hash_sha256_update(state, bytes, sizeof(bytes));
}

static void text_hash(crypto_hash_sha256_state *state, const char *text)
{
    crypto_hash_sha256_update(state, (const uint8_t *)text, strlen(text));
}

static void id_take(crypto_hash_sha256_state *state, uint8_t id[LEDGER_ID_SIZE])
{
    uint8_t hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_final(state, hash);
    memcpy(id, hash, LEDGER_ID_SIZE);
}

void transfer_id(const uint8_t submission_id[LEDGER_ID_SIZE],
                 enum transfer_purpose purpose, uint64_t record_count,
                 uint8_t id[LEDGER_ID_SIZE])
{
    static const char *const steps[] = {
        [PURPOSE_HOLD] = "hold",
        [PURPOSE_CHARGE] = "charge",
        [PURPOSE_RELEASE] = "release",
        [PURPOSE_WRITE_OFF] = "write-off",
        [PURPOSE_LATE_CHARGE] = "late charge",
        [PURPOSE_LATE_WRITE_OFF] = "late write-off",
    };
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    text_hash(&state, "hostel transfer v1");
    crypto_hash_sha256_update(&state, submission_id, LEDGER_ID_SIZE);
    text_hash(&state, steps[purpose]);
    if (purpose >= PURPOSE_LATE_CHARGE)
        number_hash(&state, record_count);
    id_take(&state, id);
}

void transfer_id_tax(uint64_t invoice, uint64_t line,
                     uint8_t id[LEDGER_ID_SIZE])
{
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    text_hash(&state, "hostel invoice tax v1");
    number_hash(&state, invoice);
    number_hash(&state, line);
    id_take(&state, id);
}

int settlement_rate(struct settlement *settlement, const struct ratecard *card,
                    const struct usage *usage, int64_t hold_nano, struct err *e)
{
    int r = rate_usage(card, usage, &settlement->rated, e);
    int64_t charge = settlement->rated.total_nano;

    if (r < 0)
        return r;
    settlement->billed_nano = charge < hold_nano ? charge : hold_nano;
    settlement->written_off_nano = charge - settlement->billed_nano;
    return 0;
}

int settlement_amend(struct settlement *settlement,
                     const struct settlement *before,
                     const struct ratecard *card, const struct usage *usage,
                     int64_t hold_nano, int64_t room_nano, struct err *e)
{
    int64_t more, in_hold;
    int r = settlement_rate(settlement, card, usage, hold_nano, e);

    if (r < 0)
        return r;
    more = settlement->rated.total_nano - before->rated.total_nano;
    in_hold = hold_nano - before->billed_nano;
    // Rates are monotone, so usage that was added costs no less.
    if (more < 0 || in_hold < 0)
        return err_set(e, ERANGE, "a charge would fall with more usage");
    if (more > in_hold)
        more = in_hold;
    if (more > room_nano)
        more = room_nano > 0 ? room_nano : 0;
    settlement->billed_nano = before->billed_nano + more;
    settlement->written_off_nano =
        settlement->rated.total_nano - settlement->billed_nano;
    return 0;
}

bool settlement_same(const struct settlement *a, const struct settlement *b)
{
    const struct rated *x = &a->rated, *y = &b->rated;
    bool same = x->line_count == y->line_count &&
                x->total_nano == y->total_nano &&
                a->billed_nano == b->billed_nano &&
                a->written_off_nano == b->written_off_nano;

    for (size_t i = 0; same && i < x->line_count; i++)
        same = x->lines[i].sku == y->lines[i].sku &&
               x->lines[i].quantity == y->lines[i].quantity &&
               x->lines[i].amount_nano == y->lines[i].amount_nano;
    return same;
}
