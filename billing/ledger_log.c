// SPDX-License-Identifier: ISC
// The append-only log of entries.
#include "billing/ledger_internal.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

// Entries about an account are numbered without gaps.
static int account_seq_next(struct ledger *ledger, uint64_t number,
                            uint64_t *seq, struct err *e)
{
    struct account account;
    int r = account_load(ledger, number, &account, e);

    if (r < 0)
        return r;
    *seq = ++account.last_seq;
    return account_store(ledger, &account, e);
}

int log_append(struct ledger *ledger, struct entry *entry, uint64_t submission,
               uint64_t *number, struct err *e)
{
    uint8_t bytes[ENTRY_BYTES_MAX];
    uint8_t salt[ENTRY_SALT_SIZE];
    struct db_stmt *stmt;
    int r = 0;

    assert(ledger->in_group);
    entry->time_ns = ledger->now_ns;
    if (entry->account)
        r = account_seq_next(ledger, entry->account, &entry->account_seq, e);
    if (r < 0)
        return r;
    randombytes_buf(salt, sizeof(salt));
    stmt = ledger_sql(ledger, "insert into entries values (?, ?, ?, ?)", e);
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, ledger->last_entry + 1);
    if (submission)
        db_bind_int(stmt, 2, submission);
    else
        db_bind_null(stmt, 2);
    db_bind_blob(stmt, 3, salt, sizeof(salt));
    db_bind_blob(stmt, 4, bytes, entry_pack(entry, bytes));
    r = ledger_run(ledger, stmt, e);
    if (r < 0)
        return r;
    ledger->last_entry++;
    if (number)
        *number = ledger->last_entry;
    return 0;
}

int log_read(struct ledger *ledger, uint64_t number, struct entry *out,
             struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger, "select entry from entries where number = ?", e);
    const void *bytes;
    size_t len;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, number);
    r = ledger_row(ledger, stmt, e);
    if (r < 0)
        return r;
    if (r == 0) {
        err_set(e, EIO, "entry %llu is missing", (unsigned long long)number);
        return ledger_broken(ledger, e);
    }
    bytes = db_blob(stmt, 0, &len);
    r = entry_unpack(out, bytes, len, e);
    db_done(stmt);
    if (r < 0) {
        err_prefix(e, "entry %llu", (unsigned long long)number);
        return ledger_broken(ledger, e);
    }
    return 0;
}

int log_same(struct ledger *ledger, uint64_t number, const struct entry *entry,
             struct err *e)
{
    uint8_t found_bytes[ENTRY_BYTES_MAX], bytes[ENTRY_BYTES_MAX];
    struct entry found, now = *entry;
    size_t len;
    int r = log_read(ledger, number, &found, e);

    if (r < 0)
        return r;
    now.time_ns = found.time_ns;
    now.account_seq = found.account_seq;
    len = entry_pack(&now, bytes);
    return entry_pack(&found, found_bytes) == len &&
           memcmp(found_bytes, bytes, len) == 0;
}

int log_leaves(struct ledger *ledger, uint64_t first, uint64_t count,
               uint8_t (*leaves)[MERKLE_HASH_SIZE], struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "select salt, entry from entries where number >= ?"
                   " order by number limit ?",
                   e);
    uint64_t i = 0;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, first);
    db_bind_int(stmt, 2, count);
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        size_t salt_len, len;
        const void *salt = db_blob(stmt, 0, &salt_len);
        const void *bytes = db_blob(stmt, 1, &len);

        merkle_leaf(salt, salt_len, bytes, len, leaves[i++]);
    }
    db_done(stmt);
    if (r == 0 && i != count) {
        err_set(e, EIO, "entries after %llu are missing",
                (unsigned long long)(first + i));
        return ledger_broken(ledger, e);
    }
    return r;
}
