// SPDX-License-Identifier: ISC
// Staying with a submission until it is over: its console to standard output,
// standard input to its console.

#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include <jansson.h>
#include <stdbool.h>

#include "node-agent/cli/client.h"

// Waits until the submission has come to this state or further ("done":
// charged), and returns it; NULL: failed. The node may restart meanwhile.
json_t *attach_wait(struct client *c, const char *id, const char *state,
                    struct err *e);

// Copies the console to standard output until it ends: all of it, or with a
// time (since 1970) what was said since then, and perhaps a little before.
int attach_console(struct client *c, const char *id, uint64_t since_ns,
                   struct err *e);

// Sends standard input, on a thread of its own, until it ends or the
// submission does. The thread ends with the program.
int attach_input(const char *id, struct err *e);

// Console and, if wanted, input; then what the compiler said (on standard
// error) if it did not build, and the trap's report if there is one. Returns
// the exit status, see fate_status.
int attach_run(struct client *c, const char *id, bool input);

#endif
