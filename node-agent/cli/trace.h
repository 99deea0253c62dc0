// SPDX-License-Identifier: ISC
// What was said and answered, for whoever looks for a mistake: with
// HOSTEL_TRACE=FILE each exchange is appended to it as one line of JSON,
//
//     {"method", "target", "status", "headers": {name: value}, "body"}
//
// names in lower case, the body as text (null when it went past as a stream,
// or is no text). Requests' signatures and bodies are not in it.

#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>

struct trace;

// NULL: nobody wants it. Otherwise trace_end writes and frees it.
struct trace *trace_begin(const char *method, const char *target);

// A header line of the answer, as libcurl gives it.
void trace_header(struct trace *t, const char *line, size_t len);

// body NULL: it went past.
void trace_end(struct trace *t, long status, const void *body, size_t len);

#endif
