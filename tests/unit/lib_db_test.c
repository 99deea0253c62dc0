// SPDX-License-Identifier: ISC
// SQLite as we use it: durable settings, versions, statements.

#include "lib/db.h"
#include "tests/unit/lib_check.h"

#define SCHEMA                                                                 \
    "create table t(id integer primary key, b blob unique, s text);"           \
    "create table child(t integer not null references t(id))"

static int64_t ask(struct db *db, const char *sql)
{
    struct db_stmt *s = db_prepare(db, sql, NULL);
    int64_t n;

    CHECK(s && db_step(s, NULL) == 1);
    n = db_int(s, 0);
    db_done(s);
    return n;
}

static int insert(struct db *db, const void *b, size_t len, const char *text,
                  struct err *e)
{
    struct db_stmt *s = db_prepare(db, "insert into t(b, s) values (?, ?)", e);

    db_bind_blob(s, 1, b, len);
    db_bind_text(s, 2, text);
    return db_run(s, e);
}

static void test_settings(struct db *db)
{
    struct db_stmt *s = db_prepare(db, "pragma journal_mode", NULL);

    CHECK(db_step(s, NULL) == 1 && strcmp(db_text(s, 0), "wal") == 0);
    db_done(s);
    CHECK(ask(db, "pragma synchronous") == 2);
    CHECK(ask(db, "pragma foreign_keys") == 1);
    CHECK(ask(db, "pragma user_version") == 3);
}

static void test_statements(struct db *db)
{
    struct db_stmt *s;
    uint8_t two[2];
    size_t len;

    CHECK_WORKS(insert(db, "\0\1", 2, "x", e));
    CHECK(db_changes(db) == 1 && db_last_id(db) == 1);
    CHECK_WORKS(insert(db, NULL, 0, NULL, e));
    CHECK_FAILS(insert(db, "\0\1", 2, "again", e), "UNIQUE");
    CHECK(insert(db, "\0\1", 2, "again", NULL) == -EEXIST);
    CHECK_FAILS(db_exec(db, "insert into child values (77)", e), "FOREIGN KEY");
    CHECK_FAILS(db_exec(db, "nonsense", e), "syntax error");
    CHECK(!db_prepare(db, "select nothing from nowhere", NULL));

    s = db_prepare(db, "select b, s from t order by id", NULL);
    CHECK(db_step(s, NULL) == 1);
    CHECK(db_blob_copy(s, 0, two, 2) == 0 && two[1] == 1);
    CHECK(db_blob_copy(s, 0, two, 1) == -EBADMSG && !db_is_null(s, 1));
    CHECK(db_step(s, NULL) == 1);
    CHECK(db_blob(s, 0, &len) && len == 0 && !db_is_null(s, 0));
    CHECK(db_is_null(s, 1) && strcmp(db_text(s, 1), "") == 0);
    CHECK(!db_blob(s, 1, &len) && db_blob_copy(s, 1, two, 2) == -EBADMSG);
    CHECK(db_step(s, NULL) == 0);

    s = db_prepare(db, "select ?1 + 0", NULL);
    db_bind_int(s, 1, INT64_MIN);
    CHECK(db_step(s, NULL) == 1 && db_int(s, 0) == INT64_MIN);
    s = db_prepare(db, s ? "select ?" : "", NULL);
    db_bind_int(s, 9, 1);
    CHECK_FAILS(db_step(s, e), "binding a parameter");
}

static void test_transactions(struct db *db)
{
    CHECK_WORKS(db_begin(db, e));
    CHECK_WORKS(insert(db, "zz", 2, "gone", e));
    db_rollback(db);
    db_rollback(db);
    CHECK(ask(db, "select count(*) from t") == 2);
    CHECK_WORKS(db_begin(db, e));
    CHECK_WORKS(insert(db, "zz", 2, "stays", e));
    CHECK_WORKS(db_commit(db, e));
    CHECK_FAILS(db_commit(db, e), "no transaction");
}

static int opens(const char *path, int version, struct err *e)
{
    struct db *db = db_open(path, SCHEMA, version, e);

    db_close(db);
    return db ? 0 : -e->code;
}

static int opens_grown(const char *path, int version, const char *last,
                       struct err *e)
{
    const char *const upgrade[] = {
        [3] = "alter table t add column more text default 'x'", [4] = last};
    struct db *db = db_open_upgrade(path, SCHEMA, version, upgrade, e);

    if (db)
        CHECK(ask(db, "select count(*) from t where more = 'x'") == 3);
    db_close(db);
    return db ? 0 : -e->code;
}

// From version 3 by the way of 4, all or nothing.
static void test_upgrade(const char *path)
{
    CHECK_FAILS(opens_grown(path, 5, "nonsense", e), "syntax error");
    CHECK_WORKS(opens(path, 3, e));
    CHECK_WORKS(opens_grown(path, 5, "create table more(n)", e));
    CHECK_WORKS(opens(path, 5, e));
    CHECK_FAILS(opens_grown(path, 4, "", e),
                "by a newer version of this program (its schema is 5, this "
                "one's is 4)");
}

int main(void)
{
    char dir[] = "/tmp/hostel-db-XXXXXX", path[64], command[64];
    struct db *db;

    CHECK(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/d.sqlite", dir);
    CHECK(!db_open_readonly(path, 3, NULL));
    db = db_open(path, SCHEMA, 3, NULL);
    CHECK(db);
    test_settings(db);
    test_statements(db);
    test_transactions(db);
    db_close(db);

    CHECK_WORKS(opens(path, 3, e));
    CHECK_FAILS(opens(path, 4, e), "by an older version of this program (its "
                                   "schema is 3, this one's is 4)");
    db = db_open_readonly(path, 3, NULL);
    CHECK(db && ask(db, "select count(*) from t") == 3);
    CHECK_FAILS(db_exec(db, "delete from t", e), "readonly");
    db_close(db);
    CHECK(!db_open_readonly(path, 2, NULL));
    test_upgrade(path);

    snprintf(path, sizeof(path), "%s/junk", dir);
    CHECK_WORKS(file_write_durable(path, "not a database, surely not one", 30,
                                   0600, e));
    CHECK_FAILS(opens(path, 1, e), "not a database");
    CHECK_FAILS(opens("/nonexistent/d", 1, e), "unable to open");
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}
