// SPDX-License-Identifier: ISC
// What a submission consumed. Self-contained (only stdint), because messages
// between the agent's processes embed it.
//
// Every figure is a count since the start of what is being described: one
// interval in a usage record, the whole life of a submission in a settlement.
// `usage_add` sums all fields but the two peaks, of which it keeps the larger.
//
// Bounds: 2^64 ns is 584 years. 2^64 KiB-ms is 128 GiB held for more than
// four years. Sums are checked, never wrapped.
#ifndef BILLING_USAGE_H
#define BILLING_USAGE_H

#include <stdint.h>

struct usage {
    uint64_t starts;        // domains started
    uint64_t builds;        // builds begun, successful or not
    uint64_t cpu_ns;        // guest and its monitor and back ends together
    uint64_t wall_ns;       // domain, from start to end
    uint64_t build_cpu_ns;  // compiler and linker
    uint64_t build_wall_ns; // reported, no SKU charges it
    uint64_t mem_reserved_kib_ms; // reserved memory x wall time
    uint64_t mem_reserved_kib;    // largest reservation (not summed)
    uint64_t mem_peak_kib;        // largest resident size (not summed)
    uint64_t net_rx_bytes;        // into the domain
    uint64_t net_tx_bytes;        // out of the domain
    uint64_t net_packets;         // both ways
    uint64_t disk_read_bytes;
    uint64_t disk_write_bytes;
    uint64_t disk_ops;
    uint64_t console_bytes;  // written to the stored log
    uint64_t storage_kib_ms; // volumes and images kept x time
};

_Static_assert(sizeof(struct usage) == 17 * 8, "struct usage has no padding");

// total += more. 0, or -EOVERFLOW with `total` unchanged.
int usage_add(struct usage *total, const struct usage *more);

// mem_reserved_kib_ms of `kib` held for `wall_ns`, rounded down to a KiB-ms;
// UINT64_MAX if it does not fit (rating then refuses it).
uint64_t usage_kib_ms(uint64_t kib, uint64_t wall_ns);

#endif
