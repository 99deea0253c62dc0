// SPDX-License-Identifier: ISC
// Rate cards: golden files, every truncation, the card that ships, and the
// canonical form.
#include "billing/rate.h"
#include "billing/ratecard.h"
#include "tests/unit/lib_check.h"

static void price_render(const struct price *price, const struct sku_info *sku,
                         struct buf *out)
{
    buf_printf(out, "%s: %llu / %llu per %s\n", sku->name,
               (unsigned long long)price->nano, (unsigned long long)price->per,
               sku->unit);
    if (price->included || price->minimum_nano)
        buf_printf(out, "  %llu included, at least %llu\n",
                   (unsigned long long)price->included,
                   (unsigned long long)price->minimum_nano);
}

static int render(const char *name, const char *text, size_t len,
                  struct buf *out)
{
    struct ratecard card;
    struct err e;
    int r = ratecard_parse(&card, text, len, name, &e);

    if (r < 0) {
        buf_printf(out, "%s\n", e.text);
        return r;
    }
    buf_printf(out, "%s %s rounding %d\n", card.version, card.currency,
               card.rounding);
    if (card.effective_s)
        buf_printf(out, "from %llu\n", (unsigned long long)card.effective_s);
    if (card.customer[0])
        buf_printf(out, "for a customer %02x...\n", card.customer[0]);
    for (enum sku sku = 1; sku < SKU_END; sku++)
        if (card.prices[sku].listed)
            price_render(&card.prices[sku], sku_info(sku), out);
    return r;
}

static void truncations_test(void)
{
    cleanup_buf struct buf whole = BUF_INIT(RATECARD_FILE_MAX);
    struct guarded g;

    CHECK_WORKS(file_read("tests/golden/ratecard/pass-all.cfg", &whole, e));
    g = guarded_new(whole.len);
    for (size_t n = 0; n < whole.len; n++) {
        struct ratecard card;
        struct err e = {0};

        // Without its last newline it is whole.
        if (ratecard_parse(&card, (char *)guarded_put(&g, whole.data, n), n,
                           "cut", &e) == 0)
            CHECK(n == whole.len - 1);
        else
            CHECK(e.text[0]);
    }
    guarded_free(&g);
}

// An hour of CPU, of a GiB reserved, of a domain, and a GB sent.
static void default_test(void)
{
    struct usage usage = {.cpu_ns = 3600000000000,
                          .wall_ns = 3600000000000,
                          .net_tx_bytes = 1000000000};
    struct ratecard card;
    struct rated rated;

    CHECK_WORKS(ratecard_load(&card, "billing/ratecards/default.cfg", e));
    for (enum sku sku = 1; sku < SKU_END; sku++)
        CHECK(card.prices[sku].listed);
    usage.mem_reserved_kib_ms = usage_kib_ms(1 << 20, usage.wall_ns);
    CHECK_WORKS(rate_usage(&card, &usage, &rated, e));
    CHECK(rated.total_nano == 36000000 + 1000000 + 4000000 + 50000000);
    CHECK_FAILS(ratecard_load(&card, "/nonexistent.cfg", e), "No such file");
}

static void canonical_test(void)
{
    uint8_t bytes[RATECARD_BYTES_MAX + 1], digest[RATECARD_DIGEST_SIZE],
        other[RATECARD_DIGEST_SIZE];
    struct ratecard card, again;
    size_t len;

    CHECK_WORKS(ratecard_load(&card, "billing/ratecards/default.cfg", e));
    len = ratecard_pack(&card, bytes);
    CHECK(len <= RATECARD_BYTES_MAX);
    CHECK_WORKS(ratecard_unpack(&again, bytes, len, e));
    ratecard_digest(&card, digest);
    ratecard_digest(&again, other);
    CHECK(memcmp(digest, other, sizeof(digest)) == 0);
    // What is read back from cut or changed bytes is another card, or nothing.
    for (size_t n = 0; n < len; n++) {
        if (ratecard_unpack(&again, bytes, n, NULL) == 0) {
            ratecard_digest(&again, other);
            CHECK(memcmp(digest, other, sizeof(digest)) != 0);
        }
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 1;
        if (ratecard_unpack(&again, bytes, len, NULL) == 0) {
            ratecard_digest(&again, other);
            CHECK(memcmp(digest, other, sizeof(digest)) != 0);
        }
        bytes[i] ^= 1;
    }
}

static void skus_test(void)
{
    for (enum sku sku = 1; sku < SKU_END; sku++) {
        CHECK(sku_info(sku)->name && sku_info(sku)->unit &&
              sku_info(sku)->description);
        CHECK(sku_by_name(sku_info(sku)->name) == sku);
    }
    CHECK(!sku_info(0) && !sku_info(SKU_END) && !sku_by_name("gold"));
}

int main(void)
{
    golden_run("tests/golden/ratecard", render);
    truncations_test();
    default_test();
    canonical_test();
    skus_test();
    return 0;
}
