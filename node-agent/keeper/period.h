// SPDX-License-Identifier: ISC
// What is held for services and functions, period by period: they may run for
// years, and nobody can pay years ahead.
//
// A hold is for an hour of it (hold_s of the configuration) and not for all
// that its budgets permit. When three quarters of it are used, which the ledger
// says, or the day is over, the next period is asked for; when its money is
// held, later usage is of that period and the old one is settled. So there is a
// charge, with a receipt, at least once a day. When no money is left, or the
// cost cap allows no further period, the present one is used up and then the
// submission ends.
//
// Every step is in the journal before the ledger hears of it, and may be
// repeated. Two things are never under way at once, and the ledger answers in
// order: so an end needs no waiting (period_close).
#ifndef KEEPER_PERIOD_H
#define KEEPER_PERIOD_H

#include "node-agent/keeper/keeper.h"

#define PERIOD_TAG (1ull << 60) // in the tags of what is asked here

// The hold for its first period, or for the next one.
void period_hold_post(struct keeper *k, struct sub *s, bool next);

// The ledger has a record of it and said: 200; 202: most of the hold is used;
// 402: all of it is.
void period_recorded(struct keeper *k, struct sub *s, unsigned status);

// What ledger says; false: it was about none of these.
bool period_news(struct keeper *k, const union ipc_any *any);

// Before the last settlement is posted: gives back what is held ahead.
void period_close(struct keeper *k, struct sub *s);

// After a restart, and once its records were sent again.
void period_resume(struct keeper *k, struct sub *s);

// Why it was stopped when EV_SPENT ended it.
const char *period_spent_text(const struct sub *s);

#endif
