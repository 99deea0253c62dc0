// SPDX-License-Identifier: ISC
// Rate cards: the file, and the canonical form. A card that is read rates a
// usage taken from the data; a canonical form that is read packs to itself.

#include "billing/ratecard.c"
#include "billing/ratecard_file.c"
#include "billing/rate.h"

static void rate(const struct ratecard *card, const uint8_t *data, size_t len)
{
    struct usage usage = {0};
    struct rated rated;
    struct err e = {0};
    int r;

    memcpy(&usage, data, len < sizeof(usage) ? len : sizeof(usage));
    r = rate_usage(card, &usage, &rated, &e);
    if (r < 0 ? r != -EOVERFLOW || !e.text[0] : rated.total_nano < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t again[RATECARD_BYTES_MAX];
    struct ratecard card;
    struct err e = {0};

    if (ratecard_parse(&card, (const char *)data, len, "f", &e) == 0) {
        rate(&card, data, len);
        // What a file can say fits the canonical form.
        if (ratecard_unpack(&card, again, ratecard_pack(&card, again), &e) < 0)
            abort();
    } else if (!e.text[0]) {
        abort();
    }
    if (ratecard_unpack(&card, data, len, &e) == 0) {
        if (ratecard_pack(&card, again) != len || memcmp(again, data, len))
            abort();
        rate(&card, data, len);
    }
    return 0;
}
