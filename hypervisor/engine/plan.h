// SPDX-License-Identifier: ISC
/*
 * What a monitor and the process that will be its guest say to each other
 * while the guest is not there yet: a socket, the plan of what to map, and
 * how a zygote ends that could not become the guest.
 *
 *   zygote  -> "m" + fds      its memory, its page map
 *   zygote  -> PLAN_READY     or a text that says what went wrong
 *   monitor -> struct plan    + fds: the image; the initrd if it has a length
 *   zygote  -> PLAN_MAPPED    when the plan asks for it
 *
 * It runs once vcpu[0].wake in shared_info is not 0.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <stdint.h>
#include "hypervisor/engine/image.h"

struct plan {
    struct image image;
    uint64_t ram_len, initrd_len;
    uint64_t window_len;
    uint32_t acknowledge; // say PLAN_MAPPED when done
    uint32_t pad;
};

#define PLAN_READY    'R'
#define PLAN_MAPPED   'M'
#define PLAN_TEXT_MAX 512

// Descriptors of the zygote.
#define PLAN_FD_DOORBELL 0
#define PLAN_FD_MONITOR  1

// The signal that interrupts a running guest with an upcall.
#define PLAN_SIGNAL_UPCALL 10 // SIGUSR1

// In hv_trap: not a vector of the processor's but a system call of the host
// that was tried. `error` is its number, `address` the AUDIT_ARCH_* it was for.
#define PLAN_VECTOR_SYSCALL 0x100

// Exit statuses. A guest that would have died of a signal, were it a process
// of its own, and of a zygote.
#define PLAN_EXIT_SIGNAL 128 // + the signal
#define PLAN_EXIT_SETUP  250 // giving up rights, or the address space
#define PLAN_EXIT_PLAN   251 // no plan came
#define PLAN_EXIT_MAP    252 // a mapping failed

#endif
