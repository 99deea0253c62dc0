// SPDX-License-Identifier: ISC
// Who may do what here: the audit log, invitations, and the keys of accounts.
// All of it is in the journal's database, written in the turn's transaction.
//
// An account is named by the key it was opened with. Further keys of it can be
// added, and any revoked (the first one too): what another key of the account
// signs is the account's. The operator adds a key when all others are lost.
#ifndef KEEPER_PEOPLE_H
#define KEEPER_PEOPLE_H

#include "node-agent/keeper/keeper.h"

// The tables; part of the journal's schema.
extern const char people_tables[];

// Whose account a key signs for: itself if nothing else is known. 0; -EACCES:
// the key was revoked.
int people_account(struct keeper *k, const key_id_t *key, key_id_t *account,
                   struct err *e);

// Requests of the API; see msg.h.
int people_audit(struct keeper *k, const union ipc_any *any);
int people_audit_list(struct keeper *k, const union ipc_any *any);
int people_invite(struct keeper *k, const union ipc_any *any);
int people_join(struct keeper *k, const union ipc_any *any);
int people_key(struct keeper *k, const union ipc_any *any);
int people_key_list(struct keeper *k, const union ipc_any *any);

// The ledger's answer about somebody who joined: he waits for it.
struct joins;
struct joins *joins_new(void); // NULL: no memory
void joins_free(struct joins *j);
void people_enrolled(struct keeper *k, const struct msg_account_reply *m);

// Drops audit rows older than the configuration keeps.
void people_forget(struct keeper *k, uint64_t now_real_ns);

#endif
