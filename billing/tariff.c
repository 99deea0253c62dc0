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
    return memcmp(x->customer, y->customer, sizeof(x->customer));
}

static int is_general(const struct ratecard *card)
{
    return sodium_is_zero(card->customer, sizeof(card->customer));
}

static int cards_check(const struct tariff *tariff, const char *path,
                       struct err *e)
{
    int general = 0;

    for (size_t i = 0; i < tariff->count; i++) {
        const struct ratecard *card = &tariff->cards[i].card;

        general |= is_general(card);
        if (strcmp(card->currency, tariff->cards[0].card.currency) != 0)
            return err_set(e, EINVAL, "%s: cards in %s and in %s", path,
                           tariff->cards[0].card.currency, card->currency);
        for (size_t k = 0; k < i; k++)
            if (strcmp(card->version, tariff->cards[k].card.version) == 0)
                return err_set(e, EINVAL, "%s: two cards have version %s", path,
                               card->version);
        if (i > 0 &&
            card_compare(&tariff->cards[i - 1], &tariff->cards[i]) == 0)
            return err_set(e, EINVAL,
                           "%s: cards %s and %s become effective at once", path,
                           tariff->cards[i - 1].card.version, card->version);
    }
    if (!general)
        return err_set(e, EINVAL, "%s: there is no rate card for everybody",
                       path);
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

const struct tariff_card *tariff_pick(const struct tariff *tariff,
                                      const uint8_t *customer, uint64_t time_ns)
{
    static const uint8_t nobody[32];
    const struct tariff_card *own = NULL, *general = NULL;

    for (size_t i = 0; i < tariff->count; i++) {
        const struct tariff_card *card = &tariff->cards[i];

        if (!ratecard_applies(&card->card, customer ? customer : nobody,
                              time_ns))
            continue;
        if (is_general(&card->card))
            general = card;
        else
            own = card;
    }
    return own ? own : general;
}
