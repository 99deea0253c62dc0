// SPDX-License-Identifier: ISC
// Answers of the node for people: figures, times, outcomes.

#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <jansson.h>
#include <stdint.h>

// Members of an object by name; "" or 0 for what is missing or null. A name
// such as "usage.cpu_ns" goes one level down.
const char *get_text(const json_t *o, const char *name);
int64_t get_count(const json_t *o, const char *name);

// Each writes at most SHOW_SIZE bytes and returns `out`.
#define SHOW_SIZE 48
char *show_ns(char *out, int64_t ns);         // "1.234 ms"
char *show_kib(char *out, int64_t kib);       // "16.0 MiB"
char *show_bytes(char *out, int64_t bytes);   // "12 B", "3.4 KiB"
char *show_time(char *out, const char *time); // RFC 3339, to the second; "-"
// When it was, as short as can be: "11:02:59" today (UTC), else "2026-11-28".
char *show_when(char *out, const char *time);
char *show_id(char *out, const char *id); // its first twelve digits

// What became of a submission, in a few words: "exited with status 0",
// "trapped", "running".
#define SHOW_FATE_SIZE 96
char *show_fate(char out[SHOW_FATE_SIZE], const json_t *submission);

// The same in two words at most, for a column of a table: "exit 0", "trapped".
char *show_end(char out[SHOW_FATE_SIZE], const json_t *submission);

// Prints JSON as the node sent it, indented, and drops the reference.
int print_json(json_t *o);

// The exit status by which a finished submission's fate is told to a shell:
// the program's own, FATE_BUILD when it did not compile, else FATE_STOPPED.
#define FATE_STOPPED 125
#define FATE_BUILD   126
int fate_status(const json_t *submission);

#endif
