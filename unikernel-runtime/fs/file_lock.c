// SPDX-License-Identifier: ISC
// See file_lock.h. The list is guarded by the scheduler's lock.
#include "unikernel-runtime/fs/file_lock.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>
#include <stdlib.h>

struct file_lock {
    struct file_lock *next;
    struct file *file;
    int exclusive;
};

static struct file_lock *held;
static struct waitq waiters; // for any

// By what they are open on; what has no name is the same only by its object.
static int is_same(struct file *a, struct file *b)
{
    struct vnode *v = file_vnode(a);
    return a->ops == b->ops &&
           (v ? v == file_vnode(b) : a->object == b->object);
}

static int is_in_the_way(const struct file_lock *l, struct file *f,
                         int exclusive)
{
    return l->file != f && is_same(l->file, f) && (exclusive || l->exclusive);
}

static int is_free(struct file *f, int exclusive)
{
    for (const struct file_lock *l = held; l; l = l->next)
        if (is_in_the_way(l, f, exclusive))
            return 0;
    return 1;
}

// Scheduler locked: takes the file's lock off the list.
static struct file_lock *unhold(struct file *f)
{
    struct file_lock **at = &held;
    while (*at && (*at)->file != f)
        at = &(*at)->next;
    struct file_lock *l = *at;
    if (l) {
        *at = l->next;
        sched_wake_all(&waiters);
    }
    f->locked = 0;
    return l;
}

int file_lock_take(struct file *f, int exclusive, int nowait)
{
    struct file_lock *l = malloc(sizeof *l);
    if (!l)
        return -ENOLCK;
    int r = 0;
    sched_lock();
    struct file_lock *old = f->locked ? unhold(f) : NULL;
    while (r == 0 && !is_free(f, exclusive)) {
        r = nowait ? -EWOULDBLOCK : sched_wait(&waiters, SCHED_NEVER);
        if (r == -EINTR && !wait_was_broken(r))
            r = 0;
    }
    if (r == 0) {
        *l = (struct file_lock){held, f, exclusive};
        held = l;
        f->locked = 1;
        l = NULL;
    }
    sched_unlock();
    free(old);
    free(l);
    return r;
}

void file_lock_drop(struct file *f)
{
    sched_lock();
    struct file_lock *l = f->locked ? unhold(f) : NULL;
    sched_unlock();
    free(l);
}

#define PAUSE_NS     (NS_PER_S / 1000)
#define PAUSE_DOUBLE 5 // times: up to 32 ms

int lock_pause(unsigned n)
{
    uint64_t ns = PAUSE_NS << (n < PAUSE_DOUBLE ? n : PAUSE_DOUBLE);
    sched_lock();
    int r = sched_wait(NULL, clock_real_ns() + ns);
    sched_unlock();
    return wait_was_broken(r) ? -EINTR : 0;
}
