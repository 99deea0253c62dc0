// SPDX-License-Identifier: ISC
// What we add to jansson: strict reading with limits, and the one shape of
// errors that leaves the node (RFC 9457, application/problem+json).

#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

// The deepest document of ours has 6 levels.
#define JSON_DEPTH_MAX 16

// One value, no duplicate keys, nothing after it, at most JSON_DEPTH_MAX
// levels; the caller bounds len. NULL on failure; name stands for the source
// in messages.
json_t *json_parse(const char *name, const char *text, size_t len,
                   struct err *e);

// The member of an object, or a sentence naming what is missing or wrong.
// *out is untouched on failure; a string lives as long as the object.
int json_get_str(const json_t *o, const char *key, const char **out,
                 struct err *e);
int json_get_int(const json_t *o, const char *key, int64_t min, int64_t max,
                 int64_t *out, struct err *e);

// Whether the object has no other members than these, NULL ending the list: a
// misspelt one would go unseen. 0 or -EINVAL with a sentence that names it.
int json_members(json_t *o, const char *const *known, struct err *e);

// A member as fixed bytes written in hex.
int json_get_hex(const json_t *o, const char *key, void *out, size_t len,
                 struct err *e);

// Text to free(), compact or indented, keys as inserted; NULL: no memory.
char *json_text(const json_t *o, bool indent);

// {"type": "about:blank", "title": title, "status": status, "detail": text}
json_t *json_problem(int status, const char *title, const char *detail);

#endif
