// SPDX-License-Identifier: ISC
// A node's rate cards, those of the future and of single customers included,
// and which of them applies. The ledger itself knows only the card it is given.
#ifndef BILLING_TARIFF_H
#define BILLING_TARIFF_H

#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"
#include "billing/ratecard.h"

#define TARIFF_CARDS_MAX 1024

struct tariff_card {
    struct ratecard card;
    struct buf text; // of its file
};

struct tariff {
    size_t count;
    struct tariff_card *cards; // by effective_s, ascending
};

// Reads a card's file, or all files *.cfg of a folder. Refused: two cards of
// one version, or of one currency, customer and time; a currency with no card
// for everybody. tariff_free in any case.
int tariff_load(struct tariff *tariff, const char *path, struct err *e);
void tariff_free(struct tariff *tariff);

// The card by which a submission of `customer` (NULL: of nobody in particular)
// is accepted at a time: his own that became effective last, else everybody's.
// `currency` NULL: the node's first. NULL: there is none, or it is not
// effective yet.
const struct tariff_card *tariff_pick(const struct tariff *tariff,
                                      const uint8_t *customer,
                                      const char *currency, uint64_t time_ns);

// The currency of accounts that name none: that of the first card for everybody
// to become effective, by version where several do at once.
const char *tariff_currency(const struct tariff *tariff);

#endif
