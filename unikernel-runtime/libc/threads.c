// SPDX-License-Identifier: ISC
// C11's threads, by pthreads.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

static int outcome(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
    case EAGAIN:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

void call_once(once_flag *once, void (*run)(void))
{
    pthread_once(once, run);
}

// ------------------------------------------------------------------ threads

struct beginning {
    thrd_start_t start;
    void *argument;
};

static void *begin(void *argument)
{
    struct beginning b = *(struct beginning *)argument;
    free(argument);
    return (void *)(intptr_t)b.start(b.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
    struct beginning *b = malloc(sizeof *b);
    if (!b)
        return thrd_nomem;
    *b = (struct beginning){start, argument};
    int r = pthread_create(thread, NULL, begin, b);
    if (r)
        free(b);
    return outcome(r);
}

thrd_t thrd_current(void)
{
    return pthread_self();
}

int thrd_detach(thrd_t thread)
{
    return outcome(pthread_detach(thread));
}

int thrd_equal(thrd_t a, thrd_t b)
{
    return a == b;
}

void thrd_exit(int result)
{
    pthread_exit((void *)(intptr_t)result);
}

int thrd_join(thrd_t thread, int *result)
{
    void *value;
    int r = pthread_join(thread, &value);
    if (!r && result)
        *result = (intptr_t)value;
    return outcome(r);
}

// -1 when a signal ended it, something less for another error.
int thrd_sleep(const struct timespec *ts, struct timespec *left)
{
    int r = clock_nanosleep(CLOCK_REALTIME, 0, ts, left);
    return r == 0 ? 0 : r == EINTR ? -1 : -2;
}

void thrd_yield(void)
{
    sched_yield();
}

// -------------------------------------------------------------------- mutex

int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    return outcome(pthread_mutex_init(m, &attr));
}

void mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy(m);
}

int mtx_lock(mtx_t *m)
{
    return outcome(pthread_mutex_lock(m));
}

int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict until)
{
    return outcome(pthread_mutex_timedlock(m, until));
}

int mtx_trylock(mtx_t *m)
{
    return outcome(pthread_mutex_trylock(m));
}

int mtx_unlock(mtx_t *m)
{
    return outcome(pthread_mutex_unlock(m));
}

// ---------------------------------------------------------------- condition

int cnd_init(cnd_t *c)
{
    return outcome(pthread_cond_init(c, NULL));
}

void cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy(c);
}

int cnd_signal(cnd_t *c)
{
    return outcome(pthread_cond_signal(c));
}

int cnd_broadcast(cnd_t *c)
{
    return outcome(pthread_cond_broadcast(c));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
    return outcome(pthread_cond_wait(c, m));
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m,
                  const struct timespec *restrict until)
{
    return outcome(pthread_cond_timedwait(c, m, until));
}

// ------------------------------------------------------------------ storage

int tss_create(tss_t *key, tss_dtor_t destroy)
{
    return outcome(pthread_key_create(key, destroy));
}

void tss_delete(tss_t key)
{
    pthread_key_delete(key);
}

void *tss_get(tss_t key)
{
    return pthread_getspecific(key);
}

int tss_set(tss_t key, void *value)
{
    return outcome(pthread_setspecific(key, value));
}
