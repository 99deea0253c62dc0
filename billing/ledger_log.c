// SPDX-License-Identifier: ISC
// The append-only log of entries.
#include "billing/ledger_internal.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
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

// Salts are drawn by the hundred: one at a time, the system call is dearer than
// the entry's hash.
static const uint8_t *salt_next(struct ledger *ledger)
{
    if (!ledger->salts_left) {
        randombytes_buf(ledger->salts, sizeof(ledger->salts));
        ledger->salts_left = SALT_POOL;
    }
    return ledger->salts[--ledger->salts_left];
}

// Remembers a leaf for the next seal. Where there is no memory or the queue is
// full, the seal reads the entries again.
static void leaf_keep(struct leaf_queue *q, uint64_t number,
                      const uint8_t *salt, const uint8_t *bytes, size_t len)
{
    if (q->count && number != q->first + q->count)
        q->count = 0;
    if (q->count == q->room) {
        size_t room = q->room ? 2 * q->room : LEDGER_BATCH_MAX;
        void *more = room <= LEAVES_KEPT_MAX
                         ? realloc(q->hash, room * sizeof(*q->hash))
                         : NULL;

        if (!more) {
            q->count = 0;
            return;
        }
        q->hash = more;
        q->room = room;
    }
    if (q->count == 0)
        q->first = number;
    merkle_leaf(salt, ENTRY_SALT_SIZE, bytes, len, q->hash[q->count++]);
}

int log_append(struct ledger *ledger, struct entry *entry,
               struct submission_row *row, uint64_t *number, struct err *e)
{
    uint8_t bytes[ENTRY_BYTES_MAX];
    const uint8_t *salt = salt_next(ledger);
    struct db_stmt *stmt;
    size_t len;
    int r = 0;

    assert(ledger->in_group);
    entry->time_ns = ledger->newest_ns = ledger->now_ns;
    if (entry->account)
        r = account_seq_next(ledger, entry->account, &entry->account_seq, e);
    if (r < 0)
        return r;
    stmt = ledger_sql(ledger, "insert into entries values (?, ?, ?, ?, ?)", e);
    if (!stmt)
        return -EIO;
    len = entry_pack(entry, bytes);
    db_bind_int(stmt, 1, ledger->last_entry + 1);
    if (row)
        db_bind_int(stmt, 2, row->number);
    if (row && row->last_entry)
        db_bind_int(stmt, 3, row->last_entry);
    db_bind_blob_ref(stmt, 4, salt, ENTRY_SALT_SIZE);
    db_bind_blob_ref(stmt, 5, bytes, len);
    r = ledger_run(ledger, stmt, e);
    if (r < 0)
        return r;
    ledger->last_entry++;
    leaf_keep(&ledger->leaves, ledger->last_entry, salt, bytes, len);
    if (row)
        row->last_entry = ledger->last_entry;
    if (number)
        *number = ledger->last_entry;
    return 0;
}

int log_read_back(struct ledger *ledger, uint64_t number, struct entry *out,
                  uint64_t *before, struct err *e)
{
    struct db_stmt *stmt = ledger_sql(
        ledger, "select entry, before from entries where number = ?", e);
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
    *before = db_int(stmt, 1);
    db_done(stmt);
    // A list that does not go back would have no end.
    if (r == 0 && *before >= number)
        r = err_set(e, EIO, "it follows a later one");
    if (r < 0) {
        err_prefix(e, "entry %llu", (unsigned long long)number);
        return ledger_broken(ledger, e);
    }
    return 0;
}

int log_read(struct ledger *ledger, uint64_t number, struct entry *out,
             struct err *e)
{
    uint64_t before;

    return log_read_back(ledger, number, out, &before, e);
}

int log_submission(struct ledger *ledger, uint64_t last, uint64_t **numbers,
                   size_t *count, struct err *e)
{
    uint64_t *list = NULL;
    size_t room = 0, n = 0;

    for (uint64_t number = last, before; number; number = before) {
        struct entry entry;
        int r = log_read_back(ledger, number, &entry, &before, e);

        if (r == 0 && n == room) {
            uint64_t *more;

            room = room ? 2 * room : 64;
            more = realloc(list, room * sizeof(*list));
            if (more)
                list = more;
            else
                r = err_set(e, ENOMEM, "no memory for a submission's entries");
        }
        if (r < 0) {
            free(list);
            return r;
        }
        list[n++] = number;
    }
    for (size_t i = 0; i < n / 2; i++) {
        uint64_t swap = list[i];

        list[i] = list[n - 1 - i];
        list[n - 1 - i] = swap;
    }
    *numbers = list;
    *count = n;
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

static int leaves_read(struct ledger *ledger, uint64_t first, uint64_t count,
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

int log_leaves(struct ledger *ledger, uint64_t first, uint64_t count,
               uint8_t (*leaves)[MERKLE_HASH_SIZE], struct err *e)
{
    const struct leaf_queue *q = &ledger->leaves;

    if (first < q->first || first + count > q->first + q->count)
        return leaves_read(ledger, first, count, leaves, e);
    memcpy(leaves, q->hash[first - q->first], count * sizeof(*leaves));
    return 0;
}
