// SPDX-License-Identifier: ISC
// Accounts. Balances are kept in a direct-mapped cache that is written back at
// commit, because within a group the same few accounts change again and again.
#include "billing/ledger_internal.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

int64_t account_balance_nano(const struct account *account)
{
    return account->credits_posted_nano - account->debits_posted_nano;
}

int64_t account_available_nano(const struct account *account)
{
    __int128 available = (__int128)account_balance_nano(account) -
                         account->debits_pending_nano +
                         account->credit_limit_nano;

    return available > INT64_MAX ? INT64_MAX : (int64_t)available;
}

bool account_is_low(const struct account *account)
{
    return account->low_balance_nano > 0 &&
           account_available_nano(account) < account->low_balance_nano;
}

// ----------------------------------------------------------------- the cache

#define ACCOUNT_COLUMNS                                                        \
    "number, kind, key, name, currency, credit_limit_nano,"                    \
    " debits_posted_nano, credits_posted_nano, debits_pending_nano,"           \
    " credits_pending_nano, opened_ns, last_seq, low_balance_nano, low,"       \
    " invoiced"

static void account_from_row(struct db_stmt *stmt, struct account *out)
{
    memset(out, 0, sizeof(*out));
    out->number = db_int(stmt, 0);
    out->kind = db_int(stmt, 1);
    db_blob_copy(stmt, 2, out->key, sizeof(out->key)); // null: stays zero
    strncpy(out->name, db_text(stmt, 3), sizeof(out->name) - 1);
    strncpy(out->currency, db_text(stmt, 4), sizeof(out->currency) - 1);
    out->credit_limit_nano = db_int(stmt, 5);
    out->debits_posted_nano = db_int(stmt, 6);
    out->credits_posted_nano = db_int(stmt, 7);
    out->debits_pending_nano = db_int(stmt, 8);
    out->credits_pending_nano = db_int(stmt, 9);
    out->opened_ns = db_int(stmt, 10);
    out->last_seq = db_int(stmt, 11);
    out->low_balance_nano = db_int(stmt, 12);
    out->low = db_int(stmt, 13);
    out->invoiced = db_int(stmt, 14);
}

static int slot_flush(struct ledger *ledger, struct account_slot *slot,
                      struct err *e)
{
    const struct account *account = &slot->account;
    struct db_stmt *stmt;

    if (!slot->used || !slot->dirty)
        return 0;
    assert(ledger->in_group);
    stmt = ledger_sql(ledger,
                      "update accounts set debits_posted_nano = ?,"
                      " credits_posted_nano = ?, debits_pending_nano = ?,"
                      " credits_pending_nano = ?, last_seq = ?, name = ?,"
                      " credit_limit_nano = ?, low_balance_nano = ?, low = ?,"
                      " invoiced = ? where number = ?",
                      e);
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, account->debits_posted_nano);
    db_bind_int(stmt, 2, account->credits_posted_nano);
    db_bind_int(stmt, 3, account->debits_pending_nano);
    db_bind_int(stmt, 4, account->credits_pending_nano);
    db_bind_int(stmt, 5, account->last_seq);
    db_bind_text(stmt, 6, account->name);
    db_bind_int(stmt, 7, account->credit_limit_nano);
    db_bind_int(stmt, 8, account->low_balance_nano);
    db_bind_int(stmt, 9, account->low);
    db_bind_int(stmt, 10, account->invoiced);
    db_bind_int(stmt, 11, account->number);
    slot->dirty = false;
    return ledger_run(ledger, stmt, e);
}

int account_cache_flush(struct ledger *ledger, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < ACCOUNT_CACHE_SIZE; i++)
        r = slot_flush(ledger, &ledger->cache[i], e);
    return r;
}

void account_cache_drop(struct ledger *ledger)
{
    for (size_t i = 0; i < ACCOUNT_CACHE_SIZE; i++)
        ledger->cache[i].used = false;
}

// The slot for an account, free to be filled or already its own.
static int slot_take(struct ledger *ledger, uint64_t number,
                     struct account_slot **out, struct err *e)
{
    struct account_slot *slot = &ledger->cache[number % ACCOUNT_CACHE_SIZE];
    int r = 0;

    if (slot->used && slot->account.number != number) {
        r = slot_flush(ledger, slot, e);
        slot->used = false;
    }
    *out = slot;
    return r;
}

int account_load(struct ledger *ledger, uint64_t number, struct account *out,
                 struct err *e)
{
    struct account_slot *slot;
    struct db_stmt *stmt;
    int r = slot_take(ledger, number, &slot, e);

    if (r < 0)
        return r;
    if (!slot->used) {
        stmt = ledger_sql(
            ledger, "select " ACCOUNT_COLUMNS " from accounts where number = ?",
            e);
        if (!stmt)
            return -EIO;
        db_bind_int(stmt, 1, number);
        r = ledger_row(ledger, stmt, e);
        if (r < 0)
            return r;
        if (r == 0) {
            err_set(e, EIO, "account %llu is missing",
                    (unsigned long long)number);
            return ledger_broken(ledger, e);
        }
        account_from_row(stmt, &slot->account);
        db_done(stmt);
        slot->used = true;
        slot->dirty = false;
    }
    *out = slot->account;
    return 0;
}

int account_store(struct ledger *ledger, const struct account *account,
                  struct err *e)
{
    struct account_slot *slot;
    int r = slot_take(ledger, account->number, &slot, e);

    if (r < 0)
        return r;
    slot->account = *account;
    slot->used = true;
    slot->dirty = true;
    return 0;
}

// ------------------------------------------------------------------- opening

static int account_insert(struct ledger *ledger, const struct account *account,
                          struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "insert into accounts (" ACCOUNT_COLUMNS
                   ") values (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?, 0, 0, 0, 0)",
                   e);

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, account->number);
    db_bind_int(stmt, 2, account->kind);
    if (account->kind == ACCOUNT_CUSTOMER)
        db_bind_blob(stmt, 3, account->key, sizeof(account->key));
    else
        db_bind_null(stmt, 3);
    db_bind_text(stmt, 4, account->name);
    db_bind_text(stmt, 5, account->currency);
    db_bind_int(stmt, 6, account->credit_limit_nano);
    db_bind_int(stmt, 7, account->opened_ns);
    return ledger_run(ledger, stmt, e);
}

// Writes a new account to table and log; fills its number.
static int account_add(struct ledger *ledger, struct account *account,
                       struct err *e)
{
    struct entry entry = {.kind = ENTRY_ACCOUNT_OPENED};
    struct account_opened *opened = &entry.account_opened;
    struct db_stmt *stmt =
        ledger_sql(ledger, "select max(number) from accounts", e);
    int r = stmt ? ledger_row(ledger, stmt, e) : -EIO;

    if (r < 0)
        return r;
    account->number = db_int(stmt, 0) + 1;
    account->opened_ns = ledger->now_ns;
    db_done(stmt);
    r = account_insert(ledger, account, e);
    if (r < 0)
        return r;
    opened->number = account->number;
    opened->kind = account->kind;
    opened->credit_limit_nano = account->credit_limit_nano;
    memcpy(opened->key, account->key, sizeof(opened->key));
    strcpy(opened->name, account->name);
    strcpy(opened->currency, account->currency);
    entry.account = account->number;
    return log_append(ledger, &entry, NULL, NULL, e);
}

static int node_account_find(struct ledger *ledger, const char *currency,
                             enum account_kind kind, uint64_t *number,
                             struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "select number from accounts"
                   " where currency = ? and kind = ? and key is null",
                   e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_text(stmt, 1, currency);
    db_bind_int(stmt, 2, kind);
    r = ledger_row(ledger, stmt, e);
    if (r > 0)
        *number = db_int(stmt, 0);
    db_done(stmt);
    return r;
}

static int node_accounts_open(struct ledger *ledger, const char *currency,
                              struct err *e)
{
    static const char *const names[] = {
        [ACCOUNT_CASH] = "cash",
        [ACCOUNT_REVENUE] = "revenue",
        [ACCOUNT_WRITE_OFF] = "write-off",
        [ACCOUNT_TAX] = "tax",
    };

    for (enum account_kind kind = ACCOUNT_CASH; kind <= ACCOUNT_TAX; kind++) {
        struct account account = {.kind = kind};
        uint64_t number;
        int r = node_account_find(ledger, currency, kind, &number, e);

        strcpy(account.name, names[kind]);
        strcpy(account.currency, currency);
        if (r == 0)
            r = account_add(ledger, &account, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int node_accounts_get(struct ledger *ledger, const char *currency,
                      struct node_accounts *out, struct err *e)
{
    struct node_accounts *known = &ledger->node_accounts;
    int r = 1;

    if (strcmp(known->currency, currency) != 0) {
        r = node_account_find(ledger, currency, ACCOUNT_CASH, &known->cash, e);
        if (r > 0)
            r = node_account_find(ledger, currency, ACCOUNT_REVENUE,
                                  &known->revenue, e);
        if (r > 0)
            r = node_account_find(ledger, currency, ACCOUNT_WRITE_OFF,
                                  &known->write_off, e);
        if (r > 0)
            r = node_account_find(ledger, currency, ACCOUNT_TAX, &known->tax,
                                  e);
        known->currency[0] = '\0';
        if (r > 0)
            strcpy(known->currency, currency);
    }
    *out = *known;
    if (r == 0)
        return err_set(e, EINVAL, "the ledger has no accounts in %s", currency);
    return r < 0 ? r : 0;
}

// 1, 0 if the key has none, or broken.
static int account_find(struct ledger *ledger,
                        const uint8_t key[LEDGER_KEY_SIZE], struct account *out,
                        struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger, "select number from accounts where key = ?", e);
    uint64_t number;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, key, LEDGER_KEY_SIZE);
    r = ledger_row(ledger, stmt, e);
    number = r > 0 ? db_int(stmt, 0) : 0;
    db_done(stmt);
    if (r <= 0)
        return r;
    r = account_load(ledger, number, out, e);
    return r < 0 ? r : 1;
}

static int text_check(const char *what, const char *text, size_t size,
                      struct err *e)
{
    if (!*text || strlen(text) >= size)
        return err_set(e, EINVAL, "%s must have 1 to %zu bytes", what,
                       size - 1);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(e, EINVAL, "%s has a control character", what);
    return 0;
}

int ledger_account_open(struct ledger *ledger,
                        const uint8_t key[LEDGER_KEY_SIZE], const char *name,
                        const char *currency, int64_t credit_limit_nano,
                        struct account *out, struct err *e)
{
    struct account account = {.kind = ACCOUNT_CUSTOMER}, found;
    int r = text_check("the account's name", name, sizeof(account.name), e);

    assert(ledger->in_group);
    if (r == 0)
        r = text_check("the currency", currency, sizeof(account.currency), e);
    if (r < 0)
        return r;
    if (credit_limit_nano < 0 || sodium_is_zero(key, LEDGER_KEY_SIZE))
        return err_set(e, EINVAL, "%s",
                       credit_limit_nano < 0 ? "the credit limit is negative"
                                             : "the customer's key is zero");
    memcpy(account.key, key, sizeof(account.key));
    strcpy(account.name, name);
    strcpy(account.currency, currency);
    account.credit_limit_nano = credit_limit_nano;

    r = account_find(ledger, key, &found, e);
    if (r < 0)
        return r;
    if (r > 0 && (strcmp(found.name, name) != 0 ||
                  strcmp(found.currency, currency) != 0 ||
                  found.credit_limit_nano != credit_limit_nano))
        return err_set(e, EEXIST,
                       "this key already has the account \"%s\" in %s",
                       found.name, found.currency);
    if (r == 0) {
        r = node_accounts_open(ledger, currency, e);
        if (r == 0)
            r = account_add(ledger, &account, e);
        if (r == 0)
            r = account_load(ledger, account.number, &found, e);
        if (r < 0)
            return r;
    }
    if (out)
        *out = found;
    return 0;
}

// ----------------------------------------------------------- changes, events

int ledger_account_change(struct ledger *ledger,
                          const uint8_t key[LEDGER_KEY_SIZE], const char *name,
                          int64_t credit_limit_nano, int64_t low_balance_nano,
                          struct account *out, struct err *e)
{
    struct entry entry = {.kind = ENTRY_ACCOUNT_CHANGED};
    struct account_changed *changed = &entry.account_changed;
    struct account account;
    int r = text_check("the account's name", name, sizeof(account.name), e);

    assert(ledger->in_group);
    if (r == 0 && (credit_limit_nano < 0 || low_balance_nano < 0))
        r = err_set(e, EINVAL, "a credit limit or warning is negative");
    if (r == 0)
        r = ledger_account_get(ledger, key, &account, e);
    if (r < 0)
        return r;
    if (strcmp(account.name, name) != 0 ||
        account.credit_limit_nano != credit_limit_nano ||
        account.low_balance_nano != low_balance_nano) {
        strcpy(changed->name, name);
        changed->credit_limit_nano = credit_limit_nano;
        changed->low_balance_nano = low_balance_nano;
        entry.account = account.number;
        strcpy(account.name, name);
        account.credit_limit_nano = credit_limit_nano;
        account.low_balance_nano = low_balance_nano;
        r = account_store(ledger, &account, e);
        if (r == 0)
            r = log_append(ledger, &entry, NULL, NULL, e);
        if (r == 0)
            r = account_low_check(ledger, account.number, e);
        if (r == 0)
            r = account_load(ledger, account.number, &account, e);
        if (r < 0)
            return ledger_broken(ledger, e);
    }
    if (out)
        *out = account;
    return 0;
}

int account_low_check(struct ledger *ledger, uint64_t number, struct err *e)
{
    struct entry entry = {.account = number, .kind = ENTRY_LOW_BALANCE};
    struct account account;
    int r = account_load(ledger, number, &account, e);

    if (r < 0 || account.kind != ACCOUNT_CUSTOMER)
        return r;
    if (account.low == account_is_low(&account))
        return 0;
    account.low = !account.low;
    r = account_store(ledger, &account, e);
    if (r < 0 || !account.low)
        return r;
    entry.low_balance.available_nano = account_available_nano(&account);
    entry.low_balance.threshold_nano = account.low_balance_nano;
    return log_append(ledger, &entry, NULL, NULL, e);
}

// ------------------------------------------------------------------- reading

int ledger_account_get(struct ledger *ledger,
                       const uint8_t key[LEDGER_KEY_SIZE], struct account *out,
                       struct err *e)
{
    int r = account_find(ledger, key, out, e);

    if (r == 0)
        return err_set(e, ENOENT, "this key has no account on this node");
    return r < 0 ? r : 0;
}

int ledger_account_number(struct ledger *ledger, uint64_t number,
                          struct account *out, struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger, "select max(number) from accounts", e);
    int r = stmt ? ledger_row(ledger, stmt, e) : -EIO;
    uint64_t last;

    if (r < 0)
        return r;
    last = db_int(stmt, 0);
    db_done(stmt);
    if (number < 1 || number > last)
        return 0;
    r = account_load(ledger, number, out, e);
    return r < 0 ? r : 1;
}

int ledger_account_list(struct ledger *ledger,
                        int (*each)(const struct account *account, void *arg),
                        void *arg, struct err *e)
{
    struct account account;
    struct db_stmt *stmt;
    int r = account_cache_flush(ledger, e);

    if (r < 0)
        return r;
    stmt = ledger_sql(
        ledger, "select " ACCOUNT_COLUMNS " from accounts order by number", e);
    if (!stmt)
        return -EIO;
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        account_from_row(stmt, &account);
        r = each(&account, arg);
        if (r != 0)
            break;
    }
    db_done(stmt);
    return r;
}
