// SPDX-License-Identifier: ISC
// Event channels; see event.h and the comments at struct hv_vcpu_info.

#include "hypervisor/monitor/event.h"

#include "lib/clock.h"

void (*event_traced)(unsigned port);
void (*event_request_traced)(unsigned device, unsigned type, uint64_t at,
                             uint64_t len);
void (*event_frame_traced)(unsigned device, bool out, uint64_t len,
                           const char *why_not);

void event_raise(struct domain *d, unsigned vcpu, unsigned port)
{
    struct hv_vcpu_info *v = &d->shared->vcpu[vcpu];
    uint64_t bit = 1ull << port;
    bool first;

    if (event_traced)
        event_traced(port);
    __atomic_or_fetch(&v->pending, bit, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&v->mask, __ATOMIC_SEQ_CST) & bit)
        return;
    first = !__atomic_exchange_n(&v->upcall_pending, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&v->wake, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&v->blocked, __ATOMIC_SEQ_CST)) {
        d->woken++;
        d->engine->wake(d, vcpu);
        return;
    }
    d->met++;
    if (first && !__atomic_load_n(&v->upcall_mask, __ATOMIC_SEQ_CST))
        d->engine->interrupt(d, vcpu);
}

int event_sleep(struct domain *d)
{
    __atomic_store_n(&d->shared->host_asleep, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&d->shared->notify, __ATOMIC_SEQ_CST) == 0;
}

bool event_waiting(const struct domain *d)
{
    return __atomic_load_n(&d->shared->notify, __ATOMIC_ACQUIRE) != 0;
}

void event_spin(struct domain *d, uint64_t ns)
{
    uint64_t end = clock_mono_ns() + ns;

    while (__atomic_load_n(&d->shared->notify, __ATOMIC_ACQUIRE) == 0 &&
           clock_mono_ns() < end)
        __builtin_ia32_pause();
}

uint64_t event_take(struct domain *d)
{
    // One that is traced rings for everything it notifies.
    if (!d->traced)
        __atomic_store_n(&d->shared->host_asleep, 0, __ATOMIC_SEQ_CST);
    return __atomic_exchange_n(&d->shared->notify, 0, __ATOMIC_SEQ_CST);
}
