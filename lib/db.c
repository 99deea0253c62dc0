// SPDX-License-Identifier: ISC
// SQLite, durable by default; see db.h.

#include "lib/db.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

// Another process holds the write lock for one transaction at most.
#define DB_BUSY_MS 10000

struct db_stmt {
    struct db *db;
    const char *sql;
    sqlite3_stmt *raw;
    int failed; // SQLite's code of the first bind that failed
};

struct db {
    sqlite3 *raw;
    int n;
    struct db_stmt stmt[DB_STMTS_MAX];
};

static int db_code(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return EBUSY;
    case SQLITE_NOMEM:
        return ENOMEM;
    case SQLITE_FULL:
        return ENOSPC;
    case SQLITE_READONLY:
        return EROFS;
    case SQLITE_CONSTRAINT:
        return EEXIST;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return EBADMSG;
    default:
        return EIO;
    }
}

static int db_fail(struct db *db, int rc, const char *doing, struct err *e)
{
    const char *file = sqlite3_db_filename(db->raw, "main");

    return err_set(e, db_code(rc), "database %s: %s: %s",
                   file && *file ? file : "in memory", doing,
                   sqlite3_errmsg(db->raw));
}

int db_exec(struct db *db, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(db->raw, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : db_fail(db, rc, "executing", e);
}

int db_begin(struct db *db, struct err *e)
{
    return db_exec(db, "begin immediate", e);
}

int db_commit(struct db *db, struct err *e)
{
    return db_exec(db, "commit", e);
}

void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->raw))
        sqlite3_exec(db->raw, "rollback", NULL, NULL, NULL);
}

// One row, one integer; negative on failure.
static int64_t db_ask(struct db *db, const char *sql, struct err *e)
{
    struct db_stmt *s = db_prepare(db, sql, e);
    int64_t n;
    int r;

    if (!s)
        return -EIO;
    r = db_step(s, e);
    n = r > 0 ? db_int(s, 0) : r;
    db_done(s);
    return n;
}

static int db_set_version(struct db *db, int version, struct err *e)
{
    char set[64];

    sqlite3_snprintf(sizeof(set), set, "pragma user_version = %d", version);
    return db_exec(db, set, e);
}

static int version_refuse(const char *path, int64_t found, int version,
                          struct err *e)
{
    return err_set(e, ENOTSUP,
                   "database %s was written by %s version of this program "
                   "(its schema is %lld, this one's is %d)",
                   path, found < version ? "an older" : "a newer",
                   (long long)found, version);
}

// In the transaction that is open.
static int db_upgrade(struct db *db, int found, int version,
                      const char *const *upgrade, struct err *e)
{
    int r = 0;

    for (int v = found; v < version && r == 0; v++)
        r = db_exec(db, upgrade[v], e);
    if (r == 0)
        r = db_set_version(db, version, e);
    return r < 0 ? r : db_commit(db, e);
}

static int db_check_version(struct db *db, const char *schema, int version,
                            const char *const *upgrade, struct err *e)
{
    int64_t found, tables;
    int r;

    r = db_begin(db, e);
    if (r < 0)
        return r;
    found = db_ask(db, "pragma user_version", e);
    tables = db_ask(db, "select count(*) from sqlite_schema", e);
    if (found < 0 || tables < 0)
        return -EIO;
    if (found == 0 && tables == 0) {
        r = db_exec(db, schema, e);
        if (r == 0)
            r = db_set_version(db, version, e);
        return r < 0 ? r : db_commit(db, e);
    }
    if (upgrade && found > 0 && found < version)
        return db_upgrade(db, (int)found, version, upgrade, e);
    db_rollback(db);
    if (found != version)
        return version_refuse(sqlite3_db_filename(db->raw, "main"), found,
                              version, e);
    return 0;
}

static struct db *db_open_flags(const char *path, int flags, struct err *e)
{
    struct db *db = calloc(1, sizeof(*db));
    int rc;

    if (!db) {
        err_set(e, ENOMEM, "opening %s: no memory", path);
        return NULL;
    }
    rc = sqlite3_open_v2(path, &db->raw, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) {
        err_set(e, db_code(rc), "opening the database %s: %s", path,
                db->raw ? sqlite3_errmsg(db->raw) : "no memory");
        db_close(db);
        return NULL;
    }
    sqlite3_extended_result_codes(db->raw, 1);
    sqlite3_busy_timeout(db->raw, DB_BUSY_MS);
    return db;
}

struct db *db_open(const char *path, const char *schema, int version,
                   struct err *e)
{
    return db_open_upgrade(path, schema, version, NULL, e);
}

struct db *db_open_upgrade(const char *path, const char *schema, int version,
                           const char *const *upgrade, struct err *e)
{
    struct db *db =
        db_open_flags(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);

    if (!db)
        return NULL;
    if (db_exec(db,
                "pragma journal_mode = wal; pragma synchronous = full; "
                "pragma wal_autocheckpoint = 4000; "
                "pragma foreign_keys = on",
                e) < 0 ||
        db_check_version(db, schema, version, upgrade, e) < 0) {
        db_close(db);
        return NULL;
    }
    return db;
}

struct db *db_open_readonly(const char *path, int version, struct err *e)
{
    struct db *db = db_open_flags(path, SQLITE_OPEN_READONLY, e);
    int64_t found;

    if (!db)
        return NULL;
    found = db_ask(db, "pragma user_version", e);
    if (found == version || (found >= 0 && version == -1))
        return db;
    if (found >= 0)
        version_refuse(path, found, version, e);
    db_close(db);
    return NULL;
}

int db_backup(const char *from, const char *to, struct err *e)
{
    struct db *in = db_open_flags(from, SQLITE_OPEN_READWRITE, e), *out;
    sqlite3_backup *b;
    int r = 0;

    if (!in)
        return -EIO;
    out = db_open_flags(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
    if (!out) {
        db_close(in);
        return -EIO;
    }
    b = sqlite3_backup_init(out->raw, "main", in->raw, "main");
    // All pages in one step: writers wait for none of it, in WAL mode.
    if (!b || sqlite3_backup_step(b, -1) != SQLITE_DONE)
        r = db_fail(out, SQLITE_IOERR, "copying", e);
    if (b && sqlite3_backup_finish(b) != SQLITE_OK && r == 0)
        r = db_fail(out, SQLITE_IOERR, "copying", e);
    db_close(in);
    db_close(out);
    return r;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (int i = 0; i < db->n; i++)
        sqlite3_finalize(db->stmt[i].raw);
    sqlite3_close(db->raw);
    free(db);
}

struct db_stmt *db_prepare(struct db *db, const char *sql, struct err *e)
{
    struct db_stmt *s;
    int rc;

    for (int i = 0; i < db->n; i++) {
        if (db->stmt[i].sql == sql) {
            s = &db->stmt[i];
            sqlite3_reset(s->raw);
            sqlite3_clear_bindings(s->raw);
            s->failed = 0;
            return s;
        }
    }
    assert(db->n < DB_STMTS_MAX); // our bug: SQL must be constants
    s = &db->stmt[db->n];
    rc = sqlite3_prepare_v3(db->raw, sql, -1, SQLITE_PREPARE_PERSISTENT,
                            &s->raw, NULL);
    if (rc != SQLITE_OK) {
        db_fail(db, rc, "preparing a statement", e);
        return NULL;
    }
    s->db = db;
    s->sql = sql;
    s->failed = 0;
    db->n++;
    return s;
}

static void bind_note(struct db_stmt *s, int rc)
{
    if (rc != SQLITE_OK && !s->failed)
        s->failed = rc;
}

void db_bind_int(struct db_stmt *s, int at, int64_t value)
{
    bind_note(s, sqlite3_bind_int64(s->raw, at, value));
}

void db_bind_text(struct db_stmt *s, int at, const char *text)
{
    bind_note(s, sqlite3_bind_text(s->raw, at, text, -1, SQLITE_TRANSIENT));
}

void db_bind_blob(struct db_stmt *s, int at, const void *data, size_t len)
{
    // A NULL pointer would bind null, not the empty blob.
    bind_note(s, sqlite3_bind_blob64(s->raw, at, len ? data : "", len,
                                     SQLITE_TRANSIENT));
}

void db_bind_blob_ref(struct db_stmt *s, int at, const void *data, size_t len)
{
    bind_note(s, sqlite3_bind_blob64(s->raw, at, len ? data : "", len,
                                     SQLITE_STATIC));
}

void db_bind_null(struct db_stmt *s, int at)
{
    bind_note(s, sqlite3_bind_null(s->raw, at));
}

int db_step(struct db_stmt *s, struct err *e)
{
    int rc;

    if (s->failed)
        return err_set(e, db_code(s->failed), "binding a parameter of \"%s\"",
                       s->sql);
    rc = sqlite3_step(s->raw);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE)
        return 0;
    rc = db_fail(s->db, rc, s->sql, e);
    sqlite3_reset(s->raw);
    return rc;
}

int db_run(struct db_stmt *s, struct err *e)
{
    int r;

    do {
        r = db_step(s, e);
    } while (r > 0);
    db_done(s);
    return r;
}

int64_t db_int(struct db_stmt *s, int col)
{
    return sqlite3_column_int64(s->raw, col);
}

const char *db_text(struct db_stmt *s, int col)
{
    const char *text = (const char *)sqlite3_column_text(s->raw, col);

    return text ? text : "";
}

const void *db_blob(struct db_stmt *s, int col, size_t *len)
{
    // The pointer first, then the size: SQLite's order.
    const void *data = sqlite3_column_blob(s->raw, col);

    *len = sqlite3_column_bytes(s->raw, col);
    if (!data && sqlite3_column_type(s->raw, col) == SQLITE_BLOB)
        return ""; // the empty blob
    return data;
}

int db_is_null(struct db_stmt *s, int col)
{
    return sqlite3_column_type(s->raw, col) == SQLITE_NULL;
}

int db_blob_copy(struct db_stmt *s, int col, void *out, size_t len)
{
    size_t found;
    const void *data = db_blob(s, col, &found);

    if (!data || found != len)
        return -EBADMSG;
    memcpy(out, data, len);
    return 0;
}

void db_done(struct db_stmt *s)
{
    sqlite3_reset(s->raw);
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes(db->raw);
}

int64_t db_last_id(struct db *db)
{
    return sqlite3_last_insert_rowid(db->raw);
}
