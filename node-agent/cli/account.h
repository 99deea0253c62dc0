// SPDX-License-Identifier: ISC
// hostel account, as its files see each other: cmd_account.c has the verbs
// about accounts themselves, account_money.c those about corrections and terms.

#ifndef CLI_ACCOUNT_H
#define CLI_ACCOUNT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

// What the command line says; NULL: nothing.
struct account_args {
    const char *id, *currency, *credit_limit, *low_balance, *name, *reference;
    const char *submission, *after, *customer;
    bool json;
};

#define KEY_TEXT 65

// A customer: 64 hex digits, the path of a public key (with a slash), or the
// name of one in the client's home.
int customer_find(const char *text, char hex[KEY_TEXT], struct err *e);

// An amount to move: more than nothing.
int amount_parse(const char *text, uint64_t *amount_nano, char currency[4],
                 struct err *e);

// An amount that says its currency is in that of the account, or node, that the
// operator gets at this path.
int currency_check(const char *path, const char *currency, struct err *e);

// Posts o, which it drops, as the operator and prints the account that comes
// back. The exit status.
int account_post(json_t *o, bool json, const char *path);
int account_answer(json_t *o, bool json);

// The id of what is done once: given, or made and said, so that it can be
// repeated when the answer is lost.
const char *account_id(const struct account_args *a, char made[33],
                       const char *doing);

// A credit note (sign 1) or debit note (-1): KEY AMOUNT REASON.
int account_note(int n, char **argv, const struct account_args *a, int sign);
int account_set(int n, char **argv, const struct account_args *a);
int account_events(const struct account_args *a);

#endif
