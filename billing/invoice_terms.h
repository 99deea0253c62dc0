// SPDX-License-Identifier: ISC
// What the operator's file says about invoices: who issues them, and which
// taxes they bear. Syntax of lib/cfg, see ratecards/invoice.cfg.
//
// Taxes are part of the prices ("included": the customer pays what was metered,
// and a part of it is owed to the state) or come on top of them ("added": the
// customer's account is charged for them when the invoice is issued).
#ifndef BILLING_INVOICE_TERMS_H
#define BILLING_INVOICE_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "billing/ledger.h"
#include "billing/ratecard.h"

#define INVOICE_TEXT_SIZE   64
#define INVOICE_ADDRESS_MAX 6
#define INVOICE_RULES_MAX   256

struct invoice_tax_rule {
    char name[INVOICE_TAX_NAME_SIZE];
    uint32_t rate_ppm;    // at most 1,000,000
    uint8_t customer[32]; // for whom instead of the general ones; zero: general
};

// All zero: no name and no taxes.
struct invoice_terms {
    char seller[INVOICE_TEXT_SIZE];
    char address[INVOICE_ADDRESS_MAX][INVOICE_TEXT_SIZE];
    size_t address_count;
    char tax_id[INVOICE_TEXT_SIZE];
    char prefix[16]; // of invoice numbers
    bool taxes_included;
    enum rounding rounding; // of a tax line
    size_t rule_count;
    struct invoice_tax_rule rules[INVOICE_RULES_MAX];
};

// 0, or -errno with the reason in `e` ("FILE:LINE: ...").
int invoice_terms_load(struct invoice_terms *terms, const char *path,
                       struct err *e);
int invoice_terms_parse(struct invoice_terms *terms, const char *text,
                        size_t len, const char *name, struct err *e);

// The tax lines of `base_nano`, of which they are a part or to which they come.
// Amounts have its sign. 0 or -EOVERFLOW.
int invoice_taxes(const struct invoice_terms *terms, const uint8_t customer[32],
                  int64_t base_nano, struct invoice_tax out[INVOICE_TAXES_MAX],
                  size_t *count, struct err *e);

#endif
