// SPDX-License-Identifier: ISC
// Receipts from strangers. Signatures stop nearly every changed receipt at the
// outermost check, so the same bytes also go to what lies behind them: the
// first byte picks entries, batch headers and certificates.

#include "billing/receipt_verify.c"

// The node of the corpus: the seed is thirty-two bytes of 1.
static const uint8_t *fuzz_node(void)
{
    static uint8_t id[32], secret[64];
    uint8_t seed[32];

    memset(seed, 1, sizeof(seed));
    if (sodium_is_zero(id, sizeof(id))) {
        if (sodium_init() < 0)
            abort();
        crypto_sign_seed_keypair(id, secret, seed);
    }
    return id;
}

static void entry_try(const uint8_t *data, size_t len)
{
    uint8_t again[ENTRY_BYTES_MAX];
    struct entry entry;
    struct err e = {0};

    if (entry_unpack(&entry, data, len, &e) == 0 &&
        (entry_pack(&entry, again) != len || memcmp(again, data, len)))
        abort();
}

static void batch_try(const uint8_t *data, size_t len)
{
    uint8_t again[BATCH_HEADER_MAX];
    struct batch batch;

    if (batch_unpack(&batch, data, len, NULL) == 0 &&
        (batch_pack(&batch, again) != len || memcmp(again, data, len)))
        abort();
}

// Entries as a signed receipt would bring them: a length byte before each.
static void story_try(const uint8_t *data, size_t len)
{
    static struct receipt_report report;
    uint64_t seqs[256];
    struct checker c = {.report = &report, .record_seqs = seqs};
    struct err e = {0};

    memset(&report, 0, sizeof(report));
    for (int n = 0; n < 256 && len > 1; n++) {
        size_t part = data[0] < len - 1 ? data[0] : len - 1;
        struct entry entry;
        int r = entry_unpack(&entry, data + 1, part, &e);

        data += 1 + part;
        len -= 1 + part;
        if (r < 0)
            return;
        // By the card that it names, whatever that is.
        if (entry.kind == ENTRY_ADMISSION)
            memcpy(report.card_digest, entry.admission.card_digest,
                   RATECARD_DIGEST_SIZE);
        if (entry.kind == ENTRY_ADMISSION)
            r = admission_take(&c, &entry, &e);
        else if (entry.kind == ENTRY_TRANSFER)
            r = transfer_take(&c, &entry, &e);
        else if (entry.kind == ENTRY_USAGE_RECORD)
            r = record_take(&c, &entry, &e);
        else if (entry.kind == ENTRY_SETTLEMENT)
            r = settlement_take(&c, &entry, 1 + (uint64_t)n, &e);
        if (r < 0 && (r != -EBADMSG || !e.text[0]))
            abort();
        if (r < 0)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct receipt_report report;
    struct key_cert cert;
    struct err e = {0};
    int r;

    if (len < 1)
        return 0;
    data++;
    len--;
    switch (data[-1] % 5) {
    case 0:
        r = receipt_verify(data, len, fuzz_node(), &report, &e);
        if (r < 0 && (r != -EBADMSG || !e.text[0]))
            abort();
        break;
    case 1:
        entry_try(data, len);
        break;
    case 2:
        batch_try(data, len);
        break;
    case 3:
        key_cert_unpack(&cert, data, len, &e);
        break;
    case 4:
        story_try(data, len);
        break;
    }
    return 0;
}
