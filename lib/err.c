// SPDX-License-Identifier: ISC
// Error sentences; see err.h.

#include "lib/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
    va_list ap;

    if (e) {
        e->code = code;
        va_start(ap, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
    }
    return -code;
}

int err_errno(struct err *e, const char *fmt, ...)
{
    int code = errno;
    va_list ap;
    size_t n;

    if (e) {
        e->code = code;
        va_start(ap, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
        n = strlen(e->text);
        snprintf(e->text + n, sizeof(e->text) - n, ": %s",
                 strerrordesc_np(code) ? strerrordesc_np(code) : "?");
    }
    return -code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    struct err old;
    va_list ap;
    size_t n;

    if (!e)
        return -EIO;
    old = *e;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    n = strlen(e->text);
    snprintf(e->text + n, sizeof(e->text) - n, ": %s", old.text);
    return -e->code;
}

int err_suffix(struct err *e, const char *fmt, ...)
{
    va_list ap;
    size_t n;

    if (!e)
        return -EIO;
    n = strlen(e->text);
    va_start(ap, fmt);
    vsnprintf(e->text + n, sizeof(e->text) - n, fmt, ap);
    va_end(ap);
    return -e->code;
}
