// SPDX-License-Identifier: ISC
// syslog: a line on the console for each message, by one write.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024

static const char *ident;
static int options, mask = 0xff;

void openlog(const char *name, int with_options, int facility)
{
    (void)facility;
    ident = name;
    options = with_options;
}

void closelog(void)
{
    ident = NULL;
}

int setlogmask(int new)
{
    int old = mask;
    if (new)
        mask = new;
    return old;
}

void vsyslog(int priority, const char *format, va_list ap)
{
    if (!(mask & LOG_MASK(LOG_PRI(priority))))
        return;
    char line[LINE_MAX_LEN + 1];
    size_t len = 0;
    if (ident)
        len = snprintf(line, LINE_MAX_LEN / 4, "%s", ident);
    if (len >= LINE_MAX_LEN / 4)
        len = LINE_MAX_LEN / 4 - 1;
    if (ident && options & LOG_PID)
        len += sprintf(line + len, "[%d]", (int)getpid());
    if (ident)
        len += sprintf(line + len, ": ");
    size_t room = LINE_MAX_LEN - len;
    size_t n = vsnprintf(line + len, room, format, ap);
    len += n < room ? n : room - 1;
    if (!len || line[len - 1] != '\n')
        line[len++] = '\n';
    write(STDERR_FILENO, line, len);
}

void syslog(int priority, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsyslog(priority, format, ap);
    va_end(ap);
}
