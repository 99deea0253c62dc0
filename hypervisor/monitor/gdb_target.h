// SPDX-License-Identifier: ISC
// Registers of a domain as gdb numbers and describes them.

#ifndef MONITOR_GDB_TARGET_H
#define MONITOR_GDB_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "hypervisor/abi/hv.h"

#define GDB_REGISTER_MAX 32 // bytes of one

// Makes state components that were in their initial state plain, so that their
// bytes can be looked at and changed like others. Once for each capture.
void gdb_plain(struct hv_cpu *);

// How many registers this vCPU has; how many bytes number n has.
unsigned gdb_registers(const struct hv_cpu *);
size_t gdb_register_len(unsigned n);

void gdb_register_get(const struct hv_cpu *, unsigned n, void *to);
void gdb_register_set(struct hv_cpu *, unsigned n, const void *from);

// Its state components in the places that Intel's first processors had them in,
// whatever this one's are: a gdb before 14 looks nowhere else in a core.
// Returns how many bytes there are.
#define GDB_XSTATE_MAX 2688
size_t gdb_xstate(const struct hv_cpu *, uint8_t out[GDB_XSTATE_MAX]);

// The target's description for gdb, XML.
size_t gdb_description(const struct hv_cpu *, char *to, size_t max);

#endif
