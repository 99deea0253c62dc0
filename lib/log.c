// SPDX-License-Identifier: ISC
// Log lines; see log.h.

#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *log_role = "hostel";
static bool log_verbose, log_json;

void log_open(const char *role)
{
    log_role = role;
    log_verbose = getenv("HOSTEL_DEBUG") != NULL;
}

void log_use_json(void)
{
    log_json = true;
}

// What comes before the text and after it.
static int line_begin(char *line, const char *level)
{
    struct timespec now;
    char stamp[32];
    struct tm tm;

    if (!log_json)
        return snprintf(line, LOG_LINE_MAX / 2, "%s %s: ", level, log_role);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
    return snprintf(line, LOG_LINE_MAX / 2,
                    "{\"time\": \"%s.%06ldZ\", \"level\": \"%s\", \"role\": "
                    "\"%s\", \"pid\": %d, \"text\": \"",
                    stamp, now.tv_nsec / 1000, level, log_role, (int)getpid());
}

// One byte of the text: nothing in a line can end it, or a string, early.
static int line_add(char *at, unsigned char c)
{
    if (c < 0x20 || c >= 0x7f)
        return sprintf(at, log_json ? "\\\\x%02x" : "\\x%02x", c);
    if (log_json && (c == '"' || c == '\\'))
        return sprintf(at, "\\%c", c);
    *at = (char)c;
    return 1;
}

static void log_line(const char *level, const char *fmt, va_list ap)
{
    char text[LOG_LINE_MAX], line[LOG_LINE_MAX];
    int saved = errno, n;

    vsnprintf(text, sizeof(text), fmt, ap);
    n = line_begin(line, level);
    for (const char *p = text; *p && n < LOG_LINE_MAX - 10; p++)
        n += line_add(line + n, (unsigned char)*p);
    if (log_json)
        n += sprintf(line + n, "\"}");
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
