// SPDX-License-Identifier: ISC
// The keeper's journal; see journal.h.
//
// `seq` is the order of arrival. `state` is enum sub_state, and 0 while the
// ledger is being asked for a hold. `usage` and `recorded` are struct usage
// (billing/usage.h), `limits` is struct sub_limits, as they are in memory.
// `image` and `initrd` name blobs of the store. Signed bytes have a table of
// their own, because the row of a submission is rewritten with every step.

#include "node-agent/keeper/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "lib/cleanup.h"
#include "node-agent/keeper/people.h"
#include "node-agent/keeper/quota.h"

#define JOURNAL_VERSION 7

// The build cache (cache.h).
#define BUILT_TABLE                                                            \
    "create table built ("                                                     \
    "  customer blob not null,"                                                \
    "  key blob not null,"                                                     \
    "  image blob not null,"                                                   \
    "  built_ns integer not null,"                                             \
    "  primary key (customer, key)"                                            \
    ") strict, without rowid;"

// Short consoles (console.h).
#define CONSOLE_TABLE                                                          \
    "create table console ("                                                   \
    "  seq integer primary key references submission on delete cascade,"       \
    "  text blob not null"                                                     \
    ") strict;"

static const char schema[] =
    "create table submission ("
    "  seq integer primary key,"
    "  id blob not null unique,"
    "  customer blob not null,"
    "  nonce blob not null,"
    "  bundle blob not null,"
    "  name text not null,"
    "  is_source integer not null,"
    "  expires_s integer not null,"
    "  limits blob not null,"
    "  submitted_ns integer not null,"
    "  state integer not null,"
    "  outcome integer not null default 0,"
    "  exit_status integer not null default 0,"
    "  version integer not null,"
    "  started_ns integer not null default 0,"
    "  ended_ns integer not null default 0,"
    "  usage blob not null,"
    "  recorded blob not null,"
    "  recorded_ns integer not null default 0,"
    "  sequence integer not null default 0,"
    "  hold integer not null default 0,"
    "  charged integer not null default 0,"
    "  written_off integer not null default 0,"
    "  image blob,"
    "  initrd blob,"
    "  destroyed integer not null default 0,"
    "  spent integer not null default 0,"
    "  report text not null default '',"
    "  run blob," // struct run_terms; null: once
    "  incarnation integer not null default 0,"
    "  cached integer not null default 0,"
    "  earlier blob," // struct usage of earlier incarnations
    "  net blob,"     // struct net_terms; null: no network
    "  lease blob,"   // struct net_lease; null: none
    "  period integer not null default 0,"
    "  ahead blob," // struct hold_ahead; null: of one that runs once
    "  unique (customer, nonce)"
    ") strict;"
    "create index submission_customer on submission (customer, seq);"
    "create index submission_live on submission (seq) where state <> 6;"
    "create index submission_old on submission (ended_ns) where state = 6;"
    "create table signed ("
    "  id blob primary key references submission (id) on delete cascade,"
    "  manifest blob not null,"
    "  signature blob not null"
    ") strict, without rowid;" BUILT_TABLE
    "create table record (" // one at a time of each submission
    "  id blob primary key references submission (id) on delete cascade,"
    "  message blob not null" // struct msg_record
    ") strict, without rowid;" CONSOLE_TABLE;

static const char *const upgrades[] = {
    [1] = "alter table submission add column run blob;"
          "alter table submission add column incarnation integer not null "
          "default 0;"
          "alter table submission add column cached integer not null default 0;"
          "alter table submission add column earlier blob;" BUILT_TABLE,
};

static const char net_columns[] =
    "alter table submission add column net blob;"
    "alter table submission add column lease blob;";

static const char period_columns[] =
    "alter table submission add column period integer not null default 0;"
    "alter table submission add column ahead blob;";

_Static_assert(SUB_DONE == 6, "the indexes say so");

#define COLUMNS                                                                \
    "id, customer, nonce, bundle, name, is_source, expires_s, limits, "        \
    "submitted_ns, state, outcome, exit_status, version, started_ns, "         \
    "ended_ns, usage, recorded, recorded_ns, sequence, hold, charged, "        \
    "written_off, image, initrd, destroyed, spent, report, incarnation, "      \
    "cached, earlier, lease, period, ahead, run, net"

// The journal's own tables and those of people.h, for a new database.
static char *schema_make(void)
{
    char *all =
        malloc(sizeof(schema) + strlen(people_tables) + strlen(quota_table));

    if (all)
        strcpy(stpcpy(stpcpy(all, schema), people_tables), quota_table);
    return all;
}

uint64_t journal_written_ns(const char *path)
{
    cleanup_free char *wal = NULL;
    uint64_t newest_ns = 0;

    if (asprintf(&wal, "%s-wal", path) < 0)
        wal = NULL;
    for (int i = 0; i < 2; i++) {
        const char *name = i ? wal : path;
        struct stat st;
        uint64_t ns;

        if (!name || stat(name, &st) < 0)
            continue;
        ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + st.st_mtim.tv_nsec;
        if (ns > newest_ns)
            newest_ns = ns;
    }
    return newest_ns;
}

int journal_open(struct journal *j, const char *path, struct err *e)
{
    const char *const upgrade[JOURNAL_VERSION] = {
        [1] = upgrades[1],   [2] = people_tables, [3] = quota_table,
        [4] = CONSOLE_TABLE, [5] = net_columns,   [6] = period_columns};
    cleanup_free char *all = schema_make();

    j->writing = false;
    if (!all)
        return err_set(e, ENOMEM, "no memory to open the journal");
    j->db = db_open_upgrade(path, all, JOURNAL_VERSION, upgrade, e);
    return j->db ? 0 : -EIO;
}

void journal_close(struct journal *j)
{
    if (j->writing)
        db_rollback(j->db);
    db_close(j->db);
    *j = (struct journal){0};
}

static int journal_write(struct journal *j, struct err *e)
{
    int r;

    if (j->writing)
        return 0;
    r = db_begin(j->db, e);
    if (r == 0)
        j->writing = true;
    return r;
}

struct db_stmt *journal_prepare(struct journal *j, const char *sql,
                                struct err *e)
{
    return journal_write(j, e) < 0 ? NULL : db_prepare(j->db, sql, e);
}

int journal_commit(struct journal *j, struct err *e)
{
    if (!j->writing)
        return 0;
    j->writing = false;
    return db_commit(j->db, e);
}

// ------------------------------------------------------------------- writing

static void bind_name(struct db_stmt *q, int at, bool has,
                      const uint8_t name[32])
{
    if (has)
        db_bind_blob(q, at, name, 32);
    else
        db_bind_null(q, at);
}

// The columns that change, from `at` on; returns the place behind them.
static int bind_changing(struct db_stmt *q, int at, const struct sub *s)
{
    const struct sub_info *i = &s->info;

    db_bind_int(q, at++, i->state);
    db_bind_int(q, at++, i->outcome);
    db_bind_int(q, at++, i->exit_status);
    db_bind_int(q, at++, i->version);
    db_bind_int(q, at++, i->started_real_ns);
    db_bind_int(q, at++, i->ended_real_ns);
    db_bind_blob(q, at++, &i->usage, sizeof(i->usage));
    db_bind_blob(q, at++, &s->recorded, sizeof(s->recorded));
    db_bind_int(q, at++, s->recorded_real_ns);
    db_bind_int(q, at++, s->sequence);
    db_bind_int(q, at++, i->hold_nano);
    db_bind_int(q, at++, i->charged_nano);
    db_bind_int(q, at++, i->written_off_nano);
    bind_name(q, at++, s->has_image, s->image);
    bind_name(q, at++, s->has_initrd, s->initrd);
    db_bind_int(q, at++, s->destroyed);
    db_bind_int(q, at++, s->spent);
    db_bind_text(q, at++, i->report);
    db_bind_int(q, at++, i->incarnation);
    db_bind_int(q, at++, i->build_cached);
    if (i->run.mode != RUN_ONCE)
        db_bind_blob(q, at++, &s->before, sizeof(s->before));
    else
        db_bind_null(q, at++);
    if (i->lease.number)
        db_bind_blob(q, at++, &i->lease, sizeof(i->lease));
    else
        db_bind_null(q, at++);
    db_bind_int(q, at++, i->period);
    if (i->run.mode != RUN_ONCE)
        db_bind_blob(q, at++, &s->ahead, sizeof(s->ahead));
    else
        db_bind_null(q, at++);
    return at;
}

int journal_insert(struct journal *j, const struct sub *s, const void *manifest,
                   size_t manifest_len, const void *signature,
                   size_t signature_len, struct err *e)
{
    static const char insert[] =
        "insert into submission (" COLUMNS ") values (?,?,?,?,?,?,?,?,?,?,?,"
        "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    static const char insert_signed[] =
        "insert into signed (id, manifest, signature) values (?, ?, ?)";
    const struct sub_info *i = &s->info;
    struct db_stmt *q;
    int r, at;

    if (!(q = journal_prepare(j, insert, e)))
        return -EIO;
    db_bind_blob(q, 1, i->id.b, sizeof(i->id.b));
    db_bind_blob(q, 2, i->customer.b, sizeof(i->customer.b));
    db_bind_blob(q, 3, s->nonce, sizeof(s->nonce));
    db_bind_blob(q, 4, s->bundle, sizeof(s->bundle));
    db_bind_text(q, 5, i->name);
    db_bind_int(q, 6, s->is_source);
    db_bind_int(q, 7, s->expires_s);
    db_bind_blob(q, 8, &i->limits, sizeof(i->limits));
    db_bind_int(q, 9, i->submitted_real_ns);
    at = bind_changing(q, 10, s);
    if (i->run.mode == RUN_ONCE && !i->run.cpu_weight &&
        !i->run.cpu_cap_percent && !i->run.output_bytes)
        db_bind_null(q, at);
    else
        db_bind_blob(q, at, &i->run, sizeof(i->run));
    if (i->net.mode == NET_NONE)
        db_bind_null(q, at + 1);
    else
        db_bind_blob(q, at + 1, &i->net, sizeof(i->net));
    r = db_run(q, e);
    if (r < 0)
        return r;
    if (!(q = db_prepare(j->db, insert_signed, e)))
        return -EIO;
    db_bind_blob(q, 1, i->id.b, sizeof(i->id.b));
    db_bind_blob(q, 2, manifest, manifest_len);
    db_bind_blob(q, 3, signature, signature_len);
    return db_run(q, e);
}

int journal_save(struct journal *j, const struct sub *s, struct err *e)
{
    static const char update[] =
        "update submission set state = ?, outcome = ?, exit_status = ?, "
        "version = ?, started_ns = ?, ended_ns = ?, usage = ?, recorded = ?, "
        "recorded_ns = ?, sequence = ?, hold = ?, charged = ?, "
        "written_off = ?, image = ?, initrd = ?, destroyed = ?, spent = ?, "
        "report = ?, incarnation = ?, cached = ?, earlier = ?, lease = ?, "
        "period = ?, ahead = ? "
        "where id = ?";
    struct db_stmt *q;

    if (!(q = journal_prepare(j, update, e)))
        return -EIO;
    db_bind_blob(q, bind_changing(q, 1, s), s->info.id.b, sizeof(s->info.id.b));
    return db_run(q, e);
}

// Runs a statement whose only parameter is an id.
static int run_on(struct journal *j, const char *sql, const sub_id_t *id,
                  struct err *e)
{
    struct db_stmt *q;

    if (!(q = journal_prepare(j, sql, e)))
        return -EIO;
    db_bind_blob(q, 1, id->b, sizeof(id->b));
    return db_run(q, e);
}

int journal_delete(struct journal *j, const sub_id_t *id, struct err *e)
{
    static const char sql[] = "delete from submission where id = ?";

    return run_on(j, sql, id, e);
}

int journal_record_add(struct journal *j, const struct msg_record *m,
                       struct err *e)
{
    static const char sql[] = "insert into record (id, message) values (?, ?)";
    struct db_stmt *q;

    if (!(q = journal_prepare(j, sql, e)))
        return -EIO;
    db_bind_blob(q, 1, m->id.b, sizeof(m->id.b));
    db_bind_blob(q, 2, m, sizeof(*m));
    return db_run(q, e);
}

int journal_record_done(struct journal *j, const sub_id_t *id, struct err *e)
{
    static const char sql[] = "delete from record where id = ?";

    return run_on(j, sql, id, e);
}

int journal_console_add(struct journal *j, const sub_id_t *id, const void *text,
                        size_t len, struct err *e)
{
    static const char sql[] = "insert or replace into console "
                              "select seq, ?2 from submission where id = ?1";
    struct db_stmt *q;

    if (!(q = journal_prepare(j, sql, e)))
        return -EIO;
    db_bind_blob(q, 1, id->b, sizeof(id->b));
    db_bind_blob(q, 2, text, len);
    return db_run(q, e);
}

int journal_built_add(struct journal *j, const key_id_t *customer,
                      const uint8_t key[32], const uint8_t image[32],
                      uint64_t now_real_ns, struct err *e)
{
    static const char sql[] = "insert or replace into built values (?,?,?,?)";
    struct db_stmt *q;

    if (!(q = journal_prepare(j, sql, e)))
        return -EIO;
    db_bind_blob(q, 1, customer->b, sizeof(customer->b));
    db_bind_blob(q, 2, key, 32);
    db_bind_blob(q, 3, image, 32);
    db_bind_int(q, 4, now_real_ns);
    return db_run(q, e);
}

int journal_built_forget(struct journal *j, uint64_t before_real_ns,
                         struct err *e)
{
    static const char sql[] = "delete from built where built_ns < ?";
    struct db_stmt *q;

    if (!(q = journal_prepare(j, sql, e)))
        return -EIO;
    db_bind_int(q, 1, before_real_ns);
    return db_run(q, e);
}

int journal_forget(struct journal *j, uint64_t ended_before_real_ns,
                   uint64_t now_s, int most,
                   void (*each)(void *arg, const sub_id_t *id), void *arg,
                   struct err *e)
{
    static const char sql[] =
        "delete from submission where seq in (select seq from submission "
        "where state = 6 and ended_ns < ? and expires_s < ? "
        "order by ended_ns limit ?) returning id";
    struct db_stmt *q;
    sub_id_t id;
    int r;

    if (!(q = journal_prepare(j, sql, e)))
        return -EIO;
    db_bind_int(q, 1, ended_before_real_ns);
    db_bind_int(q, 2, now_s);
    db_bind_int(q, 3, most);
    while ((r = db_step(q, e)) > 0)
        if (db_blob_copy(q, 0, id.b, sizeof(id.b)) == 0)
            each(arg, &id);
    db_done(q);
    return r;
}

// ------------------------------------------------------------------- reading

static bool read_name(struct db_stmt *q, int col, uint8_t name[32])
{
    return !db_is_null(q, col) && db_blob_copy(q, col, name, 32) == 0;
}

static void read_text(struct db_stmt *q, int col, char *out, size_t room)
{
    const char *text = db_text(q, col);
    size_t n = strnlen(text, room - 1);

    memcpy(out, text, n);
    out[n] = 0;
}

// A row of COLUMNS.
static int read_sub(struct db_stmt *q, struct sub *s, struct err *e)
{
    struct sub_info *i = &s->info;
    int bad = 0;

    memset(s, 0, sizeof(*s));
    bad |= db_blob_copy(q, 0, i->id.b, sizeof(i->id.b));
    bad |= db_blob_copy(q, 1, i->customer.b, sizeof(i->customer.b));
    bad |= db_blob_copy(q, 2, s->nonce, sizeof(s->nonce));
    bad |= db_blob_copy(q, 3, s->bundle, sizeof(s->bundle));
    read_text(q, 4, i->name, sizeof(i->name));
    s->is_source = db_int(q, 5);
    s->expires_s = db_int(q, 6);
    bad |= db_blob_copy(q, 7, &i->limits, sizeof(i->limits));
    i->submitted_real_ns = db_int(q, 8);
    i->state = db_int(q, 9);
    i->outcome = db_int(q, 10);
    i->exit_status = db_int(q, 11);
    i->version = db_int(q, 12);
    i->started_real_ns = db_int(q, 13);
    i->ended_real_ns = db_int(q, 14);
    bad |= db_blob_copy(q, 15, &i->usage, sizeof(i->usage));
    bad |= db_blob_copy(q, 16, &s->recorded, sizeof(s->recorded));
    s->recorded_real_ns = db_int(q, 17);
    s->sequence = db_int(q, 18);
    i->hold_nano = db_int(q, 19);
    i->charged_nano = db_int(q, 20);
    i->written_off_nano = db_int(q, 21);
    s->has_image = read_name(q, 22, s->image);
    s->has_initrd = read_name(q, 23, s->initrd);
    s->destroyed = db_int(q, 24);
    s->spent = db_int(q, 25);
    read_text(q, 26, i->report, sizeof(i->report));
    i->incarnation = db_int(q, 27);
    i->build_cached = db_int(q, 28);
    if (!db_is_null(q, 29))
        bad |= db_blob_copy(q, 29, &s->before, sizeof(s->before));
    if (!db_is_null(q, 30))
        bad |= db_blob_copy(q, 30, &i->lease, sizeof(i->lease));
    i->period = db_int(q, 31);
    if (!db_is_null(q, 32))
        bad |= db_blob_copy(q, 32, &s->ahead, sizeof(s->ahead));
    if (!db_is_null(q, 33))
        bad |= db_blob_copy(q, 33, &i->run, sizeof(i->run));
    if (!db_is_null(q, 34))
        bad |= db_blob_copy(q, 34, &i->net, sizeof(i->net));
    if (bad || i->state > SUB_DONE)
        return err_set(e, EBADMSG,
                       "the journal is damaged: a row of submissions");
    return 0;
}

int journal_get(struct journal *j, const sub_id_t *id, struct sub *out,
                struct err *e)
{
    static const char sql[] = "select " COLUMNS " from submission where id = ?";
    struct db_stmt *q = db_prepare(j->db, sql, e);
    int r;

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, id->b, sizeof(id->b));
    r = db_step(q, e);
    if (r > 0)
        r = read_sub(q, out, e);
    else if (r == 0)
        r = err_set(e, ENOENT, "there is no such submission");
    db_done(q);
    return r;
}

// The one blob of a row named by an id; -ENOENT: there is no such row.
static int blob_of(struct journal *j, const char *sql, const sub_id_t *id,
                   struct buf *out, struct err *e)
{
    struct db_stmt *q = db_prepare(j->db, sql, e);
    const void *data;
    size_t len;
    int r;

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, id->b, sizeof(id->b));
    r = db_step(q, e);
    if (r > 0) {
        data = db_blob(q, 0, &len);
        r = buf_add(out, data, len);
        if (r < 0)
            err_set(e, -r, "no memory for what the journal holds");
    } else if (r == 0) {
        r = -ENOENT;
    }
    db_done(q);
    return r;
}

int journal_manifest(struct journal *j, const sub_id_t *id, struct buf *out,
                     struct err *e)
{
    static const char sql[] = "select manifest from signed where id = ?";
    int r = blob_of(j, sql, id, out, e);

    return r == -ENOENT ? err_set(e, EBADMSG,
                                  "the journal is damaged: a manifest is gone")
                        : r;
}

int journal_console(struct journal *j, const sub_id_t *id, struct buf *out,
                    struct err *e)
{
    static const char sql[] = "select text from console join submission "
                              "using (seq) where id = ?";

    return blob_of(j, sql, id, out, e);
}

int journal_built(struct journal *j, const key_id_t *customer,
                  const uint8_t key[32], uint8_t image[32], struct err *e)
{
    static const char sql[] =
        "select image from built where customer = ? and key = ?";
    struct db_stmt *q = db_prepare(j->db, sql, e);
    int r;

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, customer->b, sizeof(customer->b));
    db_bind_blob(q, 2, key, 32);
    r = db_step(q, e);
    if (r > 0)
        r = db_blob_copy(q, 0, image, 32);
    else if (r == 0)
        r = -ENOENT;
    db_done(q);
    return r;
}

int journal_nonce(struct journal *j, const key_id_t *customer,
                  const uint8_t nonce[16], sub_id_t *id, struct err *e)
{
    static const char sql[] =
        "select id from submission where customer = ? and nonce = ?";
    struct db_stmt *q = db_prepare(j->db, sql, e);
    int r;

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, customer->b, sizeof(customer->b));
    db_bind_blob(q, 2, nonce, 16);
    r = db_step(q, e);
    if (r > 0)
        r = db_blob_copy(q, 0, id->b, sizeof(id->b));
    else if (r == 0)
        r = -ENOENT;
    db_done(q);
    return r;
}

static int each_row(struct db_stmt *q,
                    int (*each)(void *arg, const struct sub *s), void *arg,
                    struct err *e)
{
    struct sub s;
    int r;

    while ((r = db_step(q, e)) > 0) {
        r = read_sub(q, &s, e);
        if (r == 0)
            r = each(arg, &s);
        if (r < 0)
            break;
    }
    db_done(q);
    return r;
}

int journal_live(struct journal *j, int (*each)(void *arg, const struct sub *s),
                 void *arg, struct err *e)
{
    static const char sql[] =
        "select " COLUMNS " from submission where state <> 6 order by seq";
    struct db_stmt *q = db_prepare(j->db, sql, e);

    return q ? each_row(q, each, arg, e) : -EIO;
}

int journal_list(struct journal *j, const struct msg_list *m,
                 int (*each)(void *arg, const struct sub *s), void *arg,
                 struct err *e)
{
#define BEHIND                                                                 \
    " and seq < ifnull((select seq from submission where id = ?2), "           \
    "9223372036854775807) and (?3 = 0 or state <> 6) and state <> 0 "          \
    "order by seq desc limit ?4"
    static const char all[] =
        "select " COLUMNS " from submission where ?1 is not null" BEHIND;
    static const char one[] =
        "select " COLUMNS " from submission where customer = ?1" BEHIND;
    static const key_id_t everybody;
    struct db_stmt *q;

    q = db_prepare(
        j->db, memcmp(&m->customer, &everybody, sizeof(everybody)) ? one : all,
        e);
    if (!q)
        return -EIO;
    db_bind_blob(q, 1, m->customer.b, sizeof(m->customer.b));
    db_bind_blob(q, 2, m->after.b, sizeof(m->after.b));
    db_bind_int(q, 3, m->live_only);
    db_bind_int(q, 4, m->limit);
    return each_row(q, each, arg, e);
}

int journal_records(struct journal *j,
                    int (*each)(void *arg, const struct msg_record *m),
                    void *arg, struct err *e)
{
    static const char sql[] = "select message from record";
    struct db_stmt *q = db_prepare(j->db, sql, e);
    struct msg_record m;
    int r;

    if (!q)
        return -EIO;
    while ((r = db_step(q, e)) > 0) {
        r = db_blob_copy(q, 0, &m, sizeof(m));
        if (r < 0)
            err_set(e, EBADMSG, "the journal is damaged: a usage record");
        else
            r = each(arg, &m);
        if (r < 0)
            break;
    }
    db_done(q);
    return r;
}
