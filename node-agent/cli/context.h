// SPDX-License-Identifier: ISC
// Contexts: which node, and with which key.
//
// The client's home is $HOSTEL_HOME, or ~/.config/hostel:
//
//     keys/NAME.key, NAME.pub   key pairs, in minisign's formats
//     contexts/NAME.cfg         a node, in the syntax of lib/cfg.h:
//                                   node    = "127.0.0.1:7070"
//                                   node_id = "64 hex digits" (pinned)
//                                   key     = "NAME, or a path"
//                                   tls     = "node" or "web": whose word for
//                                             its certificate counts
//                                   ca      = "a file of authorities"
//     current                   the name of the context in use
//     witness/NODE.chain        batches that a node signed (hostel witness)

#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include "lib/err.h"

#define CONTEXT_NAME_MAX 63

struct context {
    char name[CONTEXT_NAME_MAX + 1];       // "": there is none yet
    char *node, *node_id, *key, *tls, *ca; // NULL: not set
};

// Which file of the client's home; fmt and so on give the path inside.
// Returns out (PATH_MAX bytes).
char *context_path(char *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

// name NULL: $HOSTEL_CONTEXT, else the current one; none at all is no error.
// context_free afterwards in any case.
int context_load(const char *name, struct context *c, struct err *e);
void context_free(struct context *c);

// Writes the context under its name; context_use makes it the current one.
int context_save(const struct context *c, struct err *e);
int context_use(const char *name, struct err *e);

// Letters, digits, dots, dashes and underscores, not beginning with a dot
// or dash: what contexts and keys may be called, being file names.
int context_name_check(const char *name, struct err *e);

// The secret key that the user means: a path (it has a slash), the name of a
// pair in the home, or NULL for the context's, else "default". *path gets
// PATH_MAX bytes.
int context_key_path(const struct context *c, const char *key, char *path,
                     struct err *e);

#endif
