// SPDX-License-Identifier: ISC
// One line a message to standard error: "level role: text", or for programs
// {"time": RFC 3339, "level": ..., "role": ..., "pid": n, "text": ...}.
//
// Control characters and bytes that are not ASCII print as \xNN, so that
// nothing a stranger sent can forge a line or drive a terminal. A line is
// one write(2); it is cut at LOG_LINE_MAX.

#ifndef LIB_LOG_H
#define LIB_LOG_H

// What a pipe writes in one piece is 4096; a line that long helps nobody.
#define LOG_LINE_MAX 1024

// The role is kept by reference. HOSTEL_DEBUG in the environment turns on
// log_debug.
void log_open(const char *role);

// From here on a JSON object a line.
void log_use_json(void);

#define LOG_PRINTF __attribute__((format(printf, 1, 2)))
void log_debug(const char *fmt, ...) LOG_PRINTF;
void log_info(const char *fmt, ...) LOG_PRINTF;
void log_warn(const char *fmt, ...) LOG_PRINTF;
void log_error(const char *fmt, ...) LOG_PRINTF;

#endif
