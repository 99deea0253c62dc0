// SPDX-License-Identifier: ISC
// Writing behind; see volume_behind.h.
#include "unikernel-runtime/fs/volume_behind.h"
#include "unikernel-runtime/fs/volume.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/end.h"
#include "unikernel-runtime/kernel/hypercall.h"

#include <stdlib.h>

#define MOMENT_NS    NS_PER_S
#define THREAD_STACK 65536ul

static struct volume *volumes[HV_DEVICE_MAX];
static unsigned nvolumes;

// The scheduler's lock.
static struct waitq thread_waits;
static int soiled, ending, asleep;
static enum hv_shutdown_reason end_reason;
static unsigned end_status;

// One that has something to write and was not looked at in this round.
static struct volume_node *next_dirty(struct volume *v, unsigned *at)
{
    struct volume_node *found = NULL;
    lock_take(&v->lock);
    for (; *at < VOLUME_HASH && !found; ++*at)
        for (struct volume_node *n = v->hash[*at]; n && !found; n = n->next)
            if (n->dirty && n->refs) {
                n->refs++;
                found = n;
            }
    if (found)
        --*at; // there may be others of the same hash
    lock_give(&v->lock);
    return found;
}

static void write_all(void)
{
    for (unsigned i = 0; i < nvolumes; i++) {
        unsigned at = 0;
        struct volume_node *n;
        while ((n = next_dirty(volumes[i], &at))) {
            lock_take(&n->io);
            cache_flush(n);
            if (n->dirty)
                at++; // it cannot be written
            lock_give(&n->io);
            volume_drop(n);
        }
    }
}

static void *thread_main(void *unused)
{
    for (;;) {
        sched_lock();
        asleep = 1;
        while (!soiled && !ending)
            sched_wait(&thread_waits, SCHED_NEVER);
        asleep = 0;
        uint64_t until_ns = clock_real_ns() + MOMENT_NS;
        while (!ending && clock_real_ns() < until_ns)
            sched_wait(&thread_waits, until_ns);
        soiled = 0;
        int end = ending;
        sched_unlock();
        write_all();
        if (end)
            hv_shutdown(end_reason, end_status);
    }
    return unused;
}

void volume_behind_soiled(void)
{
    if (soiled)
        return;
    sched_lock();
    soiled = 1;
    if (asleep)
        sched_wake_all(&thread_waits);
    sched_unlock();
}

static int later(enum hv_shutdown_reason reason, unsigned status)
{
    if (!ending) {
        ending = 1;
        end_reason = reason;
        end_status = status;
        sched_wake_all(&thread_waits);
    }
    return 1;
}

void volume_behind_start(struct volume *v)
{
    struct thread *t;
    const struct thread_plan plan = {.start = thread_main,
                                     .stack_len = THREAD_STACK,
                                     .guard_len = HV_PAGE,
                                     .detached = 1,
                                     .serves = 1,
                                     .priority = SCHED_PRIORITIES - 1,
                                     .policy = THREAD_FIFO};
    volumes[nvolumes++] = v;
    if (nvolumes > 1)
        return;
    end_write = write_all;
    // Without a thread what is dirty waits for the file to be closed.
    if (thread_create(&t, &plan) == 0)
        end_later = later;
}
