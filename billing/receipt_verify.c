// SPDX-License-Identifier: ISC
// Verifying a receipt offline. From outside in: form, certificates, batches,
// inclusion of each entry; then what the entries say, in their order:
//
//   admission  [hold]  usage records  [charge | release]  [write-off]
//   settlement
//   and for each usage record that came late:
//   usage record  [late charge]  [late write-off]  settlement
//
// One that ends before its first settlement is of a submission that runs.
#include "billing/receipt.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/cleanup.h"
#include "receipt.pb-c.h"
#include "billing/batch.h"
#include "billing/entry.h"
#include "billing/merkle.h"

// How far the story has come.
enum stage {
    STAGE_START,
    STAGE_ADMITTED,
    STAGE_USAGE,
    STAGE_CHARGED,
    STAGE_WRITTEN_OFF,
    STAGE_SETTLED,
    STAGE_LATE_USAGE,
    STAGE_LATE_CHARGED,
    STAGE_LATE_WRITTEN_OFF,
};

struct checker {
    const Billing__Receipt *message;
    const uint8_t *node_id;
    struct receipt_report *report;
    struct key_cert *certs;
    bool *cert_used;
    struct batch *batches;

    enum stage stage;
    int64_t held_nano;
    int64_t charged_nano;
    int64_t released_nano;
    int64_t written_off_nano;
    int64_t late_charged_nano; // since the last settlement
    int64_t late_written_off_nano;
    struct settlement settled;  // the last one
    uint64_t settlement_number; // of its entry in the log
    uint64_t *record_seqs;
    size_t record_count;
};

#define bad(e, ...) err_set(e, EBADMSG, __VA_ARGS__)

// --------------------------------------------------------- form, certificates

// There is one encoding: what packing gives back.
static int form_check(const Billing__Receipt *message, const uint8_t *bytes,
                      size_t len, struct err *e)
{
    cleanup_free uint8_t *again = NULL;

    if (strcmp(message->format, RECEIPT_FORMAT) != 0)
        return bad(e, "this is not a receipt of the kind \"%s\"",
                   RECEIPT_FORMAT);
    if (billing__receipt__get_packed_size(message) != len)
        return bad(e, "the receipt has bytes that mean nothing");
    again = malloc(len);
    if (!again)
        return err_set(e, ENOMEM, "no memory to verify the receipt");
    billing__receipt__pack(message, again);
    // Unknown fields are packed again too, so they are looked for by name.
    if (memcmp(again, bytes, len) != 0 || message->base.n_unknown_fields)
        return bad(e, "the receipt is not in its canonical form");
    for (size_t i = 0; i < message->n_batches; i++)
        if (message->batches[i]->base.n_unknown_fields)
            return bad(e, "a batch of the receipt has unknown fields");
    for (size_t i = 0; i < message->n_entries; i++)
        if (message->entries[i]->base.n_unknown_fields)
            return bad(e, "an entry of the receipt has unknown fields");
    if (message->n_entries == 0 || message->n_entries > RECEIPT_ENTRIES_MAX ||
        message->n_batches > message->n_entries ||
        message->n_certs > message->n_batches)
        return bad(e, "the receipt's lists have impossible lengths");
    return 0;
}

static int certs_check(struct checker *c, struct err *e)
{
    const Billing__Receipt *message = c->message;
    uint8_t bytes[KEY_CERT_MAX];

    if (message->node_id.len != LEDGER_KEY_SIZE ||
        memcmp(message->node_id.data, c->node_id, LEDGER_KEY_SIZE) != 0)
        return bad(e, "the receipt is of another node");
    for (size_t i = 0; i < message->n_certs; i++) {
        size_t len = billing__key_cert__get_packed_size(message->certs[i]);
        int r;

        if (len > sizeof(bytes))
            return bad(e, "the receipts key's certificate is malformed");
        billing__key_cert__pack(message->certs[i], bytes);
        r = key_cert_unpack(&c->certs[i], bytes, len, e);
        if (r == 0)
            r = key_cert_verify(&c->certs[i], c->node_id, e);
        if (r < 0)
            return r;
    }
    return 0;
}

// ------------------------------------------------------------------- batches

// A key can have several certificates, one after the other.
static const struct key_cert *cert_of(struct checker *c,
                                      const struct batch *batch)
{
    const struct key_cert *found = NULL;

    for (size_t i = 0; i < c->message->n_certs; i++) {
        const struct key_cert *cert = &c->certs[i];

        if (memcmp(cert->public_key, batch->receipts_key, 32) != 0)
            continue;
        found = cert;
        if (batch_time_valid(batch->time_ns, cert)) {
            c->cert_used[i] = true;
            break;
        }
    }
    return found;
}

static int batch_check(struct checker *c, size_t i, struct err *e)
{
    const Billing__Batch *from = c->message->batches[i];
    struct batch *batch = &c->batches[i];
    uint8_t prev_hash[MERKLE_HASH_SIZE];
    const struct key_cert *cert;
    int r = batch_unpack(batch, from->header.data, from->header.len, e);

    if (r < 0)
        return r;
    if (from->signature.len != BATCH_SIGNATURE_SIZE)
        return bad(e, "a signature has the wrong length");
    cert = cert_of(c, batch);
    if (!cert)
        return bad(e, "batch %llu is signed by an unknown key",
                   (unsigned long long)batch->number);
    r = batch_verify(batch, from->header.data, from->header.len,
                     from->signature.data, cert, e);
    if (r < 0 || i == 0)
        return r;
    if (batch->number <= batch[-1].number)
        return bad(e, "the batches are out of order");
    batch_hash(c->message->batches[i - 1]->header.data,
               c->message->batches[i - 1]->header.len, prev_hash);
    if (batch->number == batch[-1].number + 1 &&
        memcmp(batch->prev_hash, prev_hash, sizeof(prev_hash)) != 0)
        return bad(e, "batch %llu does not continue the one before",
                   (unsigned long long)batch->number);
    return 0;
}

static int batches_check(struct checker *c, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < c->message->n_batches; i++)
        r = batch_check(c, i, e);
    for (size_t i = 0; r == 0 && i < c->message->n_certs; i++)
        if (!c->cert_used[i])
            r = bad(e, "the receipt has a certificate that nothing needs");
    return r;
}

// ----------------------------------------------------------------- inclusion

static int inclusion_check(const struct checker *c, size_t i, struct err *e)
{
    const Billing__Included *in = c->message->entries[i];
    const Billing__Included *before = i ? c->message->entries[i - 1] : NULL;
    const struct batch *batch;
    uint8_t leaf[MERKLE_HASH_SIZE];

    if (in->batch >= c->message->n_batches || in->salt.len != ENTRY_SALT_SIZE ||
        in->proof.len % MERKLE_HASH_SIZE ||
        in->proof.len > MERKLE_PROOF_MAX * MERKLE_HASH_SIZE)
        return bad(e, "entry %zu of the receipt is malformed", i + 1);
    // Every batch is there for an entry, and in their order.
    if (before ? in->batch - before->batch > 1 ||
                     (in->batch == before->batch && in->leaf <= before->leaf)
               : in->batch != 0)
        return bad(e, "the receipt's entries are out of order");
    batch = &c->batches[in->batch];
    merkle_leaf(in->salt.data, in->salt.len, in->entry.data, in->entry.len,
                leaf);
    if (merkle_verify(leaf, in->leaf, batch->leaf_count,
                      (const uint8_t(*)[MERKLE_HASH_SIZE])in->proof.data,
                      in->proof.len / MERKLE_HASH_SIZE, batch->root) < 0)
        return bad(e,
                   "entry %zu of the receipt is not in the signed batch %llu",
                   i + 1, (unsigned long long)batch->number);
    return 0;
}

// ------------------------------------------------------------------- contents

// All entries are of one submission and account, in the account's order.
static int whose_check(struct checker *c, const struct entry *entry,
                       const uint8_t submission_id[LEDGER_ID_SIZE],
                       struct err *e)
{
    struct receipt_report *report = c->report;

    if (c->stage == STAGE_START)
        return bad(e, "the receipt does not begin with an admission");
    if (entry->account != report->account_number ||
        memcmp(submission_id, report->books.submission_id, LEDGER_ID_SIZE) != 0)
        return bad(e, "the receipt mixes submissions or accounts");
    if (entry->account_seq <= report->account_seq_last)
        return bad(e, "the account's entries are out of order");
    report->account_seq_last = entry->account_seq;
    return 0;
}

static int admission_take(struct checker *c, const struct entry *entry,
                          struct err *e)
{
    const struct admission *admission = &entry->admission;
    struct receipt_report *report = c->report;
    struct submission_books *books = &report->books;

    if (c->stage != STAGE_START)
        return bad(e, "the receipt has two admissions");
    c->stage = STAGE_ADMITTED;
    if (memcmp(admission->card_digest, report->card_digest,
               RATECARD_DIGEST_SIZE) != 0)
        return bad(e, "the submission was accepted by another rate card");
    if (!ratecard_applies(&report->card, admission->customer_key,
                          entry->time_ns))
        return bad(e, "the rate card is of another time or customer");
    memcpy(books->submission_id, admission->submission_id, LEDGER_ID_SIZE);
    memcpy(books->key, admission->customer_key, sizeof(books->key));
    strcpy(books->currency, report->card.currency);
    books->hold_nano = admission->hold_nano;
    report->account_number = entry->account;
    report->account_seq_first = entry->account_seq;
    report->account_seq_last = entry->account_seq;
    return 0;
}

static int transfer_take(struct checker *c, const struct entry *entry,
                         struct err *e)
{
    static const struct {
        enum transfer_kind kind;
        enum stage from, to; // allowed in stages before `to`, from `from` on
    } rules[] = {
        [PURPOSE_HOLD] = {TRANSFER_PENDING, STAGE_ADMITTED, STAGE_USAGE},
        [PURPOSE_CHARGE] = {TRANSFER_POST, STAGE_USAGE, STAGE_CHARGED},
        [PURPOSE_RELEASE] = {TRANSFER_VOID, STAGE_USAGE, STAGE_CHARGED},
        [PURPOSE_WRITE_OFF] = {TRANSFER_POSTED, STAGE_ADMITTED,
                               STAGE_WRITTEN_OFF},
        [PURPOSE_LATE_CHARGE] = {TRANSFER_POSTED, STAGE_LATE_USAGE,
                                 STAGE_LATE_CHARGED},
        [PURPOSE_LATE_WRITE_OFF] = {TRANSFER_POSTED, STAGE_LATE_USAGE,
                                    STAGE_LATE_WRITTEN_OFF},
    };
    const struct transfer *transfer = &entry->transfer;
    enum transfer_purpose purpose = transfer->purpose;
    int64_t *const sums[] = {
        [PURPOSE_HOLD] = &c->held_nano,
        [PURPOSE_CHARGE] = &c->charged_nano,
        [PURPOSE_RELEASE] = &c->released_nano,
        [PURPOSE_WRITE_OFF] = &c->written_off_nano,
        [PURPOSE_LATE_CHARGE] = &c->late_charged_nano,
        [PURPOSE_LATE_WRITE_OFF] = &c->late_written_off_nano,
    };
    uint8_t id[LEDGER_ID_SIZE], hold_id[LEDGER_ID_SIZE] = {0};
    int r = whose_check(c, entry, transfer->submission_id, e);

    if (r < 0)
        return r;
    if (!purpose_is_step(purpose) || transfer->kind != rules[purpose].kind ||
        c->stage < rules[purpose].from || c->stage >= rules[purpose].to)
        return bad(e, "the receipt has a transfer that does not belong there");
    c->stage = rules[purpose].to;
    transfer_id(transfer->submission_id, purpose, c->record_count, id);
    if (purpose == PURPOSE_CHARGE || purpose == PURPOSE_RELEASE)
        transfer_id(transfer->submission_id, PURPOSE_HOLD, 0, hold_id);
    if (memcmp(transfer->id, id, sizeof(id)) != 0 ||
        memcmp(transfer->pending_id, hold_id, sizeof(hold_id)) != 0)
        return bad(e, "a transfer's id is not the submission's");
    if (purpose != PURPOSE_WRITE_OFF && purpose != PURPOSE_LATE_WRITE_OFF &&
        transfer->debit != entry->account)
        return bad(e, "a transfer debits another account");
    *sums[purpose] = transfer->amount_nano;
    return 0;
}

static int record_take(struct checker *c, const struct entry *entry,
                       struct err *e)
{
    const struct usage_record *record = &entry->record;
    int r = whose_check(c, entry, record->submission_id, e);

    if (r < 0)
        return r;
    if (c->stage > STAGE_USAGE && c->stage != STAGE_SETTLED)
        return bad(e, "the receipt has usage after the charge");
    c->stage = c->stage == STAGE_SETTLED ? STAGE_LATE_USAGE : STAGE_USAGE;
    c->record_seqs[c->record_count++] = record->seq;
    if (usage_add(&c->report->books.usage, &record->usage) < 0)
        return bad(e, "the usage records add up to too much");
    return 0;
}

// Rates the records again and compares.
static int first_check(struct checker *c, const struct settlement *settlement,
                       struct err *e)
{
    struct receipt_report *report = c->report;
    int64_t hold = report->books.hold_nano;
    struct settlement own;

    if (settlement->amends)
        return bad(e, "the first settlement amends another");
    if (settlement_rate(&own, &report->card, &report->books.usage, hold, e) < 0)
        return bad(e, "the usage cannot be rated");
    if (!settlement_same(&own, settlement))
        return bad(e,
                   "the charge is not what the usage costs by the rate card");
    if (c->held_nano != hold || c->charged_nano != own.billed_nano ||
        c->released_nano != (own.billed_nano ? 0 : hold) ||
        c->written_off_nano != own.written_off_nano)
        return bad(e, "the transfers are not those of the settlement");
    return 0;
}

// What the account had room for cannot be seen from here: less than the cap may
// have been billed, never more, and all that moved must be there.
static int late_check(struct checker *c, const struct settlement *settlement,
                      struct err *e)
{
    struct receipt_report *report = c->report;
    struct settlement own;
    int64_t more = settlement->billed_nano - c->settled.billed_nano;

    if (settlement->amends != c->settlement_number)
        return bad(e, "a settlement amends another than the one before");
    if (settlement_amend(&own, &c->settled, &report->card, &report->books.usage,
                         report->books.hold_nano, more, e) < 0)
        return bad(e, "the usage cannot be rated");
    if (!settlement_same(&own, settlement))
        return bad(e,
                   "the charge is not what the usage costs by the rate card");
    if (c->late_charged_nano != more ||
        c->late_written_off_nano !=
            own.written_off_nano - c->settled.written_off_nano)
        return bad(e, "the transfers are not those of the settlement");
    c->late_charged_nano = 0;
    c->late_written_off_nano = 0;
    return 0;
}

static int settlement_take(struct checker *c, const struct entry *entry,
                           uint64_t number, struct err *e)
{
    const struct settlement *settlement = &entry->settlement;
    struct submission_books *books = &c->report->books;
    int r = whose_check(c, entry, settlement->submission_id, e);

    if (r < 0)
        return r;
    if (settlement->voided)
        return bad(e, "the submission never began");
    if (settlement->record_count != c->record_count)
        return bad(e,
                   "the settlement counts %llu usage records, the receipt has "
                   "%zu",
                   (unsigned long long)settlement->record_count,
                   c->record_count);
    if (c->stage == STAGE_SETTLED)
        return bad(e, "the receipt has a settlement for nothing");
    r = c->stage > STAGE_SETTLED ? late_check(c, settlement, e)
                                 : first_check(c, settlement, e);
    if (r < 0)
        return r;
    if (c->stage < STAGE_SETTLED)
        books->settled_ns = entry->time_ns;
    c->stage = STAGE_SETTLED;
    c->settled = *settlement;
    c->settlement_number = number;
    c->report->settlement_count++;
    c->report->rated = settlement->rated;
    books->state = SUBMISSION_SETTLED;
    books->record_count = settlement->record_count;
    books->charge_nano = settlement->rated.total_nano;
    books->billed_nano = settlement->billed_nano;
    books->written_off_nano = settlement->written_off_nano;
    books->sealed = 1;
    return 0;
}

// The end of a receipt whose submission runs: what it would cost by now.
static int running_close(struct checker *c, struct err *e)
{
    struct receipt_report *report = c->report;

    if (c->stage > STAGE_USAGE || c->held_nano != report->books.hold_nano)
        return bad(e, "the receipt ends too early");
    report->books.state = SUBMISSION_HELD;
    report->books.record_count = c->record_count;
    if (rate_usage(&report->card, &report->books.usage, &report->rated, e) < 0)
        return bad(e, "the usage cannot be rated");
    return 0;
}

static int entry_take(struct checker *c, size_t i, struct err *e)
{
    const Billing__Included *in = c->message->entries[i];
    struct entry entry;
    int r = inclusion_check(c, i, e);

    if (r == 0)
        r = entry_unpack(&entry, in->entry.data, in->entry.len, e);
    if (r < 0)
        return r;
    switch (entry.kind) {
    case ENTRY_ADMISSION:
        return admission_take(c, &entry, e);
    case ENTRY_TRANSFER:
        return transfer_take(c, &entry, e);
    case ENTRY_USAGE_RECORD:
        return record_take(c, &entry, e);
    case ENTRY_SETTLEMENT:
        return settlement_take(c, &entry,
                               c->batches[in->batch].first_entry + in->leaf, e);
    case ENTRY_ACCOUNT_OPENED:
    case ENTRY_RATE_CARD:
    case ENTRY_ACCOUNT_CHANGED:
    case ENTRY_LOW_BALANCE:
    case ENTRY_INVOICE:
        break;
    }
    return bad(e, "the receipt has an entry that does not belong there");
}

static int seq_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

// No usage record counts twice.
static int seqs_check(struct checker *c, struct err *e)
{
    uint64_t *seqs = c->record_seqs;

    qsort(seqs, c->record_count, sizeof(*seqs), seq_compare);
    for (size_t i = 1; i < c->record_count; i++)
        if (seqs[i] == seqs[i - 1])
            return bad(e, "usage record %llu is there twice",
                       (unsigned long long)seqs[i]);
    if (c->record_count)
        c->report->books.last_record_seq = seqs[c->record_count - 1];
    return 0;
}

static int entries_check(struct checker *c, struct err *e)
{
    size_t count = c->message->n_entries;
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = entry_take(c, i, e);
    if (r < 0)
        return r;
    if (c->stage < STAGE_SETTLED)
        r = running_close(c, e);
    else if (c->stage > STAGE_SETTLED)
        r = bad(e, "the receipt lacks its last settlement");
    if (r < 0)
        return r;
    if (c->message->entries[count - 1]->batch != c->message->n_batches - 1)
        return bad(e, "the receipt has a batch that nothing needs");
    return seqs_check(c, e);
}

// ---------------------------------------------------------------- the whole

static int card_check(struct checker *c, struct err *e)
{
    ProtobufCBinaryData bytes = c->message->rate_card;

    if (ratecard_unpack(&c->report->card, bytes.data, bytes.len, e) < 0)
        return bad(e, "the receipt's rate card is malformed");
    crypto_hash_sha256(c->report->card_digest, bytes.data, bytes.len);
    return 0;
}

static int receipt_check(struct checker *c, const uint8_t *bytes, size_t len,
                         struct err *e)
{
    struct receipt_report *report = c->report;
    const struct batch *last;
    int r = form_check(c->message, bytes, len, e);

    if (r == 0)
        r = card_check(c, e);
    if (r < 0)
        return r;
    c->certs = calloc(c->message->n_certs + 1, sizeof(*c->certs));
    c->cert_used = calloc(c->message->n_certs + 1, sizeof(*c->cert_used));
    c->batches = calloc(c->message->n_batches + 1, sizeof(*c->batches));
    c->record_seqs = calloc(c->message->n_entries, sizeof(*c->record_seqs));
    if (!c->certs || !c->cert_used || !c->batches || !c->record_seqs)
        return err_set(e, ENOMEM, "no memory to verify the receipt");
    r = certs_check(c, e);
    if (r == 0)
        r = batches_check(c, e);
    if (r == 0)
        r = entries_check(c, e);
    if (r < 0)
        return r;
    last = &c->batches[c->message->n_batches - 1];
    memcpy(report->node_id, c->node_id, sizeof(report->node_id));
    report->batch_first = c->batches[0].number;
    report->batch_last = last->number;
    memcpy(report->batch_root, last->root, sizeof(report->batch_root));
    report->entry_count = c->message->n_entries;
    return 0;
}

int receipt_verify(const uint8_t *bytes, size_t len,
                   const uint8_t node_id[LEDGER_KEY_SIZE],
                   struct receipt_report *report, struct err *e)
{
    struct checker c = {.node_id = node_id, .report = report};
    Billing__Receipt *message;
    int r;

    memset(report, 0, sizeof(*report));
    if (sodium_init() < 0)
        return err_set(e, EIO, "libsodium does not work on this machine");
    if (len > RECEIPT_MAX)
        return bad(e, "the receipt is larger than %d bytes", RECEIPT_MAX);
    message = billing__receipt__unpack(NULL, len, bytes);
    if (!message)
        return bad(e, "this is not a receipt");
    c.message = message;
    r = receipt_check(&c, bytes, len, e);
    free(c.certs);
    free(c.cert_used);
    free(c.batches);
    free(c.record_seqs);
    billing__receipt__free_unpacked(message, NULL);
    return r;
}
