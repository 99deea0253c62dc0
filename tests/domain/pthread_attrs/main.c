// SPDX-License-Identifier: ISC
// Attributes: what is set is what one gets, what is wrong is refused, and what
// matters is as they say.
#include "tests/domain/check.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define SIZE (128ul << 10)

static void *body(void *argument)
{
    return argument;
}

// ------------------------------------------------------------------- guards

static sigjmp_buf fault;
static void on_fault(int sig)
{
    (void)sig;
    siglongjmp(fault, 1);
}

static int faults(volatile char *at)
{
    if (sigsetjmp(fault, 1))
        return 1;
    *at = 1;
    return 0;
}

static void *guarded(void *guard)
{
    pthread_attr_t attr;
    void *stack;
    size_t len, guard_len;
    CHECK(!pthread_getattr_np(pthread_self(), &attr));
    CHECK(!pthread_attr_getstack(&attr, &stack, &len));
    CHECK(!pthread_attr_getguardsize(&attr, &guard_len));
    CHECK(guard_len == (size_t)guard);
    volatile char *lowest = stack;
    char here;
    CHECK(&here >= lowest && &here < lowest + len);
    CHECK(!faults(lowest)); // its last byte is its own
    for (size_t down = 1; down <= guard_len; down += 512)
        CHECK(faults(lowest - down)); // all of the guard is no one's
    return NULL;
}

static void guards(void)
{
    pthread_attr_t attr;
    pthread_t t;
    struct sigaction a = {.sa_handler = on_fault};
    CHECK(!sigaction(SIGSEGV, &a, NULL));
    CHECK(!pthread_create(&t, NULL, guarded, (void *)4096));
    CHECK(!pthread_join(t, NULL));
    CHECK(!pthread_attr_init(&attr));
    static const size_t sizes[] = {0, 4096, 65536};
    for (int i = 0; i < 3; i++) {
        CHECK(!pthread_attr_setguardsize(&attr, sizes[i]));
        CHECK(!pthread_create(&t, &attr, guarded, (void *)sizes[i]));
        CHECK(!pthread_join(t, NULL));
    }
    CHECK(pthread_attr_setguardsize(&attr, -1ul) == EINVAL);
}

// ------------------------------------------------------------------- values

static void threads(void)
{
    pthread_attr_t attr;
    int i;
    size_t n;
    void *stack;
    struct sched_param param = {.sched_priority = 3}, got;
    CHECK(!pthread_attr_init(&attr));
    CHECK(!pthread_attr_getdetachstate(&attr, &i));
    CHECK(i == PTHREAD_CREATE_JOINABLE);
    CHECK(!pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
    CHECK(!pthread_attr_getdetachstate(&attr, &i));
    CHECK(i == PTHREAD_CREATE_DETACHED);
    CHECK(pthread_attr_setdetachstate(&attr, 77) == EINVAL);

    CHECK(!pthread_attr_setguardsize(&attr, 8192));
    CHECK(!pthread_attr_getguardsize(&attr, &n) && n == 8192);

    CHECK(!pthread_attr_getinheritsched(&attr, &i));
    CHECK(i == PTHREAD_INHERIT_SCHED);
    CHECK(!pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED));
    CHECK(!pthread_attr_getinheritsched(&attr, &i));
    CHECK(i == PTHREAD_EXPLICIT_SCHED);
    CHECK(pthread_attr_setinheritsched(&attr, 77) == EINVAL);

    CHECK(!pthread_attr_setschedpolicy(&attr, SCHED_RR));
    CHECK(!pthread_attr_getschedpolicy(&attr, &i) && i == SCHED_RR);
    CHECK(pthread_attr_setschedpolicy(&attr, 77) == EINVAL);
    CHECK(!pthread_attr_setschedparam(&attr, &param));
    CHECK(!pthread_attr_getschedparam(&attr, &got) && got.sched_priority == 3);
    param.sched_priority = 1000;
    CHECK(pthread_attr_setschedparam(&attr, &param) == EINVAL);

    CHECK(!pthread_attr_setscope(&attr, PTHREAD_SCOPE_SYSTEM));
    CHECK(!pthread_attr_getscope(&attr, &i) && i == PTHREAD_SCOPE_SYSTEM);
    CHECK(pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS) == ENOTSUP);

    CHECK(!pthread_attr_setstacksize(&attr, SIZE));
    CHECK(!pthread_attr_getstacksize(&attr, &n) && n == SIZE);
    CHECK(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN - 1) == EINVAL);
    static char room[SIZE] __attribute__((aligned(16)));
    CHECK(!pthread_attr_setstackaddr(&attr, room));
    CHECK(!pthread_attr_getstackaddr(&attr, &stack) && stack == room);
    CHECK(!pthread_attr_setstack(&attr, room, SIZE));
    CHECK(!pthread_attr_getstack(&attr, &stack, &n));
    CHECK(stack == room && n == SIZE);
    CHECK(!pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_JOINABLE));
    pthread_t t;
    void *r;
    CHECK(!pthread_create(&t, &attr, body, room));
    CHECK(!pthread_getschedparam(t, &i, &got));
    CHECK(i == SCHED_RR && got.sched_priority == 3);
    CHECK(!pthread_setschedprio(t, 4));
    CHECK(!pthread_getschedparam(t, &i, &got) && got.sched_priority == 4);
    CHECK(pthread_setschedprio(t, 1000) == EINVAL);
    CHECK(!pthread_join(t, &r) && r == room);
    CHECK(!pthread_attr_destroy(&attr));
}

static void objects(void)
{
    int i;
    pthread_mutexattr_t m;
    CHECK(!pthread_mutexattr_init(&m));
    CHECK(!pthread_mutexattr_gettype(&m, &i) && i == PTHREAD_MUTEX_DEFAULT);
    CHECK(!pthread_mutexattr_settype(&m, PTHREAD_MUTEX_RECURSIVE));
    CHECK(!pthread_mutexattr_gettype(&m, &i) && i == PTHREAD_MUTEX_RECURSIVE);
    CHECK(pthread_mutexattr_settype(&m, 77) == EINVAL);
    CHECK(!pthread_mutexattr_getprotocol(&m, &i) && i == PTHREAD_PRIO_NONE);
    CHECK(!pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_PRIVATE));
    CHECK(!pthread_mutexattr_getpshared(&m, &i) &&
          i == PTHREAD_PROCESS_PRIVATE);
    CHECK(pthread_mutexattr_setpshared(&m, 77) == EINVAL);
    CHECK(!pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST));
    CHECK(!pthread_mutexattr_getrobust(&m, &i));
    CHECK(pthread_mutexattr_setrobust(&m, 77) == EINVAL);
    pthread_mutex_t mutex;
    CHECK(!pthread_mutex_init(&mutex, &m));
    CHECK(pthread_mutex_consistent(&mutex) == EINVAL); // no owner has died
    CHECK(!pthread_mutex_destroy(&mutex) && !pthread_mutexattr_destroy(&m));

    pthread_condattr_t c;
    clockid_t clock;
    CHECK(!pthread_condattr_init(&c));
    CHECK(!pthread_condattr_getclock(&c, &clock) && clock == CLOCK_REALTIME);
    CHECK(!pthread_condattr_setclock(&c, CLOCK_MONOTONIC));
    CHECK(!pthread_condattr_getclock(&c, &clock) && clock == CLOCK_MONOTONIC);
    CHECK(pthread_condattr_setclock(&c, 77) == EINVAL);
    CHECK(!pthread_condattr_setpshared(&c, PTHREAD_PROCESS_PRIVATE));
    CHECK(!pthread_condattr_getpshared(&c, &i) && i == PTHREAD_PROCESS_PRIVATE);
    CHECK(pthread_condattr_setpshared(&c, 77) == EINVAL);
    CHECK(!pthread_condattr_destroy(&c));

    pthread_rwlockattr_t w;
    pthread_rwlock_t rw;
    CHECK(!pthread_rwlockattr_init(&w));
    CHECK(!pthread_rwlockattr_setpshared(&w, PTHREAD_PROCESS_PRIVATE));
    CHECK(!pthread_rwlockattr_getpshared(&w, &i) &&
          i == PTHREAD_PROCESS_PRIVATE);
    CHECK(pthread_rwlockattr_setpshared(&w, 77) == EINVAL);
    CHECK(!pthread_rwlock_init(&rw, &w) && !pthread_rwlock_destroy(&rw));
    CHECK(!pthread_rwlockattr_destroy(&w));

    pthread_barrierattr_t b;
    CHECK(!pthread_barrierattr_init(&b));
    CHECK(!pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_PRIVATE));
    CHECK(!pthread_barrierattr_getpshared(&b, &i) &&
          i == PTHREAD_PROCESS_PRIVATE);
    CHECK(pthread_barrierattr_setpshared(&b, 77) == EINVAL);
    CHECK(!pthread_barrierattr_destroy(&b));

    pthread_spinlock_t spin;
    CHECK(!pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
    CHECK(!pthread_spin_trylock(&spin) && pthread_spin_trylock(&spin) == EBUSY);
    CHECK(!pthread_spin_unlock(&spin) && !pthread_spin_destroy(&spin));

    CHECK(!pthread_setconcurrency(4) && pthread_setconcurrency(-1) == EINVAL);
    CHECK(pthread_getconcurrency() >= 0);
    CHECK(!pthread_atfork(NULL, NULL, NULL));
}

static void process(void)
{
    struct sched_param p = {.sched_priority = 2};
    struct timespec slice;
    CHECK(sched_getscheduler(0) == SCHED_OTHER);
    CHECK(sched_setscheduler(0, SCHED_RR, &p) != -1);
    CHECK(sched_getscheduler(0) == SCHED_RR);
    CHECK(!sched_getparam(0, &p) && p.sched_priority == 2);
    p.sched_priority = 3;
    CHECK(!sched_setparam(0, &p));
    p.sched_priority = 0;
    CHECK(!sched_getparam(0, &p) && p.sched_priority == 3);
    CHECK(sched_setscheduler(0, 77, &p) == -1 && errno == EINVAL);
    p.sched_priority = 1000;
    CHECK(sched_setparam(0, &p) == -1 && errno == EINVAL);
    CHECK(!sched_rr_get_interval(0, &slice));
    CHECK(slice.tv_sec == 0 && slice.tv_nsec == 4000000);
}

int main(void)
{
    guards();
    threads();
    objects();
    process();
    return 0;
}
