// SPDX-License-Identifier: ISC
// Sums of usage.
#include "billing/usage.h"

#include <errno.h>
#include <stddef.h>

// How a field of struct usage adds up.
static const struct {
    size_t offset;
    enum { SUM, MAXIMUM } how;
} fields[] = {
    {offsetof(struct usage, starts), SUM},
    {offsetof(struct usage, builds), SUM},
    {offsetof(struct usage, cpu_ns), SUM},
    {offsetof(struct usage, wall_ns), SUM},
    {offsetof(struct usage, build_cpu_ns), SUM},
    {offsetof(struct usage, build_wall_ns), SUM},
    {offsetof(struct usage, mem_reserved_kib_ms), SUM},
    {offsetof(struct usage, mem_reserved_kib), MAXIMUM},
    {offsetof(struct usage, mem_peak_kib), MAXIMUM},
    {offsetof(struct usage, net_rx_bytes), SUM},
    {offsetof(struct usage, net_tx_bytes), SUM},
    {offsetof(struct usage, net_packets), SUM},
    {offsetof(struct usage, disk_read_bytes), SUM},
    {offsetof(struct usage, disk_write_bytes), SUM},
    {offsetof(struct usage, disk_ops), SUM},
    {offsetof(struct usage, console_bytes), SUM},
    {offsetof(struct usage, storage_kib_ms), SUM},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))
_Static_assert(FIELD_COUNT * sizeof(uint64_t) == sizeof(struct usage),
               "every field of struct usage is listed");

int usage_add(struct usage *total, const struct usage *more)
{
    struct usage sum = *total;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        uint64_t *to = (uint64_t *)((char *)&sum + fields[i].offset);
        uint64_t add =
            *(const uint64_t *)((const char *)more + fields[i].offset);

        if (fields[i].how == MAXIMUM)
            *to = add > *to ? add : *to;
        else if (__builtin_add_overflow(*to, add, to))
            return -EOVERFLOW;
    }
    *total = sum;
    return 0;
}

uint64_t usage_kib_ms(uint64_t kib, uint64_t wall_ns)
{
    unsigned __int128 kib_ms = (unsigned __int128)kib * wall_ns / 1000000;

    return kib_ms > UINT64_MAX ? UINT64_MAX : (uint64_t)kib_ms;
}
