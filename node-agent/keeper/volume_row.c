// SPDX-License-Identifier: ISC
// Volumes in the journal: a table of its own, made when it is not there. A row
// is struct volume_row as it is in memory.

#include <errno.h>
#include "node-agent/keeper/volume.h"

static const char schema[] = "create table if not exists volume ("
                             "  number integer primary key,"
                             "  row blob not null" // struct volume_row
                             ") strict;";

int volume_rows_open(struct journal *j, struct err *e)
{
    return db_exec(j->db, schema, e);
}

int volume_rows_there(struct journal *j, struct err *e)
{
    static const char sql[] =
        "select 1 from sqlite_schema where type = 'table' and name = 'volume'";
    struct db_stmt *q = db_prepare(j->db, sql, e);
    int r = q ? db_step(q, e) : -EIO;

    if (q)
        db_done(q);
    return r;
}

// One of another version is not forgotten, as a domain would be: there are
// files that belong to it.
int volume_rows_each(struct journal *j,
                     int (*each)(void *arg, const struct volume_row *row),
                     void *arg, struct err *e)
{
    static const char sql[] = "select number, row from volume order by number";
    struct db_stmt *q = db_prepare(j->db, sql, e);
    struct volume_row row;
    int r;

    if (!q)
        return -EIO;
    while ((r = db_step(q, e)) > 0) {
        if (db_blob_copy(q, 1, &row, sizeof(row)) < 0 ||
            row.version != VOLUME_ROW_VERSION || row.number != db_int(q, 0) ||
            row.number >= VOLUMES_MAX)
            r = err_set(e, EBADMSG,
                        "volume %lld was written by another version of "
                        "hosteld, and only that can go on with it",
                        (long long)db_int(q, 0));
        else
            r = each(arg, &row);
        if (r < 0)
            break;
    }
    db_done(q);
    return r;
}

int volume_row_save(struct journal *j, const struct volume_row *row,
                    struct err *e)
{
    static const char sql[] = "insert or replace into volume values (?,?)";
    struct db_stmt *q = journal_prepare(j, sql, e);

    if (!q)
        return -EIO;
    db_bind_int(q, 1, row->number);
    db_bind_blob(q, 2, row, sizeof(*row));
    return db_run(q, e);
}

int volume_row_delete(struct journal *j, uint32_t number, struct err *e)
{
    static const char sql[] = "delete from volume where number = ?";
    struct db_stmt *q = journal_prepare(j, sql, e);

    if (!q)
        return -EIO;
    db_bind_int(q, 1, number);
    return db_run(q, e);
}
