// SPDX-License-Identifier: ISC
/*
 * A debugger's breakpoints: int3 in the domain's own copy of its text; and its
 * memory as it is without them. Only the program's own memory is written,
 * never the engine's.
 */
#ifndef MONITOR_BREAKPOINT_H
#define MONITOR_BREAKPOINT_H

#include "hypervisor/engine/engine.h"

#define BREAKPOINTS_MAX 256u

struct breakpoint {
    uint64_t address;
    uint8_t was;
};

// One by itself, not in the table. plant: false where it cannot be.
bool breakpoint_plant(struct domain *, struct breakpoint *);
void breakpoint_lift(struct domain *, const struct breakpoint *);

// Those of the table. set: false where it cannot be, or too many.
bool breakpoint_set(struct domain *, uint64_t address);
void breakpoint_clear(struct domain *, uint64_t address);
void breakpoint_clear_all(struct domain *);
bool breakpoint_is(uint64_t address);

// Memory: how many bytes could be read; false: may not, or cannot, be written.
// `from` is changed.
size_t breakpoint_read(struct domain *, uint64_t at, uint8_t *to, size_t len);
bool breakpoint_write(struct domain *, uint64_t at, uint8_t *from, size_t len);

#endif
