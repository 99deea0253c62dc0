// SPDX-License-Identifier: ISC
// Part of plan.h: how the program is to be run, and its secrets.

#ifndef BUNDLE_PLAN_RUN_H
#define BUNDLE_PLAN_RUN_H

#include "node-agent/bundle/plan.h"

// What the request says, else bundle.cfg, else the defaults.
int plan_run_fill(const struct bundle_request *q, const struct recipe *c,
                  struct run_terms *out, struct err *e);

// A secret as the user names it: NAME=value as it is; NAME alone is taken from
// this process's environment. NULL with a sentence.
const char *plan_secret(const char *given, struct err *e);

#endif
