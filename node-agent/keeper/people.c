// SPDX-License-Identifier: ISC
// Accounts' keys and invitations; see people.h. The audit log is in audit.c.

#include "node-agent/keeper/people.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/io.h"
#include "node-agent/bundle/key_proof.h"

// audit: append-only: rows are never changed, and go only when they are older
// than audit_floor says. `chain` is a hash of the row and of the one before.
// invitation: only a hash of the code is here. joined: who used which, so that
// a customer whose answer was lost may ask again.
const char people_tables[] =
    "create table audit ("
    "  seq integer primary key autoincrement,"
    "  at_ns integer not null,"
    "  row blob not null," // struct audit_row
    "  who blob not null,"
    "  chain blob not null"
    ") strict;"
    "create index audit_who on audit (who, seq);"
    "create table audit_floor (floor_ns integer not null) strict;"
    "insert into audit_floor values (0);"
    "create trigger audit_fixed before update on audit begin"
    "  select raise(abort, 'the audit log is append-only'); end;"
    "create trigger audit_kept before delete on audit"
    "  when old.at_ns >= (select floor_ns from audit_floor) begin"
    "  select raise(abort, 'the audit log is append-only'); end;"
    "create table invitation ("
    "  code blob primary key,"
    "  name text not null,"
    "  credit integer not null,"
    "  uses_left integer not null,"
    "  expires_ns integer not null"
    ") strict, without rowid;"
    "create table joined ("
    "  customer blob not null,"
    "  code blob not null,"
    "  credit integer not null,"
    "  primary key (customer, code)"
    ") strict, without rowid;"
    "create table customer_key ("
    "  key blob primary key,"
    "  account blob not null,"
    "  name text not null,"
    "  added_ns integer not null,"
    "  revoked_ns integer not null default 0"
    ") strict, without rowid;"
    "create index customer_key_account on customer_key (account);";

static const key_id_t nobody;

// ----------------------------------------------------------------------- keys

// 1 and what is known of a key; 0: nothing.
static int key_row(struct keeper *k, const key_id_t *key,
                   struct customer_key *out, struct err *e)
{
    static const char sql[] =
        "select account, name, added_ns, revoked_ns from customer_key "
        "where key = ?";
    struct db_stmt *q = db_prepare(k->journal.db, sql, e);
    int r;

    *out = (struct customer_key){.key = *key, .account = *key};
    if (!q)
        return -EIO;
    db_bind_blob(q, 1, key->b, sizeof(key->b));
    r = db_step(q, e);
    if (r > 0) {
        db_blob_copy(q, 0, out->account.b, sizeof(out->account.b));
        ipc_text(out->name, db_text(q, 1));
        out->added_real_ns = db_int(q, 2);
        out->revoked_real_ns = db_int(q, 3);
    }
    db_done(q);
    return r;
}

int people_account(struct keeper *k, const key_id_t *key, key_id_t *account,
                   struct err *e)
{
    struct customer_key row;
    int r = key_row(k, key, &row, e);

    if (r < 0) {
        keeper_fail(k, e);
        return r;
    }
    *account = row.account;
    if (row.revoked_real_ns)
        return err_set(e, EACCES,
                       "this key was revoked; use another of the "
                       "account's, or ask the operator");
    return 0;
}

static int key_write(struct keeper *k, const struct customer_key *c,
                     struct err *e)
{
    static const char sql[] =
        "insert or replace into customer_key values (?,?,?,?,?)";
    struct db_stmt *q = journal_prepare(&k->journal, sql, e);

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, c->key.b, sizeof(c->key.b));
    db_bind_blob(q, 2, c->account.b, sizeof(c->account.b));
    db_bind_text(q, 3, c->name);
    db_bind_int(q, 4, c->added_real_ns);
    db_bind_int(q, 5, c->revoked_real_ns);
    return db_run(q, e);
}

// How many keys of the account can sign: the first one, unless it is revoked,
// and those that were added.
static int64_t keys_active(struct keeper *k, const key_id_t *account,
                           struct err *e)
{
    static const char sql[] =
        "select count(*) from customer_key where account = ?1 and key <> ?1 "
        "and revoked_ns = 0";
    struct db_stmt *q = db_prepare(k->journal.db, sql, e);
    struct customer_key first;
    int64_t n;
    int r;

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, account->b, sizeof(account->b));
    r = db_step(q, e);
    n = r > 0 ? db_int(q, 0) : r;
    db_done(q);
    if (n >= 0 && key_row(k, account, &first, e) >= 0 && !first.revoked_real_ns)
        n++;
    return n;
}

static int key_add(struct keeper *k, const struct msg_key *m,
                   struct customer_key *c, int found, const char **why)
{
    struct err e;

    if (!m->by_operator &&
        !key_proof_good(m->key.b, k->cfg.node_id, m->account.b, m->proof)) {
        *why = "this key has not agreed to sign for the account, or the proof "
               "is another's: whoever has its secret half makes one with "
               "`hostel -k KEY key offer ACCOUNT`";
        return 403;
    }
    if (found && memcmp(&c->account, &m->account, sizeof(key_id_t))) {
        *why = "this key belongs to another account";
        return 409;
    }
    if (found && !c->revoked_real_ns)
        return 200;
    if (found) {
        *why = "this key was revoked, and stays so; make another";
        return 409;
    }
    if (keys_active(k, &m->account, &e) >= ACCOUNT_KEYS_MAX) {
        *why = "the account has as many keys as it may; revoke one";
        return 409;
    }
    c->account = m->account;
    ipc_text(c->name, m->name);
    c->added_real_ns = clock_real_ns();
    return 201;
}

static int key_revoke(struct keeper *k, const struct msg_key *m,
                      struct customer_key *c, const char **why)
{
    struct err e;

    if (memcmp(&c->account, &m->account, sizeof(key_id_t))) {
        *why = "the account has no such key";
        return 404;
    }
    if (c->revoked_real_ns)
        return 200;
    if (!m->by_operator && keys_active(k, &m->account, &e) <= 1) {
        *why = "this is the account's last key; add another first";
        return 409;
    }
    c->revoked_real_ns = clock_real_ns();
    return 201;
}

// Roles remember which keys sign for whom: all hear of a change, whoever of
// them asked for it, and before that one is answered.
static void key_tell(struct keeper *k, const struct msg_key_reply *reply)
{
    struct msg_key_reply told = *reply;

    told.reply.head.tag = 0;
    chan_post(&k->api, &told, NULL, 0);
    told.reply.head.tag = CHAN_TAG_OTHER;
    if (k->api.other)
        chan_post(&k->api, &told, NULL, 0);
}

// Resolve, add or revoke.
int people_key(struct keeper *k, const union ipc_any *any)
{
    const struct msg_key *m = &any->key;
    struct msg_key_reply reply;
    struct customer_key c;
    const char *why = NULL;
    struct err e;
    int status = 200, found = key_row(k, &m->key, &c, &e);

    if (found < 0) {
        keeper_fail(k, &e);
        return 0;
    }
    if (m->op == KEY_ADD)
        status = key_add(k, m, &c, found, &why);
    else if (m->op == KEY_REVOKE)
        status = key_revoke(k, m, &c, &why);
    else if (c.revoked_real_ns) {
        status = 403;
        why = "this key was revoked; use another of the account's, or ask the "
              "operator";
    }
    if (status == 201 && key_write(k, &c, &e) < 0)
        keeper_fail(k, &e);
    chan_reply_init(&reply, &m->head, status, why);
    reply.key = c;
    if (status == 201)
        key_tell(k, &reply);
    chan_post(&k->api, &reply, NULL, 0);
    return 0;
}

int people_key_list(struct keeper *k, const union ipc_any *any)
{
    static const char sql[] =
        "select key, account, name, added_ns, revoked_ns from customer_key "
        "where account = ?1 order by added_ns limit 1000";
    const struct msg_account *m = &any->account;
    struct msg_count_reply reply;
    struct customer_key c;
    struct err e;
    struct db_stmt *q = db_prepare(k->journal.db, sql, &e);
    int fd = memfd_create("keys", MFD_CLOEXEC | MFD_ALLOW_SEALING), r;

    chan_reply_init(&reply, &m->head, 200, NULL);
    // The first one, when nothing ever happened to it.
    if (q && fd >= 0 && key_row(k, &m->customer, &c, &e) == 0) {
        write_full(fd, &c, sizeof(c));
        reply.count++;
    }
    if (q)
        db_bind_blob(q, 1, m->customer.b, sizeof(m->customer.b));
    while (q && fd >= 0 && (r = db_step(q, &e)) > 0) {
        memset(&c, 0, sizeof(c));
        db_blob_copy(q, 0, c.key.b, sizeof(c.key.b));
        db_blob_copy(q, 1, c.account.b, sizeof(c.account.b));
        ipc_text(c.name, db_text(q, 2));
        c.added_real_ns = db_int(q, 3);
        c.revoked_real_ns = db_int(q, 4);
        write_full(fd, &c, sizeof(c));
        reply.count++;
    }
    if (q)
        db_done(q);
    reply.length = reply.count * sizeof(c);
    chan_post(&k->api, &reply, &fd, fd >= 0);
    return 0;
}

// ---------------------------------------------------------------- invitations

int people_invite(struct keeper *k, const union ipc_any *any)
{
    static const char sql[] = "insert into invitation values (?,?,?,?,?)";
    const struct msg_invite *m = &any->invite;
    struct err e;
    struct db_stmt *q = journal_prepare(&k->journal, sql, &e);
    int r = q ? 0 : -EIO;

    if (q) {
        db_bind_blob(q, 1, m->code, sizeof(m->code));
        db_bind_text(q, 2, m->name);
        db_bind_int(q, 3, m->credit_nano);
        db_bind_int(q, 4, m->uses);
        db_bind_int(q, 5, m->expires_real_ns);
        r = db_run(q, &e);
    }
    if (r < 0)
        keeper_fail(k, &e);
    chan_reply_ok(&k->api, &m->head);
    return 0;
}

// What this customer got for this code before: 1, or 0.
static int joined_before(struct keeper *k, const struct msg_join *m,
                         int64_t *credit, struct err *e)
{
    static const char sql[] =
        "select credit from joined where customer = ? and code = ?";
    struct db_stmt *q = db_prepare(k->journal.db, sql, e);
    int r;

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, m->customer.b, sizeof(m->customer.b));
    db_bind_blob(q, 2, m->code, sizeof(m->code));
    r = db_step(q, e);
    *credit = r > 0 ? db_int(q, 0) : 0;
    db_done(q);
    return r;
}

// Uses the code up by one: 1, or 0 when it is none, used up or expired.
static int code_use(struct keeper *k, const struct msg_join *m, int64_t *credit,
                    struct err *e)
{
    static const char use[] =
        "update invitation set uses_left = uses_left - 1 where code = ? and "
        "uses_left > 0 and expires_ns > ? returning credit";
    struct db_stmt *q = journal_prepare(&k->journal, use, e);
    int r;

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, m->code, sizeof(m->code));
    db_bind_int(q, 2, clock_real_ns());
    r = db_step(q, e);
    *credit = r > 0 ? db_int(q, 0) : 0;
    db_done(q);
    return r;
}

static int joined_write(struct keeper *k, const struct msg_join *m,
                        int64_t credit, struct err *e)
{
    static const char sql[] = "insert or replace into joined values (?,?,?)";
    struct db_stmt *q = journal_prepare(&k->journal, sql, e);

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, m->customer.b, sizeof(m->customer.b));
    db_bind_blob(q, 2, m->code, sizeof(m->code));
    db_bind_int(q, 3, credit);
    return db_run(q, e);
}

// Who waits for the ledger's answer. A place is named by its tag, so that the
// answer of a place that was used anew since is nobody's.
#define JOINS_MAX 256u
struct joins {
    struct {
        struct msg_head to; // type 0: free
        uint64_t tag;
    } at[JOINS_MAX];
    uint64_t count;
};

struct joins *joins_new(void)
{
    return calloc(1, sizeof(struct joins));
}

void joins_free(struct joins *j)
{
    free(j);
}

// An account for this key, and what its invitation is worth. The ledger has a
// credit once by its id, so this may be asked for again after any crash.
static bool enrol(struct keeper *k, const struct msg_join *m, int64_t credit)
{
    struct msg_enrol ask = {.customer = m->customer, .credit_nano = credit};
    struct joins *j = k->joins;
    unsigned i = 0;

    while (i < JOINS_MAX && j->at[i].to.type)
        i++;
    if (i == JOINS_MAX)
        return false;
    j->at[i].to = m->head;
    j->at[i].tag = j->count++ * JOINS_MAX + i;
    ipc_text(ask.name, m->name);
    crypto_generichash(ask.credit_id, sizeof(ask.credit_id), m->code,
                       sizeof(m->code), m->customer.b, sizeof(m->customer.b));
    ipc_head(&ask, MSG_ENROL, j->at[i].tag);
    chan_post(&k->ledger, &ask, NULL, 0);
    return true;
}

void people_enrolled(struct keeper *k, const struct msg_account_reply *m)
{
    uint64_t tag = m->reply.head.tag;
    struct msg_account_reply reply = *m;
    struct msg_head *to = &k->joins->at[tag % JOINS_MAX].to;

    if (!to->type || k->joins->at[tag % JOINS_MAX].tag != tag)
        return;
    ipc_head(&reply, to->type | MSG_REPLY, to->tag);
    to->type = 0;
    chan_post(&k->api, &reply, NULL, 0);
}

static void join_refuse(struct keeper *k, const struct msg_join *m,
                        unsigned status, const char *why)
{
    struct msg_account_reply reply;

    chan_reply_init(&reply, &m->head, status, why);
    reply.reply.retry_after_s = status == 503;
    chan_post(&k->api, &reply, NULL, 0);
}

// May this key have an account, and with how much?
int people_join(struct keeper *k, const union ipc_any *any)
{
    static const char refusal[][2][80] = {
        [ACCOUNTS_OPERATOR] = {"on this node only the operator opens accounts",
                               "on this node only the operator opens accounts"},
        [ACCOUNTS_INVITATION] =
            {"this node opens accounts by invitation only",
             "the invitation is not known here, used up or expired"},
        [ACCOUNTS_OPEN] =
            {"", "the invitation is not known here, used up or expired"},
    };
    const struct msg_join *m = &any->join;
    bool has_code = memcmp(m->code, &nobody, sizeof(m->code)) != 0;
    struct err e;
    int64_t credit = 0;
    int r;

    r = joined_before(k, m, &credit, &e);
    if (r == 0 && has_code && k->cfg.accounts != ACCOUNTS_OPERATOR)
        r = code_use(k, m, &credit, &e);
    else if (r == 0 && !has_code && k->cfg.accounts == ACCOUNTS_OPEN)
        r = 1;
    if (r > 0)
        r = joined_write(k, m, credit, &e) < 0 ? -EIO : 1;
    if (r < 0)
        keeper_fail(k, &e);
    else if (r == 0)
        join_refuse(k, m, 403, refusal[k->cfg.accounts][has_code]);
    else if (!enrol(k, m, credit)) // the code is used up for this key only
        join_refuse(k, m, 503, "too many are joining just now; try again");
    return 0;
}
