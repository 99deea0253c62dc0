// SPDX-License-Identifier: ISC
/*
 * Upcalls between any two instructions leave no trace: general registers,
 * flags, vector registers, the x87 stack and the red zone survive thousands.
 */
#include "hypervisor/abi/hv.h"
#include "tests/domain/check.h"

#include <stdint.h>
#include <time.h>

#define UPCALLS 2000
#define STEP_NS 20000

#define vcpu ((volatile struct hv_vcpu_info *)HV_SHARED_INFO_VA)

typedef long call(uint64_t, uint64_t);
#define hv_timer(ns)     ((call *)HV_CALL_VA(HV_CALL_TIMER))(ns, 0)
#define hv_setup(op, at) ((call *)HV_CALL_VA(HV_CALL_SETUP))(op, at)

uint64_t upcalls, runtime_entry;

// Counts, then goes on into the runtime's own entry.
void counting_entry(void);
__asm__("counting_entry: pushf\n"
        "lock incq upcalls(%rip)\n"
        "popf\n"
        "jmp *runtime_entry(%rip)\n");

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

// A leaf: its locals are in the red zone.
__attribute__((noinline)) static uint64_t leaf(uint64_t x)
{
    volatile uint64_t a[8];
    for (int i = 0; i < 8; i++)
        a[i] = x + i;
    uint64_t sum = 0;
    for (int i = 0; i < 8; i++)
        sum += a[i];
    return sum;
}

static void work(uint64_t n)
{
    double d = n;
    long double ld = n;
    uint64_t x = n;
    for (int i = 1; i <= 100; i++) {
        d += i;
        ld += i;
        x += i;
        CHECK(leaf(x) == 8 * x + 28);
    }
    CHECK(d == n + 5050.0 && ld == n + 5050.0L && x == n + 5050);
}

int main(void)
{
    runtime_entry = vcpu->upcall_entry;
    CHECK(runtime_entry);
    hv_setup(HV_SETUP_UPCALL, (uint64_t)counting_entry);

    uint64_t seen = 0;
    hv_timer(now_ns() + STEP_NS);
    for (uint64_t n = 0; upcalls < UPCALLS; n++) {
        work(n);
        if (upcalls != seen) {
            seen = upcalls;
            hv_timer(now_ns() + STEP_NS);
        }
    }
    return 0;
}
