// SPDX-License-Identifier: ISC
// What one customer may have at once: submissions that are not over, memory of
// running domains, bytes in the store. The configuration says how much, the
// operator can say otherwise for one customer. Too many submissions or bytes
// are refused; for memory they wait, and others take their turns.
#ifndef KEEPER_QUOTA_H
#define KEEPER_QUOTA_H

#include "node-agent/keeper/keeper.h"

extern const char quota_table[]; // part of the journal's schema

// What customers with live submissions have.
struct quotas;
struct quotas *quotas_new(void); // NULL: no memory
void quotas_free(struct quotas *q);

// A submission was taken, or is over. Each counts once.
int quota_enter(struct keeper *k, struct sub *s);
void quota_leave(struct keeper *k, struct sub *s);

// Its domain, or another call of it, takes memory or gives it back.
void quota_take(struct keeper *k, const struct sub *s);
void quota_give(struct keeper *k, const struct sub *s);

// May one more domain of it run now?
bool quota_fits(struct keeper *k, const struct sub *s);

// May this customer have another submission with so much memory and so many
// bytes to store? 0, or the status to refuse with, and why.
unsigned quota_refuses(struct keeper *k, const key_id_t *customer,
                       uint64_t memory_kib, uint64_t bytes, const char **why);

// What his volumes may hold all together; 0: no limit.
uint64_t quota_volumes_kib(struct keeper *k, const key_id_t *customer);

int quota_serve(struct keeper *k, const union ipc_any *any);

#endif
