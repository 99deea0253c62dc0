// SPDX-License-Identifier: ISC
// The ledger's database, its group commit and its rate cards.
#include "billing/ledger_internal.h"
#include "billing/settled.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"

// `entries` is the truth and is only ever added to; `batches` and `certs` sign
// it. All other tables follow from it. Numbers of entries and batches have no
// gaps. `entries.before` is the entry of the same submission before, so that a
// usage record is one row at the end of one table, and costs no index.
// `usage` is a struct usage as it lies in memory. `transfers.account` is
// the customer whose posted balance a transfer moved, for statements. The
// tables are strict, so that SQLite's check of a file checks types as well.
const char ledger_schema[] =
    "create table meta (key text primary key, value blob not null)"
    "    without rowid, strict;"
    "create table entries (number integer primary key, submission integer,"
    "    before integer, salt blob not null, entry blob not null) strict;"
    "create table certs (number integer primary key,"
    "    cert blob not null unique) strict;"
    "create table batches (number integer primary key,"
    "    first_entry integer not null unique, header blob not null,"
    "    signature blob not null, cert integer not null) strict;"
    "create table cards (number integer primary key,"
    "    digest blob not null unique, entry integer not null) strict;"
    "create table accounts (number integer primary key,"
    "    kind integer not null, key blob, name text not null,"
    "    currency text not null, credit_limit_nano integer not null,"
    "    debits_posted_nano integer not null,"
    "    credits_posted_nano integer not null,"
    "    debits_pending_nano integer not null,"
    "    credits_pending_nano integer not null,"
    "    opened_ns integer not null, last_seq integer not null,"
    "    low_balance_nano integer not null, low integer not null,"
    "    invoiced integer not null) strict;"
    "create unique index accounts_by_key on accounts (key)"
    "    where key is not null;"
    "create unique index accounts_of_node on accounts (currency, kind)"
    "    where key is null;"
    "create table transfers (id blob primary key, entry integer not null,"
    "    open integer not null, account integer) without rowid, strict;"
    "create index transfers_by_account on transfers (account, entry)"
    "    where account is not null;"
    "create table submissions (number integer primary key,"
    "    id blob not null unique, account integer not null,"
    "    card integer not null, state integer not null,"
    "    hold_nano integer not null, usage blob not null,"
    "    record_count integer not null, last_record_seq integer not null,"
    "    charge_nano integer not null, billed_nano integer not null,"
    "    written_off_nano integer not null, settled_ns integer not null,"
    "    last_entry integer not null) strict;"
    "create index submissions_held on submissions (number) where state = 1;"
    "create table settlements (account integer, entry integer,"
    "    settled_ns integer not null, submission integer not null,"
    "    primary key (account, entry)) without rowid, strict;"
    "create table invoices (number integer primary key,"
    "    account integer not null, entry integer not null unique,"
    "    document blob not null) strict;"
    "create index invoices_by_account on invoices (account, number);";

// Pages of the log between two checkpoints, and of the cache: a commit's sync
// is of the log alone, and 8 MiB of indexes stay in memory.
static const char ledger_pragmas[] = "pragma wal_autocheckpoint = 8192;"
                                     "pragma cache_size = -8192";

int ledger_broken(struct ledger *ledger, struct err *e)
{
    ledger->failed = true;
    if (!e)
        return err_set(&ledger->failure, EIO, "the ledger's database failed");
    e->code = EIO; // none of the refusals
    ledger->failure = *e;
    return -EIO;
}

struct db_stmt *ledger_sql(struct ledger *ledger, const char *sql,
                           struct err *e)
{
    struct db_stmt *stmt = db_prepare(ledger->db, sql, e);

    if (!stmt)
        ledger_broken(ledger, e);
    return stmt;
}

int ledger_run(struct ledger *ledger, struct db_stmt *stmt, struct err *e)
{
    return db_run(stmt, e) < 0 ? ledger_broken(ledger, e) : 0;
}

int ledger_row(struct ledger *ledger, struct db_stmt *stmt, struct err *e)
{
    int r = db_step(stmt, e);

    return r < 0 ? ledger_broken(ledger, e) : r;
}

// ------------------------------------------------------------ open and close

// A ledger belongs to the node that made it.
static int node_id_check(struct ledger *ledger, struct err *e)
{
    uint8_t found[LEDGER_KEY_SIZE];
    struct db_stmt *stmt =
        ledger_sql(ledger, "select value from meta where key = 'node_id'", e);
    int r = stmt ? ledger_row(ledger, stmt, e) : -EIO;

    if (r < 0)
        return r;
    if (r > 0) {
        r = db_blob_copy(stmt, 0, found, sizeof(found));
        db_done(stmt);
        if (r < 0 || memcmp(found, ledger->node_id, sizeof(found)) != 0)
            return err_set(e, EINVAL, "the ledger belongs to another node");
        return 0;
    }
    stmt = ledger_sql(ledger, "insert into meta values ('node_id', ?)", e);
    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, ledger->node_id, sizeof(ledger->node_id));
    return ledger_run(ledger, stmt, e);
}

static int key_check(struct ledger *ledger, const struct receipts_key *key,
                     struct err *e)
{
    uint8_t public_key[32];

    crypto_sign_ed25519_sk_to_pk(public_key, key->secret);
    if (memcmp(public_key, key->cert.public_key, sizeof(public_key)) != 0)
        return err_set(e, EINVAL,
                       "the certificate is not of this receipts key");
    ledger->key = *key;
    ledger->have_key = true;
    return key_cert_verify(&key->cert, ledger->node_id, e);
}

static int newest_load(struct ledger *ledger, struct err *e)
{
    struct entry newest;
    int r;

    if (!ledger->last_entry)
        return 0;
    r = log_read(ledger, ledger->last_entry, &newest, e);
    if (r == 0)
        ledger->newest_ns = newest.time_ns;
    return r;
}

static int ledger_state_load(struct ledger *ledger, struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger, "select max(number) from entries", e);
    int r = stmt ? ledger_row(ledger, stmt, e) : -EIO;

    if (r < 0)
        return r;
    ledger->last_entry = db_int(stmt, 0);
    db_done(stmt);
    r = newest_load(ledger, e);
    if (r < 0)
        return r;
    stmt = ledger_sql(ledger, "select max(number) from submissions", e);
    r = stmt ? ledger_row(ledger, stmt, e) : -EIO;
    if (r < 0)
        return r;
    ledger->last_submission = db_int(stmt, 0);
    db_done(stmt);
    return batch_state_load(ledger, e);
}

// Entries are signed as they are: another form of them would be other books.
static int other_version_explain(struct err *e)
{
    return e && e->code == ENOTSUP
               ? err_suffix(e, "; signed entries cannot be converted: go on "
                               "with that version, or see OTHER VERSIONS in "
                               "hostel-ledger(8)")
               : -EIO;
}

static int ledger_init(struct ledger *ledger,
                       const struct ledger_options *options, struct err *e)
{
    int r = 0;

    memcpy(ledger->node_id, options->node_id, sizeof(ledger->node_id));
    ledger->clock_ns = options->clock_ns ? options->clock_ns : clock_real_ns;
    if (options->key)
        r = key_check(ledger, options->key, e);
    if (r < 0)
        return r;
    ledger->db =
        db_open(options->path, ledger_schema, LEDGER_SCHEMA_VERSION, e);
    if (!ledger->db)
        return other_version_explain(e);
    r = db_exec(ledger->db, ledger_pragmas, e);
    if (r == 0)
        r = node_id_check(ledger, e);
    return r < 0 ? r : ledger_state_load(ledger, e);
}

int ledger_open(struct ledger **out, const struct ledger_options *options,
                struct err *e)
{
    struct ledger *ledger;
    int r;

    if (sodium_init() < 0)
        return err_set(e, EIO, "libsodium does not work on this machine");
    ledger = calloc(1, sizeof(*ledger));
    if (!ledger)
        return err_set(e, ENOMEM, "no memory for the ledger");
    r = ledger_init(ledger, options, e);
    if (r < 0) {
        ledger_close(ledger);
        return r;
    }
    *out = ledger;
    return 0;
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    if (ledger->in_group)
        ledger_rollback(ledger);
    db_close(ledger->db);
    sodium_memzero(&ledger->key, sizeof(ledger->key));
    free(ledger->leaves.hash);
    free(ledger);
}

// ----------------------------------------------------------------- the group

int ledger_begin(struct ledger *ledger, struct err *e)
{
    int r;

    assert(!ledger->in_group);
    r = db_begin(ledger->db, e);
    if (r < 0)
        return r;
    ledger->in_group = true;
    ledger->failed = false;
    ledger->card_in_group = false;
    ledger->now_ns = ledger_now_ns(ledger);
    return 0;
}

// The clock's time, or the newest entry's (ledger.h says when).
uint64_t ledger_now_ns(const struct ledger *ledger)
{
    uint64_t now_ns = ledger->clock_ns();

    if (now_ns < ledger->newest_ns &&
        ledger->newest_ns - now_ns <= LEDGER_BACK_NS)
        return ledger->newest_ns;
    return now_ns;
}

uint64_t ledger_behind_ns(const struct ledger *ledger)
{
    uint64_t now_ns = ledger->clock_ns();

    return now_ns < ledger->newest_ns ? ledger->newest_ns - now_ns : 0;
}

uint64_t ledger_group_ns(const struct ledger *ledger)
{
    assert(ledger->in_group);
    return ledger->now_ns;
}

void ledger_rollback(struct ledger *ledger)
{
    db_rollback(ledger->db);
    ledger->in_group = false;
    ledger->node_accounts.currency[0] = '\0';
    account_cache_drop(ledger);
    submission_cache_drop(ledger);
    memset(ledger->cards, 0, sizeof(ledger->cards));
    ledger->leaves.count = 0;
    for (int i = 0; i < BATCH_TREES; i++)
        ledger->trees[i].number = 0;
    if (ledger->card_in_group)
        ledger->card_number = 0;
    // If even this fails, so will every later group.
    ledger_state_load(ledger, NULL);
}

int ledger_commit(struct ledger *ledger, struct err *e)
{
    int r = 0;

    assert(ledger->in_group);
    if (ledger->failed) {
        if (e)
            *e = ledger->failure;
        r = -EIO;
    }
    if (r == 0)
        r = account_cache_flush(ledger, e);
    if (r == 0)
        r = submission_cache_flush(ledger, e);
    if (r == 0)
        r = db_commit(ledger->db, e);
    if (r < 0)
        ledger_rollback(ledger);
    ledger->in_group = false;
    return r;
}

// --------------------------------------------------------------- rate cards

static int card_add(struct ledger *ledger, const struct ratecard *card,
                    const uint8_t digest[RATECARD_DIGEST_SIZE], struct err *e)
{
    struct entry entry = {.kind = ENTRY_RATE_CARD, .card = *card};
    struct db_stmt *stmt;
    uint64_t number;
    int r = log_append(ledger, &entry, NULL, &number, e);

    if (r < 0)
        return r;
    stmt = ledger_sql(ledger, "insert into cards (digest, entry) values (?, ?)",
                      e);
    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, digest, RATECARD_DIGEST_SIZE);
    db_bind_int(stmt, 2, number);
    return ledger_run(ledger, stmt, e);
}

int ledger_ratecard_set(struct ledger *ledger, const struct ratecard *card,
                        struct err *e)
{
    uint8_t digest[RATECARD_DIGEST_SIZE];
    struct db_stmt *stmt;
    uint64_t number;
    int r;

    assert(ledger->in_group);
    ratecard_digest(card, digest);
    stmt = ledger_sql(ledger, "select number from cards where digest = ?", e);
    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, digest, sizeof(digest));
    r = ledger_row(ledger, stmt, e);
    if (r < 0)
        return r;
    if (r > 0) {
        number = db_int(stmt, 0);
        db_done(stmt);
    } else {
        db_done(stmt);
        r = card_add(ledger, card, digest, e);
        if (r < 0)
            return r;
        number = db_last_id(ledger->db);
    }
    ledger->card = *card;
    ledger->card_number = number;
    ledger->card_in_group = true;
    return 0;
}

int card_load(struct ledger *ledger, uint64_t number, struct ratecard *out,
              struct err *e)
{
    size_t slot = number % CARD_SLOTS;
    struct db_stmt *stmt;
    struct entry entry;
    int r;

    if (number == ledger->cards[slot].number) {
        *out = ledger->cards[slot].card;
        return 0;
    }
    stmt = ledger_sql(ledger, "select entry from cards where number = ?", e);
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, number);
    r = ledger_row(ledger, stmt, e);
    if (r < 0)
        return r;
    if (r == 0) {
        err_set(e, EIO, "the ledger has lost rate card %llu",
                (unsigned long long)number);
        return ledger_broken(ledger, e);
    }
    r = log_read(ledger, db_int(stmt, 0), &entry, e);
    db_done(stmt);
    if (r < 0)
        return r;
    *out = entry.card;
    ledger->cards[slot].card = entry.card;
    ledger->cards[slot].number = number;
    return 0;
}
