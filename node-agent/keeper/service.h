// SPDX-License-Identifier: ISC
// Services: a submission whose domain is started again when it has ended.
//
// Between two domains (incarnations) it is in the state "built" and either
// rests, which is here, or waits for a slot in its lane. Budgets are over all
// incarnations: each starts with what is left.
#ifndef KEEPER_SERVICE_H
#define KEEPER_SERVICE_H

#include "node-agent/keeper/keeper.h"

// Its domain has ended so. Is it to be started again? Then it is told when.
bool service_goes_on(struct keeper *k, struct sub *s, enum sub_outcome outcome,
                     bool asked_to);

// Rests until its time has come; then its lane takes it.
void service_rest(struct keeper *k, struct sub *s);
void service_wake(struct keeper *k, struct sub *s); // out of the list

// Puts those into their lane that have rested. And when the next one has.
void service_rested(struct keeper *k, uint64_t now_ns);

#endif
