// SPDX-License-Identifier: ISC
// Times for people, tables and exports: UTC in ISO 8601.
#ifndef BILLING_WHEN_H
#define BILLING_WHEN_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define WHEN_TEXT_SIZE 32

// "2026-11-22T17:03:00Z"; fractions of a second are dropped. Returns `out`.
static inline char *when_text(uint64_t time_ns, char out[WHEN_TEXT_SIZE])
{
    time_t time_s = (time_t)(time_ns / 1000000000);
    struct tm tm;

    if (!gmtime_r(&time_s, &tm) ||
        !strftime(out, WHEN_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
        snprintf(out, WHEN_TEXT_SIZE, "?");
    return out;
}

#endif
