// SPDX-License-Identifier: ISC
// A thin layer over SQLite: durable by default, short to use.
//
//     struct db *db = db_open(path, schema, 3, e);
//     struct db_stmt *s = db_prepare(db, "select n from t where id = ?", e);
//     db_bind_blob(s, 1, id, 16);
//     while ((r = db_step(s, e)) > 0)
//         n = db_int(s, 0);
//     db_done(s);
//
// A database is opened with WAL, synchronous=FULL (what is committed
// survives a power cut), foreign keys on, and a busy timeout. Statements are
// cached by the address of their SQL text, which therefore must be a
// constant; db_prepare resets and clears the one it returns. A statement
// must not be prepared again while it is being stepped through.
// One thread, one struct db.

#ifndef LIB_DB_H
#define LIB_DB_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define DB_STMTS_MAX 128 // distinct statements of one program

struct db;
struct db_stmt;

// Opens or creates. An empty database gets the schema and user_version =
// version, in one transaction; one of another version is refused by a
// sentence that names both. NULL on failure.
struct db *db_open(const char *path, const char *schema, int version,
                   struct err *e);

// The same for a schema that has grown: upgrade[v], for v from 1 to version -
// 1, is what makes a database of version v one of v + 1. An older database is
// taken through all of them in one transaction, so it is of the old version
// or of the new one, whatever happens.
struct db *db_open_upgrade(const char *path, const char *schema, int version,
                           const char *const *upgrade, struct err *e);

// The same for reading only; nothing is created. version -1: any.
struct db *db_open_readonly(const char *path, int version, struct err *e);
void db_close(struct db *db);

// Copies a database to a new file, as it is at one moment, while others go on
// writing to it.
int db_backup(const char *from, const char *to, struct err *e);

// Statements without results; several may be separated by semicolons.
int db_exec(struct db *db, const char *sql, struct err *e);

int db_begin(struct db *db, struct err *e); // begin immediate
int db_commit(struct db *db, struct err *e);
void db_rollback(struct db *db); // harmless when none is open

struct db_stmt *db_prepare(struct db *db, const char *sql, struct err *e);

// Parameters count from 1. Blobs and texts are copied. A failed bind is
// remembered and reported by the next db_step.
void db_bind_int(struct db_stmt *s, int at, int64_t value);
void db_bind_text(struct db_stmt *s, int at, const char *text); // NULL: null
void db_bind_blob(struct db_stmt *s, int at, const void *data, size_t len);
void db_bind_null(struct db_stmt *s, int at);
// A blob that is not copied: it must stay until the statement has run.
void db_bind_blob_ref(struct db_stmt *s, int at, const void *data, size_t len);

// 1: a row; 0: no more; negative: failed. -EEXIST: a constraint said no.
int db_step(struct db_stmt *s, struct err *e);

// For statements without rows: steps to the end and resets.
int db_run(struct db_stmt *s, struct err *e);

// Columns count from 0; pointers live until the next step, reset or
// prepare of this statement.
int64_t db_int(struct db_stmt *s, int col);                   // null: 0
const char *db_text(struct db_stmt *s, int col);              // null: ""
const void *db_blob(struct db_stmt *s, int col, size_t *len); // null: NULL
int db_is_null(struct db_stmt *s, int col);

// Copies a blob that must have exactly len bytes; else -EBADMSG.
int db_blob_copy(struct db_stmt *s, int col, void *out, size_t len);

// Resets early, so that its read lock goes away.
void db_done(struct db_stmt *s);

// Rows changed by the last statement; rowid of the last insert.
int64_t db_changes(struct db *db);
int64_t db_last_id(struct db *db);

#endif
