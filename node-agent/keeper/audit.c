// SPDX-License-Identifier: ISC
// The audit log: what operators and customers have asked for that changes
// something. The database itself refuses to change or drop a row (people.c
// has the triggers); each row is chained to the one before by a hash, so that
// whoever keeps the last one can tell whether all before it are as they were.

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/io.h"
#include "node-agent/keeper/people.h"

#define LIST_MAX 1000u

static int last_chain(struct keeper *k, uint8_t chain[32], struct err *e)
{
    static const char sql[] =
        "select chain from audit order by seq desc limit 1";
    struct db_stmt *q = db_prepare(k->journal.db, sql, e);
    int r;

    memset(chain, 0, 32);
    if (!q)
        return -EIO;
    r = db_step(q, e);
    if (r > 0)
        r = db_blob_copy(q, 0, chain, 32);
    db_done(q);
    return r;
}

static int append(struct keeper *k, struct audit_row *row, struct err *e)
{
    static const char sql[] =
        "insert into audit (at_ns, row, who, chain) values (?,?,?,?)";
    struct db_stmt *q;
    uint8_t before[32], chain[32];
    int r = last_chain(k, before, e);

    if (r < 0)
        return r;
    row->at_real_ns = clock_real_ns();
    row->seq = 0;
    crypto_generichash(chain, 32, (const uint8_t *)row, sizeof(*row), before,
                       32);
    q = journal_prepare(&k->journal, sql, e);
    if (!q)
        return -EIO;
    db_bind_int(q, 1, row->at_real_ns);
    db_bind_blob(q, 2, row, sizeof(*row));
    db_bind_blob(q, 3, row->who.b, sizeof(row->who.b));
    db_bind_blob(q, 4, chain, 32);
    return db_run(q, e);
}

int people_audit(struct keeper *k, const union ipc_any *any)
{
    struct audit_row row = any->audit.row;
    struct err e;

    if (append(k, &row, &e) < 0)
        keeper_fail(k, &e);
    return 0;
}

int people_audit_list(struct keeper *k, const union ipc_any *any)
{
    static const char sql[] =
        "select seq, row from audit where (?1 is null or who = ?1) and "
        "seq < ?2 and at_ns >= ?3 order by seq desc limit ?4";
    static const key_id_t everybody;
    const struct msg_audit_list *m = &any->audit_list;
    struct msg_count_reply reply;
    struct audit_row row;
    struct err e;
    struct db_stmt *q = db_prepare(k->journal.db, sql, &e);
    int fd = memfd_create("audit", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    chan_reply_init(&reply, &m->head, 200, NULL);
    if (q) {
        if (memcmp(&m->who, &everybody, sizeof(everybody)))
            db_bind_blob(q, 1, m->who.b, sizeof(m->who.b));
        else
            db_bind_null(q, 1);
        db_bind_int(q, 2, m->before ? (int64_t)m->before : INT64_MAX);
        db_bind_int(q, 3, m->since_real_ns);
        db_bind_int(q, 4,
                    m->limit && m->limit < LIST_MAX ? m->limit : LIST_MAX);
    }
    while (q && fd >= 0 && db_step(q, &e) > 0) {
        if (db_blob_copy(q, 1, &row, sizeof(row)) < 0)
            continue; // of another version
        row.seq = db_int(q, 0);
        write_full(fd, &row, sizeof(row));
        reply.count++;
    }
    if (q)
        db_done(q);
    reply.length = reply.count * sizeof(row);
    chan_post(&k->api, &reply, &fd, fd >= 0);
    return 0;
}

void people_forget(struct keeper *k, uint64_t now_real_ns)
{
    static const char raise[] = "update audit_floor set floor_ns = ?";
    static const char drop[] = "delete from audit where at_ns < ?";
    uint64_t floor_ns = now_real_ns - k->cfg.audit_days * 86400000000000ull;
    struct err e;

    for (int i = 0; i < 2; i++) {
        struct db_stmt *q = journal_prepare(&k->journal, i ? drop : raise, &e);

        if (q)
            db_bind_int(q, 1, floor_ns);
        if (!q || db_run(q, &e) < 0)
            keeper_fail(k, &e);
    }
}
