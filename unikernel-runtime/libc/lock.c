// SPDX-License-Identifier: ISC
/*
 * newlib's locks. All of them in this one file, since newlib brings its own
 * for whatever is missing here.
 *
 * With one thread nobody ever waits; a plain lock taken twice is a deadlock.
 */
#include "unikernel-runtime/kernel/panic.h"
#include "unikernel-runtime/kernel/thread.h"

#include <stdlib.h>
#include <sys/lock.h>

struct __lock {
    struct thread *owner;
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
    if (lock->owner)
        panic("a lock of the C library was taken twice");
    lock->owner = thread_self();
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    lock->owner = thread_self();
    lock->depth++;
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
    if (lock->owner)
        return 0;
    lock->owner = thread_self();
    return 1;
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    __retarget_lock_acquire_recursive(lock);
    return 1;
}

void __retarget_lock_release(_LOCK_T lock)
{
    lock->owner = NULL;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (--lock->depth == 0)
        lock->owner = NULL;
}
