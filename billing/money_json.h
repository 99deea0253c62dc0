// SPDX-License-Identifier: ISC
// An amount in a JSON object, twice: KEY as decimal text, KEY_nano exact.
#ifndef BILLING_MONEY_JSON_H
#define BILLING_MONEY_JSON_H

#include <jansson.h>
#include <stdio.h>
#include "billing/rate.h"

static inline int money_set(json_t *object, const char *key,
                            int64_t amount_nano)
{
    char name[32], text[MONEY_TEXT_SIZE];

    snprintf(name, sizeof(name), "%s_nano", key);
    return json_object_set_new(object, key,
                               json_string(money_text(amount_nano, text))) |
           json_object_set_new(object, name, json_integer(amount_nano));
}

#endif
