// SPDX-License-Identifier: ISC
/*
 * The hypercalls that mean the same on every engine, by the rules of hv.h.
 * Each engine compiles them where it handles calls: pv in the guest's address
 * space, kvm in the vCPU's process. Whoever includes this defines SHARED and
 *
 *   ring()        rings the monitor's doorbell; sizeof(uint64_t) if it rang
 *   wait_while()  sleeps while the word has the value; may return early
 *   leave()       ends the guest's process
 *
 * and defines call_memory, the virtual MMU, with the two checks at the end.
 */
#ifndef ENGINE_CALLS_H
#define ENGINE_CALLS_H

#include "hypervisor/abi/hv.h"
#include "hypervisor/engine/trace_ring.h"

static long ring(void);
static void wait_while(uint32_t *word, uint32_t value);
static void leave(void) __attribute__((noreturn));

long call_block(uint64_t vcpu);
long call_notify(uint64_t port);
long call_timer(uint64_t deadline_ns, uint64_t vcpu);
long call_memory(uint64_t op, uint64_t addr, uint64_t len, uint64_t prot);
long call_shutdown(uint64_t reason, uint64_t status);
long call_vcpu(void);
long call_setup(uint64_t op, uint64_t entry, uint64_t vcpu);
long call_runstate(void);
void trace_write(uint32_t what, uint64_t a, uint64_t b);

// Calls are traced where they come in, by the engine.
void trace_write(uint32_t what, uint64_t a, uint64_t b)
{
    struct trace_ring *t = trace_ring_of(SHARED);
    uint32_t n = __atomic_add_fetch(&t->number, 1, __ATOMIC_SEQ_CST);
    struct trace_record *r = &t->record[n % TRACE_RECORDS];

    r->number = 0;
    r->tsc = __builtin_ia32_rdtsc();
    r->what = what;
    r->a = a;
    r->b = b;
    __atomic_store_n(&r->number, n, __ATOMIC_RELEASE);
    if (n % TRACE_RING_EVERY == 0)
        ring();
}

static inline __attribute__((always_inline)) void trace(uint32_t what,
                                                        uint64_t a, uint64_t b)
{
    if (__builtin_expect(trace_ring_of(SHARED)->on, 0))
        trace_write(what, a, b);
}

static inline struct hv_vcpu_info *vcpu_of(uint64_t vcpu)
{
    return &SHARED->vcpu[vcpu % HV_VCPU_MAX];
}

// Of the host's core this runs on: the limit of a segment that Linux has for
// it, since not every processor has rdpid.
static inline uint32_t core_number(void)
{
    uint32_t limit = 0;

    __asm__("lsl %1, %0" : "+r"(limit) : "r"(0x7b) : "cc");
    return limit & 0xfff;
}

long call_block(uint64_t vcpu)
{
    struct hv_vcpu_info *v = vcpu_of(vcpu);

    for (;;) {
        uint32_t wake = __atomic_load_n(&v->wake, __ATOMIC_ACQUIRE);

        v->core = core_number();
        // Before the look at `pending`: either the host sees us blocked or
        // we see its event (or its change of `wake`).
        __atomic_store_n(&v->blocked, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&v->pending, __ATOMIC_SEQ_CST) & ~v->mask)
            break;
        wait_while(&v->wake, wake);
    }
    __atomic_store_n(&v->blocked, 0, __ATOMIC_RELEASE);
    return 0;
}

long call_notify(uint64_t port)
{
    if (port >= HV_PORT_MAX)
        return HV_EINVAL;
    __atomic_or_fetch(&SHARED->notify, 1ul << port, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&SHARED->host_asleep, __ATOMIC_SEQ_CST))
        ring();
    return 0;
}

long call_timer(uint64_t deadline_ns, uint64_t vcpu)
{
    __atomic_store_n(&vcpu_of(vcpu)->timer_ns, deadline_ns, __ATOMIC_RELEASE);
    return call_notify(HV_PORT_TIMER);
}

// The last thing a guest does: the monitor looks at what was left for it and
// stops us. Should the bell not ring, exiting tells it too.
static __attribute__((noreturn)) void calls_end(uint32_t *word, uint32_t value)
{
    if (ring() == sizeof(uint64_t))
        while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
            wait_while(word, value);
    leave();
}

// Leaves the report of a trap that kills; the monitor reads what else it wants
// before it stops us.
static __attribute__((noreturn)) void calls_die(const struct hv_trap *trap)
{
    struct hv_trap *t = &SHARED->trap;

    *t = *trap;
    __atomic_store_n(&t->valid, 1, __ATOMIC_SEQ_CST);
    calls_end(&t->valid, 1);
}

long call_shutdown(uint64_t reason, uint64_t status)
{
    if (reason < HV_SHUTDOWN_POWEROFF || reason > HV_SHUTDOWN_SUSPEND)
        reason = HV_SHUTDOWN_CRASH;
    SHARED->shutdown_status = status;
    __atomic_store_n(&SHARED->shutdown_reason, reason, __ATOMIC_SEQ_CST);
    calls_end(&SHARED->shutdown_reason, reason);
}

long call_vcpu(void)
{
    return HV_ENOSYS; // one vCPU
}

long call_setup(uint64_t op, uint64_t entry, uint64_t vcpu)
{
    switch (op) {
    case HV_SETUP_UPCALL:
        vcpu_of(vcpu)->upcall_entry = entry;
        return 0;
    case HV_SETUP_TRAP:
        vcpu_of(vcpu)->trap_entry = entry;
        return 0;
    default:
        return HV_ENOSYS;
    }
}

long call_runstate(void)
{
    uint32_t seq = SHARED->runstate_seq + 1;

    __atomic_store_n(&SHARED->runstate_seq, seq, __ATOMIC_RELEASE);
    call_notify(HV_PORT_CONTROL);
    for (;;) {
        uint32_t ack = __atomic_load_n(&SHARED->runstate_ack, __ATOMIC_ACQUIRE);

        if (ack == seq)
            return SHARED->virtual_ns;
        wait_while(&SHARED->runstate_ack, ack);
    }
}

static inline int range_inside(uint64_t addr, uint64_t len, uint64_t low,
                               uint64_t limit)
{
    return addr >= low && addr <= limit && len <= limit - addr;
}

// Whole pages inside the domain's own memory?
static inline int call_range_ok(uint64_t addr, uint64_t len, int ram_only)
{
    if (len == 0 || (addr | len) % HV_PAGE)
        return 0;
    if (range_inside(addr, len, HV_RAM_VA, HV_RAM_VA + HV_RAM_MAX))
        return 1;
    return !ram_only && range_inside(addr, len, HV_IMAGE_BASE, HV_IMAGE_LIMIT);
}

// May a page have these rights? 0, or why not.
static inline long call_prot_check(uint64_t prot)
{
    switch (prot) {
    case HV_PROT_NONE:
    case HV_PROT_READ:
    case HV_PROT_READ | HV_PROT_WRITE:
    case HV_PROT_READ | HV_PROT_EXEC:
        return 0;
    default:
        return prot & HV_PROT_WRITE && prot & HV_PROT_EXEC ? HV_EPERM
                                                           : HV_EINVAL;
    }
}

#endif
