// SPDX-License-Identifier: ISC
// Log lines; see log.h.

#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *log_role = "hostel";
static bool log_verbose;

void log_open(const char *role)
{
    log_role = role;
    log_verbose = getenv("HOSTEL_DEBUG") != NULL;
}

static void log_line(const char *level, const char *fmt, va_list ap)
{
    char text[LOG_LINE_MAX], line[LOG_LINE_MAX];
    int saved = errno, n;

    vsnprintf(text, sizeof(text), fmt, ap);
    n = snprintf(line, sizeof(line), "%s %s: ", level, log_role);
    for (const char *p = text; *p && n < LOG_LINE_MAX - 8; p++) {
        unsigned char c = *p;

        if (c < 0x20 || c >= 0x7f)
            n += sprintf(line + n, "\\x%02x", c);
        else
            line[n++] = c;
    }
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0) {
        // Nowhere to complain.
    }
    errno = saved;
}

#define LOG_BODY(level)                                                        \
    do {                                                                       \
        va_list ap;                                                            \
                                                                               \
        va_start(ap, fmt);                                                     \
        log_line(level, fmt, ap);                                              \
        va_end(ap);                                                            \
    } while (0)

void log_debug(const char *fmt, ...)
{
    if (log_verbose)
        LOG_BODY("debug");
}

void log_info(const char *fmt, ...)
{
    LOG_BODY("info");
}

void log_warn(const char *fmt, ...)
{
    LOG_BODY("warning");
}

void log_error(const char *fmt, ...)
{
    LOG_BODY("error");
}
