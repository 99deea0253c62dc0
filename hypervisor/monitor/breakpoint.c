// SPDX-License-Identifier: ISC
// Breakpoints and a debugger's view of memory; see breakpoint.h.

#include "hypervisor/monitor/breakpoint.h"

#define INT3 0xcc

// The one debugger's of this process.
static struct breakpoint table[BREAKPOINTS_MAX];
static unsigned ntable;

// What a debugger may change: the program's own, never the engine's.
static bool may_write(const struct domain *d, uint64_t at, uint64_t len)
{
    const struct {
        uint64_t low, len;
    } parts[] = {
        {HV_IMAGE_BASE, HV_IMAGE_LIMIT - HV_IMAGE_BASE},
        {HV_RAM_VA, HV_RAM_MAX},
        {HV_WINDOW_VA, d->window_len},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (at >= parts[i].low && at - parts[i].low <= parts[i].len &&
            len <= parts[i].len - (at - parts[i].low))
            return true;
    return false;
}

size_t breakpoint_read(struct domain *d, uint64_t at, uint8_t *to, size_t len)
{
    size_t got = 0;

    while (got < len) {
        size_t n = HV_PAGE - (at + got) % HV_PAGE;

        if (n > len - got)
            n = len - got;
        if (d->engine->read(d, at + got, to + got, n) != (ssize_t)n)
            break;
        got += n;
    }
    // What was there before our breakpoints.
    for (unsigned i = 0; i < ntable; i++)
        if (table[i].address - at < got)
            to[table[i].address - at] = table[i].was;
    return got;
}

bool breakpoint_write(struct domain *d, uint64_t at, uint8_t *from, size_t len)
{
    if (!may_write(d, at, len))
        return false;
    for (unsigned i = 0; i < ntable; i++) {
        struct breakpoint *b = &table[i];

        if (b->address - at < len) {
            b->was = from[b->address - at];
            from[b->address - at] = INT3;
        }
    }
    return d->engine->write(d, at, from, len) == (ssize_t)len;
}

bool breakpoint_plant(struct domain *d, struct breakpoint *b)
{
    const uint8_t int3 = INT3;

    return may_write(d, b->address, 1) &&
           d->engine->read(d, b->address, &b->was, 1) == 1 &&
           d->engine->write(d, b->address, &int3, 1) == 1;
}

void breakpoint_lift(struct domain *d, const struct breakpoint *b)
{
    d->engine->write(d, b->address, &b->was, 1);
}

static struct breakpoint *find(uint64_t address)
{
    for (unsigned i = 0; i < ntable; i++)
        if (table[i].address == address)
            return &table[i];
    return NULL;
}

bool breakpoint_is(uint64_t address)
{
    return find(address) != NULL;
}

bool breakpoint_set(struct domain *d, uint64_t address)
{
    struct breakpoint b = {.address = address};

    if (find(address))
        return true;
    if (ntable == BREAKPOINTS_MAX || !breakpoint_plant(d, &b))
        return false;
    table[ntable++] = b;
    return true;
}

void breakpoint_clear(struct domain *d, uint64_t address)
{
    struct breakpoint *b = find(address);

    if (!b)
        return;
    breakpoint_lift(d, b);
    *b = table[--ntable];
}

void breakpoint_clear_all(struct domain *d)
{
    while (ntable)
        breakpoint_lift(d, &table[--ntable]);
}
