// timer_create and its like: by signal with a value, by a function, or silent.
#include "tests/domain/check.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static volatile int rang, value;
static sem_t told;

static void on_signal(int sig, siginfo_t *info, void *unused)
{
    (void)unused;
    if (sig == SIGUSR1 && info->si_code == SI_TIMER) {
        rang++;
        value = info->si_value.sival_int;
    }
    if (sig == SIGUSR2 && info->si_code == SI_QUEUE)
        value = info->si_value.sival_int;
}

static void on_time(union sigval v)
{
    CHECK(v.sival_ptr == &told);
    sem_post(&told);
}

int main(void)
{
    timer_t id, silent, function;
    struct itimerspec ms = {.it_value = {0, 1000000}}, now;
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL), sigaction(SIGUSR2, &action, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo = SIGUSR1,
                             .sigev_value.sival_int = 77};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &id) == 0);
    CHECK(timer_settime(id, 0, &ms, NULL) == 0);
    while (!rang)
        pause();
    CHECK(value == 77 && rang == 1 && timer_getoverrun(id) == 0);
    CHECK(timer_gettime(id, &now) == 0 && !now.it_value.tv_nsec);

    ms.it_interval.tv_nsec = 1000000; // and again
    CHECK(timer_settime(id, 0, &ms, NULL) == 0);
    while (rang < 4)
        pause();
    CHECK(timer_gettime(id, &now) == 0 && now.it_interval.tv_nsec == 1000000);
    CHECK(timer_delete(id) == 0);
    CHECK(timer_delete(id) == -1 && errno == EINVAL);

    // At a point in time that is over: at once.
    event.sigev_value.sival_int = 78;
    CHECK(timer_create(CLOCK_REALTIME, &event, &id) == 0);
    struct itimerspec past = {.it_value = {1, 0}};
    CHECK(timer_settime(id, TIMER_ABSTIME, &past, NULL) == 0);
    while (value != 78)
        pause();

    event.sigev_notify = SIGEV_NONE;
    struct itimerspec hour = {.it_value = {3600, 0}}, old;
    CHECK(timer_create(CLOCK_REALTIME, &event, &silent) == 0);
    CHECK(timer_settime(silent, 0, &hour, &old) == 0 && !old.it_value.tv_sec);
    CHECK(timer_gettime(silent, &now) == 0 && now.it_value.tv_sec >= 3000);
    CHECK(timer_settime(silent, 0, &(struct itimerspec){0}, &old) == 0 &&
          old.it_value.tv_sec >= 3000);

    sem_init(&told, 0, 0);
    event = (struct sigevent){.sigev_notify = SIGEV_THREAD,
                              .sigev_value.sival_ptr = &told,
                              .sigev_notify_function = on_time};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &function) == 0);
    CHECK(timer_settime(function, 0, &ms, NULL) == 0);
    for (int i = 0; i < 3; i++)
        while (sem_wait(&told) < 0)
            CHECK(errno == EINTR);
    CHECK(timer_delete(function) == 0);

    // Bad ones.
    event.sigev_notify_function = NULL;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &id) == -1 && errno == EINVAL);
    CHECK(timer_create(CLOCK_PROCESS_CPUTIME_ID, NULL, &id) == -1);
    hour.it_value.tv_nsec = -1;
    CHECK(timer_settime(silent, 0, &hour, NULL) == -1 && errno == EINVAL);
    CHECK(timer_settime(9999, 0, &ms, NULL) == -1 && errno == EINVAL);

    CHECK(sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 5}) == 0);
    while (value != 5)
        usleep(1000);
    CHECK(sigqueue(getpid(), 999, (union sigval){0}) == -1 && errno == EINVAL);

    // Time of processors.
    clockid_t clock;
    struct timespec t1, t2;
    CHECK(clock_getcpuclockid(0, &clock) == 0);
    CHECK(clock_gettime(clock, &t1) == 0);
    for (volatile int i = 0; i < 3000000; i++)
        continue;
    CHECK(clock_gettime(clock, &t2) == 0);
    CHECK(t2.tv_sec > t1.tv_sec || t2.tv_nsec > t1.tv_nsec);
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1) == 0 &&
          (t1.tv_sec || t1.tv_nsec));
    return 0;
}
