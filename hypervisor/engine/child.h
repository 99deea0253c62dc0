// SPDX-License-Identifier: ISC
/*
 * A guest as a child process of its monitor: what the engines have in common.
 * The child is born while the slot is made and waits, as a zygote, for the
 * plan of what to map (plan.h). The kernel counts its time, tells of its end
 * and delivers upcalls, as a signal.
 *
 * Most functions fit into struct engine as they are.
 */
#ifndef ENGINE_CHILD_H
#define ENGINE_CHILD_H

#include "hypervisor/engine/engine.h"

// What becomes of the newborn; it ends in the guest's code.
typedef void child_born(const struct domain *, const struct engine_slot *,
                        int monitor_fd);

// Both wait for the zygote to be ready.
int child_make(struct domain *, const struct engine_slot *, child_born *,
               struct err *);
int child_load(struct domain *, const struct engine_load *, struct err *);
void child_go(struct domain *);

void child_wake(struct domain *, unsigned vcpu);
void child_interrupt(struct domain *, unsigned vcpu);
void child_answer(struct domain *);
ssize_t child_read(struct domain *, uint64_t addr, void *buf, size_t len);
ssize_t child_write(struct domain *, uint64_t addr, const void *buf,
                    size_t len);
int child_touched(struct domain *, uint64_t addr, size_t n, bool *touched);
void child_park(struct domain *, unsigned order);
bool child_parked(struct domain *, struct engine_stop *);
void child_release(struct domain *, enum park_verdict);
uint64_t child_cpu_ns(struct domain *);
void child_pause(struct domain *, bool paused);
void child_bind(struct domain *, const cpu_set_t *);
void child_stop(struct domain *);
void child_reap(struct domain *, struct engine_exit *);

// ----------------------------------------------- for the newborn to call

// Ends a newborn that could not do what it must.
void child_must(bool ok);

// Lets the monitor reach the memory of this process and see which pages it
// has, now and later.
void child_give_memory(const struct engine_slot *, int monitor_fd);

// When memory runs out the guest goes, not its monitor.
void child_volunteer(const struct engine_slot *);

// The slot's identity, no capabilities, tight limits; dies with its monitor.
void child_drop(const struct engine_slot *);

// Makes `fds` descriptors 0 to n-1, in this order, and closes all others.
void child_descriptors(const int *fds, int n);

#endif
