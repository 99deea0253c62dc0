// SPDX-License-Identifier: ISC
// Signals: the functions that posix_signal leaves out.
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t count, last;
static int pipes[2];

static void handler(int sig)
{
    count++;
    last = sig;
}

// Blocks it itself, so that it meets the one that waits.
static void *sender(void *sig)
{
    sigset_t all;
    sigfillset(&all);
    CHECK(!pthread_sigmask(SIG_SETMASK, &all, NULL));
    usleep(2000);
    while (!count) { // until it has met the wait
        kill(getpid(), (int)(intptr_t)sig);
        usleep(1000);
    }
    return NULL;
}

static void *writer(void *unused)
{
    sigset_t all;
    sigfillset(&all);
    CHECK(!pthread_sigmask(SIG_SETMASK, &all, NULL));
    usleep(2000);
    while (!count) {
        kill(getpid(), SIGUSR1);
        usleep(1000);
    }
    CHECK(write(pipes[1], "x", 1) == 1);
    return unused;
}

// Of the two, SA_RESTART alone goes on waiting.
static void interrupts(void)
{
    pthread_t t;
    char c;
    sigset_t set;
    CHECK(!pipe(pipes));
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);

    count = 0;
    CHECK(!siginterrupt(SIGUSR1, 0));
    CHECK(!pthread_create(&t, NULL, writer, NULL));
    CHECK(!pthread_kill(t, 0));
    CHECK(read(pipes[0], &c, 1) == 1);
    CHECK(!pthread_join(t, NULL));

    count = 0;
    CHECK(!siginterrupt(SIGUSR1, 1));
    CHECK(!pthread_create(&t, NULL, sender, (void *)SIGUSR1));
    CHECK(read(pipes[0], &c, 1) == -1 && errno == EINTR);
    CHECK(!pthread_join(t, NULL));
    CHECK(siginterrupt(999, 1) == -1 && errno == EINVAL);
}

static void waits(void)
{
    sigset_t set, all, old;
    siginfo_t info;
    sigfillset(&all);
    CHECK(!sigdelset(&all, SIGUSR1) && !sigismember(&all, SIGUSR1));
    CHECK(sigismember(&all, SIGUSR2) && sigdelset(&all, 999) == -1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(!sigprocmask(SIG_BLOCK, &set, &old));
    count = 0;
    CHECK(!raise(SIGUSR1) && !count);
    CHECK(sigsuspend(&all) == -1 && errno == EINTR && count == 1);
    CHECK(!sigprocmask(SIG_SETMASK, NULL, &all) && sigismember(&all, SIGUSR1));

    CHECK(!sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 5}));
    CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && count == 1);
    CHECK(info.si_signo == SIGUSR1 && info.si_value.sival_int == 5);
    CHECK(!sigprocmask(SIG_SETMASK, &old, NULL));
    CHECK(!killpg(getpgrp(), SIGUSR1) && count == 2);
}

static void timers(void)
{
    struct itimerval set = {{0, 0}, {1000, 0}}, got, alarm_soon = {{0}, {0, 1}};
    CHECK(!setitimer(ITIMER_REAL, &set, NULL));
    CHECK(!getitimer(ITIMER_REAL, &got));
    CHECK(got.it_value.tv_sec > 0 && got.it_value.tv_sec <= 1000);
    CHECK(got.it_interval.tv_sec == 0 && got.it_interval.tv_usec == 0);
    CHECK(signal(SIGALRM, handler) != SIG_ERR);
    count = 0;
    CHECK(!setitimer(ITIMER_REAL, &alarm_soon, NULL));
    while (!count)
        sched_yield();
    CHECK(last == SIGALRM);
    CHECK(!getitimer(ITIMER_REAL, &got) && !got.it_value.tv_sec &&
          !got.it_value.tv_usec);
}

// What is said of them goes to standard error: a file, for a while.
static void words(void)
{
    CHECK(strsignal(SIGTERM) && strlen(strsignal(SIGTERM)) > 3);
    CHECK(strcmp(strsignal(SIGTERM), strsignal(SIGINT)));
    int fd = open("/tmp/err", O_RDWR | O_CREAT | O_TRUNC, 0600), old = dup(2);
    CHECK(dup2(fd, 2) == 2);
    siginfo_t info = {.si_signo = SIGINT};
    psignal(SIGTERM, "first");
    psiginfo(&info, "second");
    fflush(stderr);
    CHECK(dup2(old, 2) == 2);
    char text[200] = "", want[200];
    CHECK(pread(fd, text, sizeof text - 1, 0) > 0);
    snprintf(want, sizeof want, "first: %s\n", strsignal(SIGTERM));
    CHECK(!strncmp(text, want, strlen(want)));
    CHECK(strstr(text, "second: "));
}

int main(void)
{
    interrupts();
    waits();
    timers();
    words();
    return 0;
}
