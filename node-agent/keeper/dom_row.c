// SPDX-License-Identifier: ISC
// The operator's domains in the journal: tables of their own, made when they
// are not there. A row is struct dom_row as it is in memory; one of another
// version is left alone.

#include "node-agent/keeper/dom.h"

#include <errno.h>
#include <string.h>
#include "lib/log.h"
#include "node-agent/keeper/journal.h"

static const char schema[] =
    "create table if not exists dom ("
    "  serial integer primary key autoincrement,"
    "  row blob not null" // struct dom_row
    ") strict;"
    "create table if not exists dom_number (" // one row
    "  boot text not null,"                   // of the kernel
    "  last integer not null"                 // number given since
    ") strict;";

int dom_rows_open(struct journal *j, struct err *e)
{
    return db_exec(j->db, schema, e);
}

int dom_rows_each(struct journal *j,
                  int (*each)(void *arg, int64_t serial,
                              const struct dom_row *row),
                  void *arg, struct err *e)
{
    static const char sql[] = "select serial, row from dom order by serial";
    struct db_stmt *q = db_prepare(j->db, sql, e);
    struct dom_row row;
    int r;

    if (!q)
        return -EIO;
    while ((r = db_step(q, e)) > 0) {
        // What runs of it is stopped, as nobody's.
        if (db_blob_copy(q, 1, &row, sizeof(row)) < 0 ||
            row.version != DOM_ROW_VERSION) {
            log_error("a domain of another version of hosteld is forgotten");
            continue;
        }
        r = each(arg, db_int(q, 0), &row);
        if (r < 0)
            break;
    }
    db_done(q);
    return r;
}

int dom_row_insert(struct journal *j, const struct dom_row *row,
                   int64_t *serial, struct err *e)
{
    static const char sql[] = "insert into dom (row) values (?)";
    struct db_stmt *q = journal_prepare(j, sql, e);
    int r;

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, row, sizeof(*row));
    r = db_run(q, e);
    *serial = db_last_id(j->db);
    return r;
}

int dom_row_save(struct journal *j, int64_t serial, const struct dom_row *row,
                 struct err *e)
{
    static const char sql[] = "update dom set row = ? where serial = ?";
    struct db_stmt *q = journal_prepare(j, sql, e);

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, row, sizeof(*row));
    db_bind_int(q, 2, serial);
    return db_run(q, e);
}

int dom_row_delete(struct journal *j, int64_t serial, struct err *e)
{
    static const char sql[] = "delete from dom where serial = ?";
    struct db_stmt *q = journal_prepare(j, sql, e);

    if (!q)
        return -EIO;
    db_bind_int(q, 1, serial);
    return db_run(q, e);
}

int dom_number_load(struct journal *j, const char *boot, uint32_t *last,
                    bool *same, struct err *e)
{
    static const char sql[] = "select boot, last from dom_number";
    struct db_stmt *q = db_prepare(j->db, sql, e);
    int r;

    *last = 0;
    *same = false;
    if (!q)
        return -EIO;
    r = db_step(q, e);
    if (r > 0 && !strcmp(db_text(q, 0), boot)) {
        *same = true;
        *last = (uint32_t)db_int(q, 1);
    }
    db_done(q);
    return r < 0 ? r : 0;
}

int dom_number_save(struct journal *j, const char *boot, uint32_t last,
                    struct err *e)
{
    static const char clear[] = "delete from dom_number";
    static const char sql[] = "insert into dom_number values (?, ?)";
    struct db_stmt *q = journal_prepare(j, clear, e);
    int r = q ? db_run(q, e) : -EIO;

    if (r < 0)
        return r;
    q = journal_prepare(j, sql, e);
    if (!q)
        return -EIO;
    db_bind_text(q, 1, boot);
    db_bind_int(q, 2, last);
    return db_run(q, e);
}
