// SPDX-License-Identifier: ISC
// A question of one request, for verbs that show the answer.

#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <jansson.h>

#include "node-agent/cli/client.h"

// Sends o, which it drops (or NULL). The answer as JSON, the caller's; NULL:
// failed, and it was said.
json_t *ask(enum client_who who, const char *method, json_t *o,
            const char *path);

#endif
