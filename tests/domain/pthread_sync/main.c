// SPDX-License-Identifier: ISC
// Read-write locks, barriers, once, semaphores, spin locks, keys.
#include "tests/domain/check.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#define THREADS 6
#define ROUNDS  3000

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static volatile long a, b;
static volatile int readers, most_readers;

static void *write_both(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(!pthread_rwlock_wrlock(&rw));
        CHECK(!readers);
        a++;
        if (i % 100 == 0)
            sched_yield();
        b++;
        CHECK(!pthread_rwlock_unlock(&rw));
    }
    return argument;
}

static void *read_both(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(!pthread_rwlock_rdlock(&rw));
        int n = __atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED);
        if (n > most_readers)
            most_readers = n;
        long seen = a;
        if (i % 100 == 0)
            sched_yield();
        CHECK(seen == b && seen == a);
        __atomic_sub_fetch(&readers, 1, __ATOMIC_RELAXED);
        CHECK(!pthread_rwlock_unlock(&rw));
    }
    return argument;
}

static struct timespec soon(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_nsec += 3000000;
    if (ts.tv_nsec >= 1000000000)
        ts.tv_sec++, ts.tv_nsec -= 1000000000;
    return ts;
}

static void *refused(void *argument)
{
    struct timespec until = soon();
    CHECK(pthread_rwlock_trywrlock(&rw) == EBUSY);
    CHECK(pthread_rwlock_timedwrlock(&rw, &until) == ETIMEDOUT);
    if (argument) {
        CHECK(pthread_rwlock_tryrdlock(&rw) == EBUSY);
        until = soon();
        CHECK(pthread_rwlock_timedrdlock(&rw, &until) == ETIMEDOUT);
    } else {
        CHECK(!pthread_rwlock_tryrdlock(&rw) && !pthread_rwlock_unlock(&rw));
    }
    return NULL;
}

static void run(void *(*f)(void *), void *argument)
{
    pthread_t t;
    CHECK(!pthread_create(&t, NULL, f, argument));
    CHECK(!pthread_join(t, NULL));
}

static pthread_barrier_t barrier;
static int phase[THREADS], serial;

static void *phases(void *argument)
{
    intptr_t me = (intptr_t)argument;
    for (int i = 0; i < 200; i++) {
        phase[me] = i;
        int r = pthread_barrier_wait(&barrier);
        CHECK(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD);
        if (r)
            __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
        for (int j = 0; j < THREADS; j++)
            CHECK(phase[j] == i);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static volatile int once_ran;
static void slow_start(void)
{
    usleep(5000);
    once_ran++;
}
static void *use_once(void *argument)
{
    CHECK(!pthread_once(&once, slow_start));
    CHECK(once_ran == 1);
    return argument;
}

static pthread_spinlock_t spin;
static long spun;
static void *spins(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(!pthread_spin_lock(&spin));
        long seen = spun;
        for (volatile int n = 0; n < 30; n++)
            continue;
        spun = seen + 1;
        CHECK(!pthread_spin_unlock(&spin));
    }
    return argument;
}

static void all(void *(*f)(void *))
{
    pthread_t t[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&t[i], NULL, f, (void *)i));
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(t[i], NULL));
}

static sem_t key_set, key_made;
static void *sets_key(void *key)
{
    CHECK(!pthread_setspecific(*(pthread_key_t *)key, "mine"));
    CHECK(!sem_post(&key_set) && !sem_wait(&key_made));
    CHECK(!pthread_getspecific(*(pthread_key_t *)key));
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&t[i], NULL, i < 2 ? write_both : read_both,
                              NULL));
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(t[i], NULL));
    CHECK(a == 2 * ROUNDS && b == a && most_readers > 1);

    CHECK(!pthread_rwlock_rdlock(&rw));
    run(refused, NULL);
    CHECK(!pthread_rwlock_unlock(&rw));
    CHECK(!pthread_rwlock_wrlock(&rw));
    CHECK(pthread_rwlock_wrlock(&rw) == EDEADLK);
    run(refused, &rw);
    CHECK(pthread_rwlock_destroy(&rw) == EBUSY);
    CHECK(!pthread_rwlock_unlock(&rw) && !pthread_rwlock_destroy(&rw));

    CHECK(pthread_barrier_init(&barrier, NULL, 0) == EINVAL);
    CHECK(!pthread_barrier_init(&barrier, NULL, THREADS));
    all(phases);
    CHECK(serial == 200 && !pthread_barrier_destroy(&barrier));

    all(use_once);
    CHECK(once_ran == 1);

    CHECK(!pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
    all(spins);
    CHECK(spun == THREADS * ROUNDS);

    sem_t sem;
    int value;
    CHECK(!sem_init(&sem, 0, 2));
    CHECK(!sem_wait(&sem) && !sem_trywait(&sem));
    errno = 0;
    CHECK(sem_trywait(&sem) == -1 && errno == EAGAIN);
    struct timespec until = soon();
    CHECK(sem_timedwait(&sem, &until) == -1 && errno == ETIMEDOUT);
    CHECK(!sem_post(&sem) && !sem_getvalue(&sem, &value) && value == 1);
    CHECK(!sem_destroy(&sem));

    // A key that is made again is empty in every thread.
    pthread_key_t key, again;
    CHECK(!pthread_key_create(&key, NULL));
    CHECK(!sem_init(&key_set, 0, 0) && !sem_init(&key_made, 0, 0));
    CHECK(!pthread_create(&t[0], NULL, sets_key, &key));
    CHECK(!sem_wait(&key_set));
    CHECK(!pthread_key_delete(key) && pthread_setspecific(key, "") == EINVAL);
    CHECK(!pthread_key_create(&again, NULL) && again == key);
    CHECK(!sem_post(&key_made));
    CHECK(!pthread_join(t[0], NULL));
    return 0;
}
