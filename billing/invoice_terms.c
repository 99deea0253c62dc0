// SPDX-License-Identifier: ISC
// The operator's file about invoices, and the arithmetic of taxes.
#include "billing/invoice_terms.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "lib/buf.h"
#include "lib/cfg.h"
#include "lib/hex.h"
#include "lib/io.h"

struct terms_file {
    char *seller;
    struct cfg_list address;
    char *tax_id;
    char *prefix;
    char *taxes_are;
    char *rounding;
    struct cfg_list taxes;
};

static const struct cfg_key keys[] = {
    CFG_STR_KEY("seller", struct terms_file, seller, INVOICE_TEXT_SIZE - 1,
                CFG_REQUIRED),
    CFG_LIST_KEY("address", struct terms_file, address, INVOICE_ADDRESS_MAX, 0),
    CFG_STR_KEY("tax_id", struct terms_file, tax_id, INVOICE_TEXT_SIZE - 1, 0),
    CFG_STR_KEY("prefix", struct terms_file, prefix, 15, 0),
    CFG_STR_KEY("taxes_are", struct terms_file, taxes_are, 16, 0),
    CFG_STR_KEY("rounding", struct terms_file, rounding, 16, 0),
    CFG_LIST_KEY("taxes", struct terms_file, taxes, INVOICE_RULES_MAX, 0),
    {0},
};

static void text_set(char *out, size_t size, const char *text)
{
    if (text)
        strncpy(out, text, size - 1);
}

static int choice_set(const char *file, const struct terms_file *from,
                      struct invoice_terms *terms, struct err *e)
{
    static const char *const modes[] = {
        [ROUND_DOWN] = "down",
        [ROUND_UP] = "up",
        [ROUND_HALF_UP] = "half-up",
        [ROUND_HALF_EVEN] = "half-even",
    };
    const char *are = from->taxes_are ? from->taxes_are : "included";
    const char *rounding = from->rounding ? from->rounding : "half-up";

    terms->taxes_included = strcmp(are, "included") == 0;
    if (!terms->taxes_included && strcmp(are, "added") != 0)
        return err_set(e, EINVAL,
                       "%s: taxes_are is \"included\" in the prices or "
                       "\"added\" to them, not \"%s\"",
                       file, are);
    for (enum rounding mode = ROUND_DOWN; mode <= ROUND_HALF_EVEN; mode++)
        if (strcmp(modes[mode], rounding) == 0)
            terms->rounding = mode;
    return terms->rounding
               ? 0
               : err_set(e, EINVAL,
                         "%s: rounding is \"down\", \"up\", \"half-up\" or "
                         "\"half-even\", not \"%s\"",
                         file, rounding);
}

// "name=VAT 19 %, rate_ppm=190000" and possibly ", customer=KEY".
static int rule_parse(const char *file, int line, char *text,
                      struct invoice_tax_rule *rule, struct err *e)
{
    char *save = NULL, *rate = NULL, *end;

    memset(rule, 0, sizeof(*rule));
    for (char *pair = strtok_r(text, ",", &save); pair;
         pair = strtok_r(NULL, ",", &save)) {
        char *value;

        pair += strspn(pair, " ");
        value = strchr(pair, '=');
        if (value)
            *value++ = '\0';
        if (value && strcmp(pair, "name") == 0 && *value &&
            strlen(value) < sizeof(rule->name))
            strcpy(rule->name, value);
        else if (value && strcmp(pair, "rate_ppm") == 0)
            rate = value;
        else if (!value || strcmp(pair, "customer") != 0 ||
                 hex_decode(rule->customer, sizeof(rule->customer), value) < 0)
            return err_set(e, EINVAL,
                           "%s:%d: \"%.40s\" is none of name=TEXT (31 bytes), "
                           "rate_ppm=NUMBER and customer=KEY (64 hexadecimal "
                           "digits)",
                           file, line, pair);
    }
    errno = 0;
    rule->rate_ppm = rate ? (uint32_t)strtoul(rate, &end, 10) : 0;
    if (!*rule->name || !rate || !isdigit((unsigned char)*rate) || *end ||
        errno || strlen(rate) > 7 || rule->rate_ppm > 1000000)
        return err_set(e, EINVAL,
                       "%s:%d: a tax needs a name and a rate_ppm of at most "
                       "1000000 (190000 is 19 %%)",
                       file, line);
    return 0;
}

static int terms_fill(const char *file, struct terms_file *from,
                      struct invoice_terms *terms, struct err *e)
{
    int r;

    memset(terms, 0, sizeof(*terms));
    text_set(terms->seller, sizeof(terms->seller), from->seller);
    text_set(terms->tax_id, sizeof(terms->tax_id), from->tax_id);
    text_set(terms->prefix, sizeof(terms->prefix), from->prefix);
    for (size_t i = 0; i < from->address.n; i++) {
        if (strlen(from->address.item[i]) >= INVOICE_TEXT_SIZE)
            return err_set(
                e, EINVAL,
                "%s:%d: a line of the address has more than %d bytes", file,
                from->address.line[i], INVOICE_TEXT_SIZE - 1);
        text_set(terms->address[terms->address_count++], INVOICE_TEXT_SIZE,
                 from->address.item[i]);
    }
    r = choice_set(file, from, terms, e);
    for (size_t i = 0; r == 0 && i < from->taxes.n; i++)
        r = rule_parse(file, from->taxes.line[i], from->taxes.item[i],
                       &terms->rules[terms->rule_count++], e);
    return r;
}

int invoice_terms_parse(struct invoice_terms *terms, const char *text,
                        size_t len, const char *name, struct err *e)
{
    struct terms_file file = {0};
    int r = cfg_parse(name, text, len, keys, &file, e);

    if (r == 0)
        r = terms_fill(name, &file, terms, e);
    cfg_free(keys, &file);
    return r;
}

int invoice_terms_load(struct invoice_terms *terms, const char *path,
                       struct err *e)
{
    cleanup_buf struct buf text = BUF_INIT(CFG_FILE_MAX);
    int r = file_read(path, &text, e);

    return r < 0
               ? r
               : invoice_terms_parse(terms, buf_str(&text), text.len, path, e);
}

// ------------------------------------------------------------------ arithmetic

// base * rate / whole, rounded once, away from its sign.
static int64_t part_of(int64_t base, uint64_t rate, uint64_t whole,
                       enum rounding mode)
{
    uint64_t size = base < 0 ? 0 - (uint64_t)base : (uint64_t)base;
    unsigned __int128 exact = (unsigned __int128)size * rate;
    uint64_t part = (uint64_t)(exact / whole);
    uint64_t rest = (uint64_t)(exact % whole);

    part += mode == ROUND_UP          ? rest > 0
            : mode == ROUND_HALF_UP   ? 2 * rest >= whole
            : mode == ROUND_HALF_EVEN ? 2 * rest + (part & 1) > whole
                                      : 0;
    return base < 0 ? -(int64_t)part : (int64_t)part;
}

int invoice_taxes(const struct invoice_terms *terms, const uint8_t customer[32],
                  int64_t base_nano, struct invoice_tax out[INVOICE_TAXES_MAX],
                  size_t *count, struct err *e)
{
    static const uint8_t nobody[32];
    const uint8_t *whose = nobody;
    uint64_t whole = 1000000;

    *count = 0;
    if (base_nano == INT64_MIN)
        return err_set(e, EOVERFLOW, "the invoice's total is too large");
    for (size_t i = 0; i < terms->rule_count; i++)
        if (memcmp(terms->rules[i].customer, customer, 32) == 0)
            whose = customer;
    for (size_t i = 0; i < terms->rule_count; i++) {
        const struct invoice_tax_rule *rule = &terms->rules[i];

        if (memcmp(rule->customer, whose, 32) != 0)
            continue;
        if (*count == INVOICE_TAXES_MAX)
            return err_set(e, EOVERFLOW, "an invoice has at most %d taxes",
                           INVOICE_TAXES_MAX);
        memset(&out[*count], 0, sizeof(*out));
        strcpy(out[*count].name, rule->name);
        out[(*count)++].rate_ppm = rule->rate_ppm;
        if (terms->taxes_included)
            whole += rule->rate_ppm;
    }
    for (size_t i = 0; i < *count; i++)
        out[i].amount_nano =
            part_of(base_nano, out[i].rate_ppm, whole, terms->rounding);
    return 0;
}
