// SPDX-License-Identifier: ISC
// The keeper's journal: one SQLite database, the truth about every submission
// this node has taken. Writing happens in one transaction a turn: the first
// write opens it, journal_commit makes it durable.
//
// Each function returns 0 or -errno with a sentence; a failure other than
// -ENOENT means that the database failed and the role must end.
#ifndef KEEPER_JOURNAL_H
#define KEEPER_JOURNAL_H

#include <stddef.h>
#include "lib/buf.h"
#include "lib/db.h"
#include "lib/err.h"
#include "node-agent/keeper/sub.h"

struct journal {
    struct db *db;
    bool writing; // a transaction is open
};

// When it was last written, by the clock of then, ns since 1970; 0: never.
// Before it is opened.
uint64_t journal_written_ns(const char *path);

int journal_open(struct journal *j, const char *path, struct err *e);
void journal_close(struct journal *j); // what was not committed is undone

// A statement that writes, within the turn's transaction; NULL: see e. For the
// tables of people.h.
struct db_stmt *journal_prepare(struct journal *j, const char *sql,
                                struct err *e);

// Nothing to do when nothing was written.
int journal_commit(struct journal *j, struct err *e);

// A new submission with what its customer signed; later, its changes. All
// fields of struct sub but those "only in memory" are kept.
int journal_insert(struct journal *j, const struct sub *s, const void *manifest,
                   size_t manifest_len, const void *signature,
                   size_t signature_len, struct err *e);
int journal_save(struct journal *j, const struct sub *s, struct err *e);
int journal_delete(struct journal *j, const sub_id_t *id, struct err *e);

// A usage record on its way to the ledger: kept until that has confirmed it,
// so that it can be sent again exactly as it was.
int journal_record_add(struct journal *j, const struct msg_record *m,
                       struct err *e);
int journal_record_done(struct journal *j, const sub_id_t *id, struct err *e);
int journal_records(struct journal *j,
                    int (*each)(void *arg, const struct msg_record *m),
                    void *arg, struct err *e);

// One submission, done or not; -ENOENT when there is none.
int journal_get(struct journal *j, const sub_id_t *id, struct sub *out,
                struct err *e);

// The bytes that its customer signed.
int journal_manifest(struct journal *j, const sub_id_t *id, struct buf *out,
                     struct err *e);

// A short console, kept here (console.h); -ENOENT: it is not.
int journal_console(struct journal *j, const sub_id_t *id, struct buf *out,
                    struct err *e);
int journal_console_add(struct journal *j, const sub_id_t *id, const void *text,
                        size_t len, struct err *e);

// The build cache: the image that this customer's sources (by a hash) gave;
// 0 or -ENOENT.
int journal_built(struct journal *j, const key_id_t *customer,
                  const uint8_t key[32], uint8_t image[32], struct err *e);
int journal_built_add(struct journal *j, const key_id_t *customer,
                      const uint8_t key[32], const uint8_t image[32],
                      uint64_t now_real_ns, struct err *e);
int journal_built_forget(struct journal *j, uint64_t before_real_ns,
                         struct err *e);

// Whose submission used this nonce, if any: 0 and its id, or -ENOENT.
int journal_nonce(struct journal *j, const key_id_t *customer,
                  const uint8_t nonce[16], sub_id_t *id, struct err *e);

// Calls `each` for those that are not done, oldest first.
int journal_live(struct journal *j, int (*each)(void *arg, const struct sub *s),
                 void *arg, struct err *e);

// Calls `each` for at most `limit`, newest first, beginning behind `after`.
int journal_list(struct journal *j, const struct msg_list *m,
                 int (*each)(void *arg, const struct sub *s), void *arg,
                 struct err *e);

// Deletes at most `most` done rows that ended before this, the oldest first,
// and whose bundles have expired; `each` is told which.
int journal_forget(struct journal *j, uint64_t ended_before_real_ns,
                   uint64_t now_s, int most,
                   void (*each)(void *arg, const sub_id_t *id), void *arg,
                   struct err *e);

#endif
