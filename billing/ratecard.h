// SPDX-License-Identifier: ISC
// A rate card: what each kind of resource costs. Cards are files of the
// operator (lib/cfg syntax, see ratecards/default.cfg) and are entered in the
// ledger in their canonical protobuf form, to which every settlement refers by
// digest; so a price can be changed for the future only.
//
// A price is the fraction price_nano / per nano-units of the card's currency
// for one unit, so that "0.011 a CPU second" is exact per nanosecond. An SKU
// that a card does not list is not charged. `included` units of each submission
// cost nothing; a line that uses more than those costs at least minimum_nano.
//
// Rounding: quantities are whole units. A line's amount is
// (quantity - included) * price_nano / per in exact integers (128 bits,
// checked) rounded *once* by the card's mode; there is one line per SKU and
// submission. Sums of lines (charge of a submission, total of an invoice) are
// never rounded again. All modes are monotone, so a submission inside its
// budgets never costs more than its quote.
#ifndef BILLING_RATECARD_H
#define BILLING_RATECARD_H

#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"

// The numbers are part of the receipt's format: never reuse one.
enum sku {
    SKU_START_FEE = 1,
    SKU_BUILD_FEE,
    SKU_BUILD_CPU,
    SKU_DOMAIN_CPU,
    SKU_DOMAIN_WALL,
    SKU_MEMORY_RESERVED,
    SKU_MEMORY_PEAK,
    SKU_NET_RX_BYTES,
    SKU_NET_TX_BYTES,
    SKU_NET_PACKETS,
    SKU_DISK_BYTES,
    SKU_DISK_OPS,
    SKU_CONSOLE_BYTES,
    SKU_STORAGE,
    SKU_END
};

struct sku_info {
    const char *name;        // "domain.cpu"
    const char *unit;        // "ns"
    const char *description; // for people, one short phrase
};

// NULL if there is no such SKU.
const struct sku_info *sku_info(enum sku sku);
// 0 if there is no such name.
enum sku sku_by_name(const char *name);

enum rounding { // also numbers of the receipt's format
    ROUND_DOWN = 1,
    ROUND_UP,
    ROUND_HALF_UP,
    ROUND_HALF_EVEN,
};

#define RATECARD_VERSION_SIZE  32         // 31 characters and NUL
#define RATECARD_CURRENCY_SIZE 8          // 7 characters and NUL
#define RATECARD_FILE_MAX      (64 << 10) // a card is a page or two
#define RATECARD_BYTES_MAX     1024       // canonical form, all SKUs used
#define RATECARD_DIGEST_SIZE   32         // SHA-256 of the canonical form

struct price {
    uint64_t nano; // 0: listed, and free
    uint64_t per;  // at least 1
    int listed;
    uint64_t included;
    uint64_t minimum_nano;
};

struct ratecard {
    char version[RATECARD_VERSION_SIZE];
    char currency[RATECARD_CURRENCY_SIZE];
    enum rounding rounding;
    struct price prices[SKU_END]; // by enum sku; [0] unused
    uint64_t effective_s;         // admissions from then on, since 1970
    uint8_t customer[32];         // whose admissions; zero: everybody's
};

// Whether a submission of `customer` may be accepted by this card at a time.
int ratecard_applies(const struct ratecard *card, const uint8_t customer[32],
                     uint64_t time_ns);

// Reads and checks a card's file. 0, or -errno with the reason in `e`
// ("FILE:LINE: ...").
int ratecard_load(struct ratecard *card, const char *path, struct err *e);

// The same from memory; `name` is used in messages.
int ratecard_parse(struct ratecard *card, const char *text, size_t len,
                   const char *name, struct err *e);

// Canonical form: writes at most RATECARD_BYTES_MAX bytes, returns how many.
size_t ratecard_pack(const struct ratecard *card, uint8_t *out);

// Reads the canonical form and refuses every other form (-EINVAL).
int ratecard_unpack(struct ratecard *card, const uint8_t *bytes, size_t len,
                    struct err *e);

void ratecard_digest(const struct ratecard *card,
                     uint8_t digest[RATECARD_DIGEST_SIZE]);

#endif
