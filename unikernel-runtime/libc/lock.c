// SPDX-License-Identifier: ISC
/*
 * newlib's locks. All of them in this one file, since newlib brings its own
 * for whatever is missing here.
 */
#include "unikernel-runtime/kernel/lock.h"
#include "unikernel-runtime/kernel/panic.h"
#include "unikernel-runtime/kernel/thread.h"

#include <stdlib.h>
#include <sys/lock.h>

struct __lock {
    struct lock lock;
    struct thread *owner; // of a recursive one
    unsigned depth;
};

struct __lock __lock___sinit_recursive_mutex, __lock___sfp_recursive_mutex,
    __lock___atexit_recursive_mutex, __lock___at_quick_exit_mutex,
    __lock___malloc_recursive_mutex, __lock___env_recursive_mutex,
    __lock___tz_mutex, __lock___dd_hash_mutex, __lock___arc4random_mutex;

void __retarget_lock_init(_LOCK_T *lock)
{
    *lock = calloc(1, sizeof **lock);
    if (!*lock)
        panic("no memory for a lock");
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
    __retarget_lock_init(lock);
}

void __retarget_lock_close(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
    lock_acquire(&lock->lock);
}

// Nobody but the owner itself ever finds its own name in `owner`.
void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    struct thread *self = thread_self();
    if (lock->owner != self) {
        lock_acquire(&lock->lock);
        lock->owner = self;
    }
    lock->depth++;
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
    return lock_try(&lock->lock);
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    struct thread *self = thread_self();
    if (lock->owner != self) {
        if (!lock_try(&lock->lock))
            return 0;
        lock->owner = self;
    }
    lock->depth++;
    return 1;
}

void __retarget_lock_release(_LOCK_T lock)
{
    lock_release(&lock->lock);
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (--lock->depth == 0) {
        lock->owner = NULL;
        lock_release(&lock->lock);
    }
}
