// SPDX-License-Identifier: ISC
// A node that signs what is not true. Each case takes an honest story, changes
// one thing, builds the tree and signs it properly; the customer's verification
// must name the lie, and the second verifier must refuse it as well.
#include "tests/unit/receipt_second.h"
#include "receipt.pb-c.h"
#include "billing/batch.h"
#include "billing/entry.h"
#include "billing/merkle.h"

#define ENTRIES_MAX 8

// What a receipt is made from.
struct story {
    struct ratecard card; // shown in the receipt
    struct key_cert cert;
    struct batch batch; // root and counts are filled in
    size_t count;
    struct entry entries[ENTRIES_MAX];
};

enum { ADMISSION, HOLD, RECORD_1, RECORD_2, CHARGE, WRITE_OFF, SETTLEMENT };

static uint8_t node_id[32], node_secret[64];
static struct receipts_key key;
static const uint64_t now_s = 1800000000;

static struct transfer transfer_of(enum transfer_kind kind,
                                   enum transfer_purpose purpose,
                                   int64_t amount_nano)
{
    struct transfer transfer = {.kind = kind,
                                .purpose = purpose,
                                .debit = purpose == PURPOSE_WRITE_OFF ? 3 : 4,
                                .credit = 2,
                                .amount_nano = amount_nano};

    id_of(10, transfer.submission_id);
    transfer_id(transfer.submission_id, purpose, 0, transfer.id);
    if (purpose == PURPOSE_CHARGE || purpose == PURPOSE_RELEASE)
        transfer_id(transfer.submission_id, PURPOSE_HOLD, 0,
                    transfer.pending_id);
    return transfer;
}

// Held 400, used 1 + 500 = 501: 400 billed, 101 written off.
static struct story honest(void)
{
    struct story s = {.count = 7, .cert = key.cert};
    struct entry *e = s.entries;
    struct usage usage = {0};
    uint8_t customer[LEDGER_KEY_SIZE];

    OK(ratecard_parse(&s.card, test_card, strlen(test_card), "t", &test_err));
    e[ADMISSION].kind = ENTRY_ADMISSION;
    id_of(10, e[ADMISSION].admission.submission_id);
    memcpy(e[ADMISSION].admission.customer_key, key_of(1, customer), 32);
    ratecard_digest(&s.card, e[ADMISSION].admission.card_digest);
    e[ADMISSION].admission.hold_nano = 400;
    e[HOLD].kind = ENTRY_TRANSFER;
    e[HOLD].transfer = transfer_of(TRANSFER_PENDING, PURPOSE_HOLD, 400);
    e[RECORD_1].kind = e[RECORD_2].kind = ENTRY_USAGE_RECORD;
    e[RECORD_1].record = record_of(10, 1, 100000);
    e[RECORD_2].record = record_of(10, 2, 150000);
    e[CHARGE].kind = ENTRY_TRANSFER;
    e[CHARGE].transfer = transfer_of(TRANSFER_POST, PURPOSE_CHARGE, 400);
    e[WRITE_OFF].kind = ENTRY_TRANSFER;
    e[WRITE_OFF].transfer =
        transfer_of(TRANSFER_POSTED, PURPOSE_WRITE_OFF, 101);
    e[SETTLEMENT].kind = ENTRY_SETTLEMENT;
    id_of(10, e[SETTLEMENT].settlement.submission_id);
    e[SETTLEMENT].settlement.record_count = 2;
    OK(usage_add(&usage, &e[RECORD_1].record.usage));
    OK(usage_add(&usage, &e[RECORD_2].record.usage));
    OK(settlement_rate(&e[SETTLEMENT].settlement, &s.card, &usage, 400,
                       &test_err));
    for (size_t i = 0; i < s.count; i++) {
        e[i].time_ns = now_s * 1000000000 + i;
        e[i].account = 4;
        e[i].account_seq = 20 + i;
    }
    memcpy(s.batch.node_id, node_id, 32);
    memcpy(s.batch.receipts_key, key.cert.public_key, 32);
    s.batch.number = 3;
    s.batch.first_entry = 50;
    s.batch.time_ns = now_s * 1000000000;
    return s;
}

// ------------------------------------------------------------- the signing

static ProtobufCBinaryData bytes_of(const void *data, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)data};
}

static size_t receipt_forge(struct story *s, uint8_t *out)
{
    static uint8_t packed[ENTRIES_MAX][ENTRY_BYTES_MAX];
    static uint8_t nodes[MERKLE_NODES(ENTRIES_MAX)][32];
    static uint8_t proofs[ENTRIES_MAX][MERKLE_PROOF_MAX][32];
    static const uint8_t salt[ENTRY_SALT_SIZE] = "sixteen bytes of";
    Billing__Receipt receipt = BILLING__RECEIPT__INIT;
    Billing__KeyCert cert = BILLING__KEY_CERT__INIT, *certs = &cert;
    Billing__Batch batch = BILLING__BATCH__INIT, *batches = &batch;
    Billing__Included included[ENTRIES_MAX], *list[ENTRIES_MAX];
    uint8_t header[BATCH_HEADER_MAX], signature[64], card[RATECARD_BYTES_MAX];
    size_t header_len, top;

    for (size_t i = 0; i < s->count; i++) {
        billing__included__init(&included[i]);
        list[i] = &included[i];
        included[i].leaf = i;
        included[i].salt = bytes_of(salt, sizeof(salt));
        included[i].entry =
            bytes_of(packed[i], entry_pack(&s->entries[i], packed[i]));
        merkle_leaf(salt, sizeof(salt), packed[i], included[i].entry.len,
                    nodes[i]);
    }
    top = merkle_tree(nodes, s->count);
    memcpy(s->batch.root, nodes[top], 32);
    for (size_t i = 0; i < s->count; i++)
        included[i].proof = bytes_of(
            proofs[i], 32 * merkle_proof(nodes, s->count, i, proofs[i]));
    s->batch.leaf_count = s->count;
    header_len = batch_pack(&s->batch, header);
    batch_sign(header, header_len, key.secret, signature);
    batch.header = bytes_of(header, header_len);
    batch.signature = bytes_of(signature, sizeof(signature));
    cert.node_id = bytes_of(s->cert.node_id, 32);
    cert.public_key = bytes_of(s->cert.public_key, 32);
    cert.not_before_s = s->cert.not_before_s;
    cert.not_after_s = s->cert.not_after_s;
    cert.signature = bytes_of(s->cert.signature, 64);
    receipt.format = (char *)RECEIPT_FORMAT;
    receipt.node_id = bytes_of(node_id, 32);
    receipt.rate_card = bytes_of(card, ratecard_pack(&s->card, card));
    receipt.n_certs = receipt.n_batches = 1;
    receipt.certs = &certs;
    receipt.batches = &batches;
    receipt.n_entries = s->count;
    receipt.entries = list;
    return billing__receipt__pack(&receipt, out);
}

static void expect(struct story *s, const char *sentence)
{
    static uint8_t bytes[1 << 16];
    struct receipt_report report;
    size_t len = receipt_forge(s, bytes);
    int r;

    test_err.text[0] = '\0';
    r = receipt_verify(bytes, len, node_id, &report, &test_err);
    second_save(bytes, len, !sentence);
    if (sentence ? r != -EBADMSG || !strstr(test_err.text, sentence) : r != 0) {
        fprintf(stderr, "expected \"%s\", got %d \"%s\"\n",
                sentence ? sentence : "ok", r, test_err.text);
        exit(1);
    }
}

// ----------------------------------------------------------------- the lies

// LIE(change, sentence): an honest story `s` with its entries `e`, changed.
#define LIE(change, sentence)                                                  \
    do {                                                                       \
        struct story s = honest();                                             \
        struct entry *e = s.entries;                                           \
                                                                               \
        (void)e;                                                               \
        change;                                                                \
        expect(&s, sentence);                                                  \
    } while (0)

static void entry_drop(struct story *s, size_t i)
{
    s->count--;
    memmove(&s->entries[i], &s->entries[i + 1],
            (s->count - i) * sizeof(s->entries[0]));
}

static void entries_swap(struct story *s, size_t i, size_t k)
{
    struct entry entry = s->entries[i];
    uint64_t seq = entry.account_seq;

    s->entries[i] = s->entries[k];
    s->entries[i].account_seq = seq;
    entry.account_seq = s->entries[k].account_seq;
    s->entries[k] = entry;
}

static void money_lies(void)
{
    LIE(e[SETTLEMENT].settlement.billed_nano++, "not what the usage costs");
    LIE(e[SETTLEMENT].settlement.rated.total_nano++,
        "not what the usage costs");
    LIE(e[SETTLEMENT].settlement.rated.lines[0].amount_nano++,
        "not what the usage costs");
    LIE(e[SETTLEMENT].settlement.rated.lines[1].quantity++,
        "not what the usage costs");
    LIE(e[SETTLEMENT].settlement.rated.line_count--,
        "not what the usage costs");
    LIE(e[SETTLEMENT].settlement.rated.lines[1].sku = SKU_STORAGE,
        "not what the usage costs");
    // The cap lifted for the bill only; billed beyond the cap.
    LIE(e[SETTLEMENT].settlement.billed_nano = 501;
        e[SETTLEMENT].settlement.written_off_nano = 0,
        "not what the usage costs");
    LIE(e[CHARGE].transfer.amount_nano = 501, "not those of the settlement");
    LIE(e[HOLD].transfer.amount_nano = 501, "not those of the settlement");
    LIE(e[WRITE_OFF].transfer.amount_nano = 1, "not those of the settlement");
    LIE(entry_drop(&s, WRITE_OFF), "not those of the settlement");
    LIE(e[CHARGE].transfer.debit = 5, "debits another account");
    // Dearer than agreed.
    LIE(s.card.prices[SKU_DOMAIN_CPU].nano++, "by another rate card");
    LIE(s.card.prices[SKU_DOMAIN_CPU].nano = 3;
        ratecard_digest(&s.card, e[ADMISSION].admission.card_digest),
        "not what the usage costs");
    // By a card of the future, or of somebody else.
    LIE(s.card.effective_s = now_s + 1;
        ratecard_digest(&s.card, e[ADMISSION].admission.card_digest),
        "of another time or customer");
    LIE(s.card.customer[0] = 1;
        ratecard_digest(&s.card, e[ADMISSION].admission.card_digest),
        "of another time or customer");
    LIE(s.card.prices[SKU_DOMAIN_CPU].included = 100000;
        ratecard_digest(&s.card, e[ADMISSION].admission.card_digest),
        "not what the usage costs");
    LIE(s.card.prices[SKU_DOMAIN_CPU].minimum_nano = 600;
        ratecard_digest(&s.card, e[ADMISSION].admission.card_digest),
        "not what the usage costs");
}

static void usage_lies(void)
{
    LIE(e[RECORD_1].record.usage.cpu_ns += 1000, "not what the usage costs");
    LIE(entry_drop(&s, RECORD_1), "counts 2 usage records, the receipt has 1");
    LIE(entry_drop(&s, RECORD_1); e = &s.entries[SETTLEMENT - 1];
        e->settlement.record_count = 1, "not what the usage costs");
    LIE(e[RECORD_2].record.seq = 1, "usage record 1 is there twice");
    LIE(e[RECORD_2].record.usage.cpu_ns = UINT64_MAX, "add up to too much");
    LIE(id_of(11, e[RECORD_2].record.submission_id), "mixes submissions");
    LIE(e[RECORD_2].account = 5, "mixes submissions or accounts");
    LIE(entries_swap(&s, RECORD_2, CHARGE), "usage after the charge");
}

static void order_lies(void)
{
    LIE(entry_drop(&s, ADMISSION), "does not begin with an admission");
    LIE(entry_drop(&s, HOLD), "not those of the settlement");
    LIE(entry_drop(&s, CHARGE), "not those of the settlement");
    LIE(entry_drop(&s, SETTLEMENT), "ends too early");
    LIE(entries_swap(&s, HOLD, RECORD_1), "does not belong there");
    LIE(e[RECORD_1] = e[ADMISSION];
        e[RECORD_1].account_seq = 22, "two admissions");
    LIE(s.count = 8; e[7] = e[SETTLEMENT];
        e[7].account_seq = 27, "a settlement for nothing");
    LIE(e[WRITE_OFF] = e[CHARGE];
        e[WRITE_OFF].account_seq = 25, "does not belong there");
    LIE(e[RECORD_2].account_seq = 22, "out of order");
    LIE(e[SETTLEMENT].settlement.voided = true, "never began");
    LIE(id_of(11, e[SETTLEMENT].settlement.submission_id), "mixes submissions");
    LIE(e[CHARGE].transfer.purpose = PURPOSE_TOP_UP, "does not belong there");
    LIE(e[CHARGE].transfer.kind = TRANSFER_POSTED, "does not belong there");
    LIE(e[CHARGE].transfer.id[0] ^= 1, "id is not the submission's");
    LIE(e[CHARGE].transfer.pending_id[0] ^= 1, "id is not the submission's");
    LIE(e[RECORD_1].kind = ENTRY_RATE_CARD;
        e[RECORD_1].card = s.card, "an entry that does not belong there");
}

static void signature_lies(void)
{
    uint8_t other_secret[64], other_id[32];

    crypto_sign_keypair(other_id, other_secret);
    LIE(s.batch.time_ns = (key.cert.not_after_s + 1) * 1000000000,
        "outside the validity of its key");
    LIE(s.batch.time_ns = (key.cert.not_before_s - 1) * 1000000000,
        "outside the validity of its key");
    LIE(s.cert.not_after_s++, "not signed by the node");
    LIE(OK(key_cert_sign(&s.cert, other_secret, key.cert.public_key, 0,
                         UINT32_MAX, &test_err)),
        "names another node");
    LIE(OK(key_cert_sign(&s.cert, other_secret, key.cert.public_key, 0,
                         UINT32_MAX, &test_err));
        memcpy(s.cert.node_id, node_id, 32), "not signed by the node");
    LIE(OK(key_cert_sign(&s.cert, node_secret, other_id, 0, UINT32_MAX,
                         &test_err)),
        "signed by an unknown key");
    LIE(OK(key_cert_sign(&s.cert, node_secret, other_id, 0, UINT32_MAX,
                         &test_err));
        memcpy(s.batch.receipts_key, other_id, 32),
        "the signature of batch 3 is wrong");
    LIE(memcpy(s.batch.node_id, other_id, 32), "names another node");
    LIE(s.batch.number = 0, "malformed");
}

int main(void)
{
    CHECK(sodium_init() >= 0);
    crypto_sign_keypair(node_id, node_secret);
    OK(receipts_key_make(&key, node_secret, now_s - 10, 1000, &test_err));
    second_start(node_id);
    LIE((void)s, NULL);
    money_lies();
    usage_lies();
    order_lies();
    signature_lies();
    second_end();
    return 0;
}
