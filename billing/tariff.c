// SPDX-License-Identifier: ISC
// Several rate cards, and the one that applies.
#include "billing/tariff.h"

#include <dirent.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "lib/io.h"

static int card_read(struct tariff *tariff, const char *path, struct err *e)
{
    struct tariff_card *card = &tariff->cards[tariff->count];
    int r;

    if (tariff->count == TARIFF_CARDS_MAX)
        return err_set(e, E2BIG, "there are more than %d rate cards",
                       TARIFF_CARDS_MAX);
    card->text = (struct buf)BUF_INIT(RATECARD_FILE_MAX);
    tariff->count++;
    r = file_read(path, &card->text, e);
    return r < 0 ? r
                 : ratecard_parse(&card->card, buf_str(&card->text),
                                  card->text.len, path, e);
}

static int is_card(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 4 && entry->d_name[0] != '.' &&
           strcmp(entry->d_name + len - 4, ".cfg") == 0;
}

static int folder_read(struct tariff *tariff, const char *path, struct err *e)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_card, alphasort), r = 0;

    if (count < 0)
        return err_errno(e, "the rate cards of %s", path);
    for (int i = 0; i < count; i++) {
        char name[PATH_MAX];

        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (r == 0)
            r = card_read(tariff, name, e);
        free(entries[i]);
    }
    free(entries);
    return r;
}

// ------------------------------------------------------------------ checking

static int card_compare(const void *a, const void *b)
{
    const struct ratecard *x = &((const struct tariff_card *)a)->card;
    const struct ratecard *y = &((const struct tariff_card *)b)->card;

    if (x->effective_s != y->effective_s)
        return x->effective_s < y->effective_s ? -1 : 1;
    return strcmp(x->version, y->version);
}

static int is_general(const struct ratecard *card)
{
    return sodium_is_zero(card->customer, sizeof(card->customer));
}

static int pair_check(const struct ratecard *x, const struct ratecard *y,
                      const char *path, struct err *e)
{
    if (strcmp(x->version, y->version) == 0)
        return err_set(e, EINVAL, "%s: two cards have version %s", path,
                       x->version);
    if (x->effective_s == y->effective_s &&
        strcmp(x->currency, y->currency) == 0 &&
        memcmp(x->customer, y->customer, sizeof(x->customer)) == 0)
        return err_set(e, EINVAL,
                       "%s: cards %s and %s become effective at once", path,
                       x->version, y->version);
    return 0;
}

static int cards_check(const struct tariff *tariff, const char *path,
                       struct err *e)
{
    if (!tariff_currency(tariff))
        return err_set(e, EINVAL, "%s: there is no rate card for everybody",
                       path);
    for (size_t i = 0; i < tariff->count; i++) {
        const struct ratecard *card = &tariff->cards[i].card;
        int general = 0, r = 0;

        for (size_t k = 0; r == 0 && k < tariff->count; k++) {
            const struct ratecard *other = &tariff->cards[k].card;

            general |= is_general(other) &&
                       strcmp(other->currency, card->currency) == 0;
            if (k < i)
                r = pair_check(card, other, path, e);
        }
        if (r < 0)
            return r;
        if (!general)
            return err_set(e, EINVAL,
                           "%s: there is no rate card in %s for everybody",
                           path, card->currency);
    }
    return 0;
}

int tariff_load(struct tariff *tariff, const char *path, struct err *e)
{
    struct stat st;
    int r;

    memset(tariff, 0, sizeof(*tariff));
    if (stat(path, &st) < 0)
        return err_errno(e, "the rate card %s", path);
    tariff->cards = calloc(TARIFF_CARDS_MAX, sizeof(*tariff->cards));
    if (!tariff->cards)
        return err_set(e, ENOMEM, "no memory for the rate cards");
    r = S_ISDIR(st.st_mode) ? folder_read(tariff, path, e)
                            : card_read(tariff, path, e);
    if (r < 0)
        return r;
    qsort(tariff->cards, tariff->count, sizeof(*tariff->cards), card_compare);
    return cards_check(tariff, path, e);
}

void tariff_free(struct tariff *tariff)
{
    for (size_t i = 0; i < tariff->count; i++)
        buf_free(&tariff->cards[i].text);
    free(tariff->cards);
    memset(tariff, 0, sizeof(*tariff));
}

const char *tariff_currency(const struct tariff *tariff)
{
    for (size_t i = 0; i < tariff->count; i++)
        if (is_general(&tariff->cards[i].card))
            return tariff->cards[i].card.currency;
    return NULL;
}

const struct tariff_card *tariff_pick(const struct tariff *tariff,
                                      const uint8_t *customer,
                                      const char *currency, uint64_t time_ns)
{
    static const uint8_t nobody[32];
    const struct tariff_card *own = NULL, *general = NULL;

    if (!currency)
        currency = tariff_currency(tariff);
    for (size_t i = 0; i < tariff->count; i++) {
        const struct tariff_card *card = &tariff->cards[i];

        if (strcmp(card->card.currency, currency) != 0 ||
            !ratecard_applies(&card->card, customer ? customer : nobody,
                              time_ns))
            continue;
        if (is_general(&card->card))
            general = card;
        else
            own = card;
    }
    return own ? own : general;
}
