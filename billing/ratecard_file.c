// SPDX-License-Identifier: ISC
// Rate cards as files. A price is one string of comma-separated pairs, like a
// device in xl.cfg: sku and unit (must be the SKU's own, so that nobody prices
// seconds as nanoseconds), price_nano, per (1 if missing), included and
// minimum_nano (0 if missing).
#include "billing/ratecard.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/buf.h"
#include "lib/cfg.h"
#include "lib/hex.h"
#include "lib/io.h"

struct card_file {
    char *version;
    char *currency;
    char *rounding;
    char *effective;
    char *customer;
    struct cfg_list prices;
};

static const struct cfg_key keys[] = {
    CFG_STR_KEY("version", struct card_file, version, RATECARD_VERSION_SIZE - 1,
                CFG_REQUIRED),
    CFG_STR_KEY("currency", struct card_file, currency,
                RATECARD_CURRENCY_SIZE - 1, CFG_REQUIRED),
    CFG_STR_KEY("rounding", struct card_file, rounding, 16, CFG_REQUIRED),
    CFG_STR_KEY("effective", struct card_file, effective, 20, 0),
    CFG_STR_KEY("customer", struct card_file, customer, 64, 0),
    CFG_LIST_KEY("prices", struct card_file, prices, SKU_END, CFG_REQUIRED),
    {0},
};

static const char *const roundings[] = {
    [ROUND_DOWN] = "down",
    [ROUND_UP] = "up",
    [ROUND_HALF_UP] = "half-up",
    [ROUND_HALF_EVEN] = "half-even",
};

// Where a message points to.
struct place {
    const char *file;
    int line;
};

#define PLACE_FMT     "%s:%d: "
#define PLACE_ARGS(p) (p)->file, (p)->line

static char *trim(char *text)
{
    char *end;

    while (isspace((unsigned char)*text))
        text++;
    end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

static int number(const struct place *at, const char *key, const char *text,
                  uint64_t *out, struct err *e)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno ||
        *out > (uint64_t)INT64_MAX)
        return err_set(e, EINVAL,
                       PLACE_FMT
                       "%s \"%.40s\" is not a whole number of at most %lld",
                       PLACE_ARGS(at), key, text, (long long)INT64_MAX);
    return 0;
}

// The pairs of one price, as written.
struct pairs {
    char *sku, *unit, *price_nano, *per, *included, *minimum_nano;
};

static int pairs_split(const struct place *at, char *text, struct pairs *out,
                       struct err *e)
{
    const struct {
        const char *key;
        char **value;
    } known[] = {
        {"sku", &out->sku},
        {"unit", &out->unit},
        {"price_nano", &out->price_nano},
        {"per", &out->per},
        {"included", &out->included},
        {"minimum_nano", &out->minimum_nano},
    };
    const size_t known_count = sizeof(known) / sizeof(known[0]);
    char *save = NULL;

    for (char *pair = strtok_r(text, ",", &save); pair;
         pair = strtok_r(NULL, ",", &save)) {
        char *value = strchr(pair, '=');
        size_t i = 0;

        if (!value)
            return err_set(e, EINVAL, PLACE_FMT "\"%.40s\" is not key=value",
                           PLACE_ARGS(at), trim(pair));
        *value++ = '\0';
        pair = trim(pair);
        while (i < known_count && strcmp(known[i].key, pair) != 0)
            i++;
        if (i == known_count)
            return err_set(e, EINVAL, PLACE_FMT "a price has no \"%.40s\"",
                           PLACE_ARGS(at), pair);
        if (*known[i].value)
            return err_set(e, EINVAL, PLACE_FMT "%s is given twice",
                           PLACE_ARGS(at), pair);
        *known[i].value = trim(value);
    }
    if (!out->sku || !out->unit || !out->price_nano)
        return err_set(e, EINVAL,
                       PLACE_FMT "a price needs sku, unit and price_nano",
                       PLACE_ARGS(at));
    return 0;
}

static int price_parse(const struct place *at, char *text,
                       struct ratecard *card, struct err *e)
{
    struct pairs pairs = {0};
    struct price *price;
    enum sku sku;
    int r = pairs_split(at, text, &pairs, e);

    if (r < 0)
        return r;
    sku = sku_by_name(pairs.sku);
    if (!sku)
        return err_set(e, EINVAL, PLACE_FMT "there is no SKU \"%.40s\"",
                       PLACE_ARGS(at), pairs.sku);
    if (strcmp(pairs.unit, sku_info(sku)->unit) != 0)
        return err_set(
            e, EINVAL, PLACE_FMT "%s is priced per %s, not per %.40s",
            PLACE_ARGS(at), pairs.sku, sku_info(sku)->unit, pairs.unit);
    price = &card->prices[sku];
    if (price->listed)
        return err_set(e, EINVAL, PLACE_FMT "%s is listed twice",
                       PLACE_ARGS(at), pairs.sku);
    *price = (struct price){.per = 1, .listed = 1};
    r = number(at, "price_nano", pairs.price_nano, &price->nano, e);
    if (r == 0 && pairs.per)
        r = number(at, "per", pairs.per, &price->per, e);
    if (r == 0 && pairs.included)
        r = number(at, "included", pairs.included, &price->included, e);
    if (r == 0 && pairs.minimum_nano)
        r = number(at, "minimum_nano", pairs.minimum_nano, &price->minimum_nano,
                   e);
    if (r == 0 && price->per == 0)
        r = err_set(e, EINVAL, PLACE_FMT "per must be at least 1",
                    PLACE_ARGS(at));
    return r;
}

// Versions and currencies go into messages, file names and CSV.
static int plain_check(const char *file, const char *key, const char *text,
                       struct err *e)
{
    size_t good = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789.-_");

    if (good == 0 || text[good])
        return err_set(e, EINVAL,
                       "%s: %s must be of letters, digits and .-_ only", file,
                       key);
    return 0;
}

// "2026-12-01", or with a time: "2026-12-01T12:00:00Z".
static int effective_parse(const char *file, const char *text,
                           uint64_t *effective_s, struct err *e)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};

    for (size_t i = 0; i < 2; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        time_t time_s = end && !*end ? timegm(&tm) : -1;

        if (time_s >= 0) {
            *effective_s = time_s;
            return 0;
        }
    }
    return err_set(e, EINVAL,
                   "%s: effective is a day such as 2026-12-01 or a time such "
                   "as 2026-12-01T12:00:00Z, not \"%s\"",
                   file, text);
}

static int whose_parse(const char *file, const struct card_file *from,
                       struct ratecard *card, struct err *e)
{
    int r = 0;

    if (from->effective)
        r = effective_parse(file, from->effective, &card->effective_s, e);
    if (r == 0 && from->customer &&
        hex_decode(card->customer, sizeof(card->customer), from->customer) < 0)
        r = err_set(e, EINVAL, "%s: customer is a key of 64 hexadecimal digits",
                    file);
    return r;
}

static int card_fill(const char *file, struct card_file *from,
                     struct ratecard *card, struct err *e)
{
    int r = plain_check(file, "version", from->version, e);

    if (r == 0)
        r = plain_check(file, "currency", from->currency, e);
    if (r < 0)
        return r;
    memset(card, 0, sizeof(*card));
    strcpy(card->version, from->version); // cfg checked the lengths
    strcpy(card->currency, from->currency);
    for (enum rounding mode = ROUND_DOWN; mode <= ROUND_HALF_EVEN; mode++)
        if (strcmp(roundings[mode], from->rounding) == 0)
            card->rounding = mode;
    if (!card->rounding)
        return err_set(e, EINVAL,
                       "%s: rounding is \"down\", \"up\", \"half-up\" or "
                       "\"half-even\", not \"%s\"",
                       file, from->rounding);
    r = whose_parse(file, from, card, e);
    for (size_t i = 0; r == 0 && i < from->prices.n; i++) {
        struct place at = {file, from->prices.line[i]};

        r = price_parse(&at, from->prices.item[i], card, e);
    }
    return r;
}

int ratecard_parse(struct ratecard *card, const char *text, size_t len,
                   const char *name, struct err *e)
{
    struct card_file file = {0};
    int r = cfg_parse(name, text, len, keys, &file, e);

    if (r == 0)
        r = card_fill(name, &file, card, e);
    cfg_free(keys, &file);
    return r;
}

int ratecard_load(struct ratecard *card, const char *path, struct err *e)
{
    cleanup_buf struct buf text = BUF_INIT(RATECARD_FILE_MAX);
    int r = file_read(path, &text, e);

    return r < 0 ? r : ratecard_parse(card, buf_str(&text), text.len, path, e);
}
