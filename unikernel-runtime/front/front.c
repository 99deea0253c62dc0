// SPDX-License-Identifier: ISC
// The handshake of front ends. Compiled without vector registers: see event.c.
#include "unikernel-runtime/front/front.h"
#include "unikernel-runtime/front/window.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"

#include <errno.h>

// A host that answers at all answers in microseconds; a reset waits for what
// is under way on a disk.
#define ANSWER_NS (10 * NS_PER_S)

static struct front *by_port[HV_PORT_DEVICE + HV_DEVICE_MAX];

const struct hv_device *front_find(enum hv_device_type type, unsigned n)
{
    for (unsigned i = 0; i < start_info->ndevices; i++) {
        const struct hv_device *d = &start_info->device[i];
        if (d->type == type && d->index == n)
            return d;
    }
    return NULL;
}

static void front_event(unsigned port)
{
    struct front *f = by_port[port];
    sched_wake_all(&f->status);
    f->event(f);
}

void front_open(struct front *f, const struct hv_device *device,
                void (*event)(struct front *f))
{
    f->device = device;
    f->control =
        (volatile struct hv_device_control *)(HV_WINDOW_VA + device->control);
    f->event = event;
    by_port[device->port] = f;
    event_bind(device->port, front_event);
}

uint64_t front_offered(const struct front *f)
{
    return f->control->host_features;
}

int front_failed(const struct front *f)
{
    return f->control->host_status & VIRTIO_NEEDS_RESET;
}

// Writes the status and waits for the host's answer to it.
static int status_set(struct front *f, uint32_t status)
{
    uint64_t deadline_ns = clock_real_ns() + ANSWER_NS;
    int r = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    f->control->guest_status = status;
    hv_notify(f->device->port);
    sched_lock();
    while (f->control->host_status != status && r != -ETIMEDOUT) {
        if (status && front_failed(f))
            r = -ETIMEDOUT;
        else
            r = sched_wait(&f->status, deadline_ns);
    }
    sched_unlock();
    if (f->control->host_status == status)
        return 0;
    return front_failed(f) ? -EIO : -ETIMEDOUT;
}

static uint32_t offset_of(const void *at)
{
    return (uintptr_t)at - HV_WINDOW_VA;
}

int front_start(struct front *f, uint64_t wanted, struct virtq *const *queues,
                unsigned n)
{
    const uint64_t always =
        1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_EVENT_IDX;
    struct hv_queue *table = window_alloc(n * sizeof *table);
    if (!table)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++)
        table[i] = (struct hv_queue){.desc = offset_of(queues[i]->desc),
                                     .avail = offset_of(queues[i]->avail),
                                     .used = offset_of(queues[i]->used),
                                     .size = queues[i]->size,
                                     .enabled = 1};
    f->features = (wanted | always) & front_offered(f);
    f->control->guest_features = f->features;
    f->control->nqueues = n;
    f->control->queue_table = offset_of(table);
    int r = status_set(f, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER |
                              VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
    window_free(table, n * sizeof *table); // it was read, if at all
    return r;
}

int front_reset(struct front *f)
{
    return status_set(f, 0);
}

void front_config(const struct front *f, void *to, size_t offset, size_t len)
{
    const volatile uint8_t *config = f->control->config;
    uint32_t seq;
    do {
        seq = __atomic_load_n(&f->control->config_seq, __ATOMIC_ACQUIRE);
        for (size_t i = 0; i < len; i++)
            ((uint8_t *)to)[i] = config[offset + i];
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    } while (seq & 1 || seq != f->control->config_seq);
}

void front_notify(struct front *f)
{
    hv_notify(f->device->port);
}

void front_kick(struct front *f, struct virtq *q)
{
    if (virtq_wants_notify(q))
        hv_notify(f->device->port);
}
