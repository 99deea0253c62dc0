// SPDX-License-Identifier: ISC
// Thread-specific data.
#include "unikernel-runtime/kernel/lock.h"
#include "unikernel-runtime/libc/pthread_thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

struct key {
    int used;
    void (*destructor)(void *);
};

static struct key *keys; // from the first pthread_key_create
static struct lock lock;

static int key_valid(pthread_key_t key)
{
    return keys && key < PTHREAD_KEYS_MAX && keys[key].used;
}

// Every thread's value of a key that was used before is NULL again: see
// pthread_key_delete.
int pthread_key_create(pthread_key_t *out, void (*destructor)(void *))
{
    int r = EAGAIN;
    lock_take(&lock);
    if (!keys)
        keys = calloc(PTHREAD_KEYS_MAX, sizeof *keys);
    for (pthread_key_t key = 0; keys && key < PTHREAD_KEYS_MAX; key++)
        if (!keys[key].used) {
            keys[key] = (struct key){.used = 1, .destructor = destructor};
            *out = key;
            r = 0;
            break;
        }
    if (!keys)
        r = ENOMEM;
    lock_give(&lock);
    return r;
}

int pthread_key_delete(pthread_key_t key)
{
    if (!key_valid(key))
        return EINVAL;
    lock_take(&lock);
    sched_lock();
    for (struct thread *t = thread_youngest; t; t = t->older)
        if (t->specific)
            t->specific[key] = NULL;
    sched_unlock();
    keys[key] = (struct key){0};
    lock_give(&lock);
    return 0;
}

void *pthread_getspecific(pthread_key_t key)
{
    void **specific = thread_self()->specific;
    return specific && key < PTHREAD_KEYS_MAX ? specific[key] : NULL;
}

static int destroy_round(void **specific)
{
    int found = 0;
    for (pthread_key_t key = 0; key < PTHREAD_KEYS_MAX; key++) {
        void *value = specific[key];
        if (!value || !keys[key].destructor)
            continue;
        specific[key] = NULL;
        keys[key].destructor(value);
        found = 1;
    }
    return found;
}

static void destroy_all(void)
{
    struct thread *self = thread_self();
    for (int i = 0; i < PTHREAD_DESTRUCTOR_ITERATIONS; i++)
        if (!destroy_round(self->specific))
            break;
    void **specific = self->specific;
    sched_lock();
    self->specific = NULL;
    sched_unlock();
    free(specific);
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
    struct thread *self = thread_self();
    if (!key_valid(key))
        return EINVAL;
    if (!self->specific) {
        self->specific = calloc(PTHREAD_KEYS_MAX, sizeof *self->specific);
        if (!self->specific)
            return ENOMEM;
        self->at_end = destroy_all;
    }
    self->specific[key] = (void *)value;
    return 0;
}
