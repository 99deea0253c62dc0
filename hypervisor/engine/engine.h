// SPDX-License-Identifier: ISC
/*
 * What an engine is: how guest code runs. The monitor's loop, console,
 * clocks, lifecycle and devices see a domain only through this table, so none
 * of them knows which engine it has.
 *
 * A process serves one domain, in this order:
 *
 *   prepare once, before monitors are forked: what all domains share
 *   forget  in a monitor that is for another engine
 *   make    while still privileged: everything that can be ready before the
 *           domain is known
 *   load    the image and memory; the first instruction is not run yet
 *   go      runs it
 *   ...     wake, interrupt, read, cpu_ns, pause, park
 *   stop    at any time; the guest executes nothing afterwards
 *   reap    once exit_fd is readable: how it ended
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hypervisor/abi/hv.h"
#include "hypervisor/engine/image.h"
#include "hypervisor/engine/park.h"
#include "lib/err.h"

// Offsets in the memfd that holds what a domain shares with its monitor.
#define SHARED_START_INFO  0x0000ul
#define SHARED_SHARED_INFO HV_START_INFO_LEN
#define SHARED_LEN         (SHARED_SHARED_INFO + HV_PAGE)

// What the monitor and its engine share about the one domain.
struct domain {
    const struct engine *engine;

    int memory_fd; // a memfd: start_info and shared_info
    int window_fd; // another, which back ends outside may have: the window
    struct hv_start_info *start_info; // the guest's to read
    struct hv_shared_info *shared;    // anyone may have written it: copy once
    uint8_t *window;
    uint64_t window_len; // what there is; what is mapped is window_max
    uint64_t window_max;

    int doorbell_fd; // eventfd: the guest rang
    int exit_fd;     // readable when the guest has ended; may be passed on

    unsigned order; // PARK_*, as last given
    bool traced;

    struct guest_child { // the engine's: the guest is a child process
        int plan_fd;     // to the zygote; -1 once it has its plan
        int mem_fd;      // the guest's memory
        int map_fd;      // its page map
        pid_t pid;       // in the monitor's namespace
    } child;
    // Events that found the guest asleep, and that found it awake.
    uint32_t woken, met;
};

struct engine_slot {
    uint32_t uid, gid; // the guest's; 0: as the monitor
    int proc_fd;       // /proc, while it can be reached
};

struct engine_load {
    const struct image *image;
    int image_fd, initrd_fd;
    uint64_t ram_len, initrd_len;
    bool go; // go right away
};

enum engine_end { ENGINE_EXITED, ENGINE_SIGNALLED, ENGINE_FAILED };
struct engine_exit {
    enum engine_end end;
    int code; // SIGNALLED: the signal; FAILED: engine's own
};

struct engine_stop {
    enum park_reason reason; // PARK_TRAP: the rest
    uint32_t vector;
    uint64_t error, address;
};

struct engine {
    const char *name;
    int (*prepare)(struct err *);
    void (*forget)(void); // undoes that, in a monitor with another engine
    int (*make)(struct domain *, const struct engine_slot *, struct err *);
    int (*load)(struct domain *, const struct engine_load *, struct err *);
    void (*go)(struct domain *);

    // An event for a vCPU that is blocked; for one that runs, unmasked.
    void (*wake)(struct domain *, unsigned vcpu);
    void (*interrupt)(struct domain *, unsigned vcpu);
    // Wakes the guest from a wait on runstate_ack.
    void (*answer)(struct domain *);

    // Guest memory by guest address; bytes read or -errno.
    ssize_t (*read)(struct domain *, uint64_t addr, void *buf, size_t len);
    // The same, whatever the guest itself may do with it: text, too.
    ssize_t (*write)(struct domain *, uint64_t addr, const void *buf,
                     size_t len);
    // Of n pages from addr on, which have something of their own: private
    // pages that were written. 0 or -errno.
    int (*touched)(struct domain *, uint64_t addr, size_t n, bool *touched);
    uint64_t (*cpu_ns)(struct domain *); // exact once the guest is not running

    // While paused it executes nothing; events wait for it. Time goes on, so
    // the clock's parameters are to be published anew before it runs again.
    void (*pause)(struct domain *, bool paused);

    /*
     * Parking, see park.h. An order stands until the next one; 0 lets the
     * guest go its way but not out of being parked, which release does. With
     * PARK_STOP the guest is asked once; ask again until it is parked. One
     * ordered before load parks at the first instruction.
     */
    void (*park)(struct domain *, unsigned order);
    // Is it parked, and why?
    bool (*parked)(struct domain *, struct engine_stop *);
    // Registers of a parked guest, or of one that ended in a trap. What a
    // capture shows is at no engine's own place: a hypercall under way is
    // shown at its start, and is made again if that is restored. 0 or -errno.
    int (*capture)(struct domain *, struct hv_cpu *);
    int (*restore)(struct domain *, const struct hv_cpu *);
    void (*release)(struct domain *, enum park_verdict);

    // The cores it may run on.
    void (*bind)(struct domain *, const cpu_set_t *);

    void (*stop)(struct domain *);
    void (*reap)(struct domain *, struct engine_exit *);
};

extern const struct engine engine_pv, engine_kvm;

#endif
