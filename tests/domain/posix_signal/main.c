// SPDX-License-Identifier: ISC
// Signals: handlers, masks, alarms, and what they do to calls that wait.
#include "tests/domain/check.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t got[NSIG], in_thread;
static void count(int sig)
{
    got[sig]++;
}

static void set(int sig, void (*handler)(int), int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&a.sa_mask);
    CHECK(!sigaction(sig, &a, NULL));
}

static void alarm_ms(long first, long then)
{
    struct itimerval t = {{0, then * 1000}, {0, first * 1000}};
    CHECK(!setitimer(ITIMER_REAL, &t, NULL));
}

static sigjmp_buf out;
static void jump(int sig)
{
    siglongjmp(out, sig);
}

static void nested(int sig)
{
    got[sig]++;
    if (got[sig] == 1)
        raise(sig); // not before this one has returned
    CHECK(got[sig] == 1 || got[sig] == 2);
}

static void *waits(void *argument)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR2);
    int sig;
    CHECK(!sigwait(&one, &sig) && sig == SIGUSR2);
    in_thread++;
    return argument;
}

static void *stays_blocked(void *argument)
{
    sigset_t all;
    sigfillset(&all);
    CHECK(!pthread_sigmask(SIG_SETMASK, &all, NULL));
    CHECK(!sem_wait(argument));
    return argument;
}

// Vector registers, interrupted by handlers that use them.
static volatile double sink;
static void uses_vectors(int sig)
{
    got[sig]++;
    for (int i = 0; i < 50; i++)
        sink = sink * 1.5 + i;
}

static int fds[2];
static void *write_after_alarm(void *argument)
{
    sigset_t all;
    sigfillset(&all);
    CHECK(!pthread_sigmask(SIG_SETMASK, &all, NULL));
    while (!got[SIGALRM])
        usleep(1000);
    CHECK(write(fds[1], "x", 1) == 1);
    return argument;
}

int main(void)
{
    CHECK(signal(SIGUSR1, count) == SIG_DFL && signal(SIGUSR1, count) == count);
    CHECK(!raise(SIGUSR1) && got[SIGUSR1] == 1);
    CHECK(!kill(getpid(), SIGUSR1) && got[SIGUSR1] == 2);
    CHECK(signal(SIGKILL, count) == SIG_ERR && errno == EINVAL);
    CHECK(!kill(getpid(), SIGCHLD) && !kill(getpid(), 0));

    sigset_t set1, old;
    sigemptyset(&set1);
    sigaddset(&set1, SIGUSR1);
    CHECK(!sigprocmask(SIG_BLOCK, &set1, &old) && !old);
    CHECK(!raise(SIGUSR1) && !raise(SIGUSR1) && got[SIGUSR1] == 2);
    CHECK(!sigpending(&old) && sigismember(&old, SIGUSR1) == 1);
    CHECK(!sigprocmask(SIG_UNBLOCK, &set1, NULL) && got[SIGUSR1] == 3);

    set(SIGUSR1, nested, 0);
    got[SIGUSR1] = 0;
    CHECK(!raise(SIGUSR1) && got[SIGUSR1] == 2);

    // An alarm ends a sleep and a pause, and interrupts a loop.
    set(SIGALRM, count, 0);
    struct timespec second = {5, 0}, left;
    // (Again and again, for one may come before the wait has begun.)
    alarm_ms(5, 5);
    errno = 0;
    CHECK(nanosleep(&second, &left) == -1 && errno == EINTR);
    CHECK(got[SIGALRM] >= 1 && left.tv_sec < 5);
    CHECK(pause() == -1 && errno == EINTR && got[SIGALRM] >= 2);
    got[SIGALRM] = 0;
    while (!got[SIGALRM])
        continue;
    alarm_ms(0, 0);
    CHECK(alarm(1000) == 0 && alarm(0) > 500);

    // Repeated ones, while the program computes.
    set(SIGALRM, uses_vectors, 0);
    got[SIGALRM] = 0;
    alarm_ms(2, 1);
    while (got[SIGALRM] < 50) {
        double d = 0;
        for (int i = 1; i <= 1000; i++)
            d += i * 0.5;
        CHECK(d == 250250.0);
    }
    alarm_ms(0, 0);

    // SA_RESTART: the read goes on, and gets what comes after the signal.
    char c = 0;
    pthread_t late;
    CHECK(!pipe(fds));
    set(SIGALRM, count, SA_RESTART);
    got[SIGALRM] = 0;
    CHECK(!pthread_create(&late, NULL, write_after_alarm, NULL));
    alarm_ms(5, 0);
    CHECK(read(fds[0], &c, 1) == 1 && c == 'x' && got[SIGALRM] == 1);
    CHECK(!pthread_join(late, NULL));
    // Without: it does not.
    set(SIGALRM, count, 0);
    alarm_ms(5, 5);
    errno = 0;
    CHECK(read(fds[0], &c, 1) == -1 && errno == EINTR);
    alarm_ms(0, 0);

    // A jump out of a handler, again and again.
    set(SIGALRM, jump, 0);
    for (volatile int i = 0; i < 5; i++) {
        if (!sigsetjmp(out, 1)) { // before the alarm can come
            alarm_ms(2, 0);
            for (;;)
                continue;
        }
    }

    // To a thread, and past one that blocks.
    pthread_t t, blocked;
    sem_t sem;
    CHECK(!sem_init(&sem, 0, 0));
    CHECK(!pthread_create(&blocked, NULL, stays_blocked, &sem));
    CHECK(!pthread_create(&t, NULL, waits, NULL));
    usleep(5000);
    set(SIGUSR2, count, 0);
    CHECK(!pthread_kill(t, SIGUSR2));
    CHECK(!pthread_join(t, NULL) && in_thread == 1 && !got[SIGUSR2]);
    CHECK(!kill(getpid(), SIGUSR2) && got[SIGUSR2] == 1);
    CHECK(!sem_post(&sem) && !pthread_join(blocked, NULL));

    struct timespec short_time = {0, 3000000};
    sigemptyset(&set1);
    sigaddset(&set1, SIGUSR2);
    CHECK(sigtimedwait(&set1, NULL, &short_time) == -1 && errno == EAGAIN);
    return 0;
}
