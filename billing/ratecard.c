// SPDX-License-Identifier: ISC
// SKUs, and the canonical form of a rate card.
#include "billing/ratecard.h"

#include <sodium.h>
#include <string.h>
#include "receipt.pb-c.h"

static const struct sku_info skus[SKU_END] = {
    [SKU_START_FEE] = {"start.fee", "start", "Start of a domain"},
    [SKU_BUILD_FEE] = {"build.fee", "build", "Start of a build"},
    [SKU_BUILD_CPU] = {"build.cpu", "ns", "CPU time of a build"},
    [SKU_DOMAIN_CPU] = {"domain.cpu", "ns", "CPU time of a domain"},
    [SKU_DOMAIN_WALL] = {"domain.wall", "ns", "Wall time of a domain"},
    [SKU_MEMORY_RESERVED] = {"memory.reserved", "KiB-ms", "Memory reserved"},
    [SKU_MEMORY_PEAK] = {"memory.peak", "KiB-ms", "Memory touched, at peak"},
    [SKU_NET_RX_BYTES] = {"net.rx_bytes", "byte", "Network, received"},
    [SKU_NET_TX_BYTES] = {"net.tx_bytes", "byte", "Network, sent"},
    [SKU_NET_PACKETS] = {"net.packets", "packet", "Network packets"},
    [SKU_DISK_BYTES] = {"disk.bytes", "byte", "Disk, read and written"},
    [SKU_DISK_OPS] = {"disk.ops", "op", "Disk operations"},
    [SKU_CONSOLE_BYTES] = {"console.bytes", "byte", "Console log"},
    [SKU_STORAGE] = {"storage", "KiB-ms", "Volumes and images kept"},
};

const struct sku_info *sku_info(enum sku sku)
{
    return sku >= 1 && sku < SKU_END ? &skus[sku] : NULL;
}

enum sku sku_by_name(const char *name)
{
    for (enum sku sku = 1; sku < SKU_END; sku++)
        if (strcmp(skus[sku].name, name) == 0)
            return sku;
    return 0;
}

size_t ratecard_pack(const struct ratecard *card, uint8_t *out)
{
    Billing__RateCard message = BILLING__RATE_CARD__INIT;
    Billing__Price prices[SKU_END];
    Billing__Price *list[SKU_END];

    message.version = (char *)card->version;
    message.currency = (char *)card->currency;
    message.rounding = card->rounding;
    message.prices = list;
    for (enum sku sku = 1; sku < SKU_END; sku++) {
        Billing__Price *price = &prices[message.n_prices];

        if (!card->prices[sku].listed)
            continue;
        billing__price__init(price);
        price->sku = sku;
        price->price_nano = card->prices[sku].nano;
        price->per = card->prices[sku].per;
        price->included = card->prices[sku].included;
        price->minimum_nano = card->prices[sku].minimum_nano;
        list[message.n_prices++] = price;
    }
    message.effective_s = card->effective_s;
    if (!sodium_is_zero(card->customer, sizeof(card->customer)))
        message.customer = (ProtobufCBinaryData){sizeof(card->customer),
                                                 (uint8_t *)card->customer};
    return billing__rate_card__pack(&message, out);
}

static int text_copy(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len >= size)
        return -1;
    memcpy(out, text, len + 1);
    return 0;
}

static int ratecard_from(struct ratecard *card,
                         const Billing__RateCard *message)
{
    memset(card, 0, sizeof(*card));
    if (text_copy(card->version, sizeof(card->version), message->version) < 0 ||
        text_copy(card->currency, sizeof(card->currency), message->currency) <
            0 ||
        message->rounding < ROUND_DOWN || message->rounding > ROUND_HALF_EVEN)
        return -1;
    card->rounding = message->rounding;
    for (size_t i = 0; i < message->n_prices; i++) {
        const Billing__Price *price = message->prices[i];

        if (!sku_info(price->sku) || price->per == 0)
            return -1;
        card->prices[price->sku] =
            (struct price){price->price_nano, price->per, 1, price->included,
                           price->minimum_nano};
    }
    card->effective_s = message->effective_s;
    if (message->customer.len == sizeof(card->customer))
        memcpy(card->customer, message->customer.data, sizeof(card->customer));
    return 0;
}

int ratecard_unpack(struct ratecard *card, const uint8_t *bytes, size_t len,
                    struct err *e)
{
    Billing__RateCard *message = NULL;
    uint8_t again[RATECARD_BYTES_MAX];
    int ok = 0;

    if (len <= RATECARD_BYTES_MAX)
        message = billing__rate_card__unpack(NULL, len, bytes);
    if (message)
        ok = ratecard_from(card, message) == 0 &&
             ratecard_pack(card, again) == len &&
             memcmp(again, bytes, len) == 0;
    billing__rate_card__free_unpacked(message, NULL);
    return ok ? 0 : err_set(e, EINVAL, "the rate card is malformed");
}

int ratecard_applies(const struct ratecard *card, const uint8_t customer[32],
                     uint64_t time_ns)
{
    return time_ns / 1000000000 >= card->effective_s &&
           (sodium_is_zero(card->customer, sizeof(card->customer)) ||
            memcmp(card->customer, customer, sizeof(card->customer)) == 0);
}

void ratecard_digest(const struct ratecard *card,
                     uint8_t digest[RATECARD_DIGEST_SIZE])
{
    uint8_t bytes[RATECARD_BYTES_MAX];

    crypto_hash_sha256(digest, bytes, ratecard_pack(card, bytes));
}
