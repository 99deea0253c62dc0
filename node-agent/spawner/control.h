// SPDX-License-Identifier: ISC
// Which requests about a running domain make sense.

#ifndef SPAWNER_CONTROL_H
#define SPAWNER_CONTROL_H

#include <stdbool.h>
#include "node-agent/agent/msg.h"

/* A known action, its value in its range; msg.h has both. */
bool control_sane(const struct msg_control *m);

#endif
