// SPDX-License-Identifier: ISC
// Cancellation: in each kind of wait, before one, put off, forbidden, anywhere;
// handlers run in order and with the mutex held.
#include "tests/domain/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t none;
static int empty[2], full[2], sockets[2], listener, datagram, events, counter;
static pthread_t sleeper; // never ends
static volatile int cleaned, order[4], reached;

static void clean(void *argument)
{
    order[cleaned++ & 3] = (int)(intptr_t)argument;
}

// ------------------------------------------------------------- kinds of wait

static char byte[8];
static struct iovec part = {byte, 1};

static void wait_read(void)
{
    read(empty[0], byte, 1);
}
static void wait_readv(void)
{
    readv(empty[0], &part, 1);
}
static void wait_write(void)
{
    static char much[1 << 17];
    for (;;) // what has gone in counts, so the first may return
        write(full[1], much, sizeof much);
}
static void wait_poll(void)
{
    struct pollfd p = {empty[0], POLLIN, 0};
    poll(&p, 1, -1);
}
static void wait_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(empty[0], &set);
    select(empty[0] + 1, &set, NULL, NULL, NULL);
}
static void wait_pselect(void)
{
    sigset_t mask;
    sigfillset(&mask);
    pselect(0, NULL, NULL, NULL, NULL, &mask);
}
static void wait_epoll(void)
{
    struct epoll_event e;
    epoll_wait(events, &e, 1, -1);
}
static void wait_eventfd(void)
{
    read(counter, byte, 8);
}
static void wait_sleep(void)
{
    sleep(100000);
}
static void wait_usleep(void)
{
    usleep(UINT32_MAX);
}
static void wait_nanosleep(void)
{
    struct timespec ts = {100000, 0};
    nanosleep(&ts, NULL);
}
static void wait_pause(void)
{
    pause();
}
static void wait_sigwait(void)
{
    sigset_t set;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigwait(&set, &sig);
}
static void wait_sigtimedwait(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigtimedwait(&set, NULL, NULL);
}
static void wait_sem(void)
{
    sem_wait(&none);
}
static void wait_sem_timed(void)
{
    struct timespec ts = {INT32_MAX, 0};
    sem_timedwait(&none, &ts);
}
static void wait_join(void)
{
    pthread_join(sleeper, NULL);
}
static void wait_accept(void)
{
    accept(listener, NULL, NULL);
}
static void wait_recv(void)
{
    recv(sockets[0], byte, 1, 0);
}
static void wait_recvfrom(void)
{
    recvfrom(datagram, byte, 1, 0, NULL, NULL);
}
static void wait_recvmsg(void)
{
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    recvmsg(datagram, &m, 0);
}
static void wait_send(void)
{
    static char much[1 << 20];
    for (;;)
        send(sockets[0], much, sizeof much, 0);
}
static void test_only(void)
{
    for (;;)
        pthread_testcancel();
}

static void (*const waits[])(void) = {
    wait_read,      wait_readv, wait_write,   wait_poll,         wait_select,
    wait_pselect,   wait_epoll, wait_eventfd, wait_sleep,        wait_usleep,
    wait_nanosleep, wait_pause, wait_sigwait, wait_sigtimedwait, wait_sem,
    wait_sem_timed, wait_join,  wait_accept,  wait_recv,         wait_recvfrom,
    wait_recvmsg,   wait_send,  test_only,
};

static void *waiter(void *argument)
{
    void (*wait)(void) = *(void (*const *)(void))argument;
    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)2);
    reached = 1;
    wait();
    CHECK(!"it has ended");
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void try(pthread_t t)
{
    void *result;
    CHECK(!pthread_cancel(t));
    CHECK(!pthread_join(t, &result));
    CHECK(result == PTHREAD_CANCELED);
}

static void try_waits(void)
{
    for (unsigned i = 0; i < sizeof waits / sizeof *waits; i++) {
        for (int early = 0; early < 2; early++) {
            pthread_t t;
            reached = cleaned = 0;
            CHECK(!pthread_create(&t, NULL, waiter, (void *)&waits[i]));
            while (!early && !reached)
                sched_yield();
            if (!early)
                usleep(2000); // so that it sleeps, most likely
            try(t);
            // The thread may have ended in the point before; where it began
            // there are its handlers, the latest first.
            CHECK(cleaned == 2 || (early && !reached));
            CHECK(!cleaned || (order[0] == 2 && order[1] == 1));
        }
    }
}

// --------------------------------------------------------- condition variables

static void unlock(void *m)
{
    CHECK(pthread_mutex_unlock(m) == 0);
    cleaned++;
}

static void *cond_waiter(void *timed)
{
    struct timespec until = {INT32_MAX, 0};
    CHECK(!pthread_mutex_lock(&mutex));
    pthread_cleanup_push(unlock, &mutex);
    reached = 1;
    for (;;)
        if (timed)
            pthread_cond_timedwait(&cond, &mutex, &until);
        else
            pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(1);
    return NULL;
}

static void try_cond(void)
{
    pthread_mutexattr_t attr;
    CHECK(!pthread_mutexattr_init(&attr));
    CHECK(!pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK));
    for (int i = 0; i < 4; i++) {
        pthread_t t;
        if (i == 2)
            CHECK(!pthread_mutex_init(&mutex, &attr));
        reached = cleaned = 0;
        CHECK(
            !pthread_create(&t, NULL, cond_waiter, (void *)(intptr_t)(i & 1)));
        while (!reached)
            sched_yield();
        try(t);
        CHECK(cleaned == 1);
        CHECK(!pthread_mutex_trylock(&mutex)); // the handler has given it back
        CHECK(!pthread_mutex_unlock(&mutex));
    }
}

// A mutex is no point: who waits for one goes on, and ends in the next.
static void *mutex_waiter(void *unused)
{
    reached = 1;
    CHECK(!pthread_mutex_lock(&mutex));
    reached = 2;
    CHECK(!pthread_mutex_unlock(&mutex));
    for (;;)
        pause();
    return unused;
}

static void try_mutex(void)
{
    pthread_t t;
    reached = 0;
    CHECK(!pthread_mutex_lock(&mutex));
    CHECK(!pthread_create(&t, NULL, mutex_waiter, NULL));
    while (!reached)
        sched_yield();
    usleep(1000);
    CHECK(!pthread_cancel(t));
    usleep(1000);
    CHECK(reached == 1);
    CHECK(!pthread_mutex_unlock(&mutex));
    void *result;
    CHECK(!pthread_join(t, &result) && result == PTHREAD_CANCELED);
    CHECK(reached == 2);
}

// ------------------------------------------------------------- state and type

static void *forbidden(void *unused)
{
    int old;
    CHECK(!pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
    CHECK(old == PTHREAD_CANCEL_ENABLE);
    CHECK(pthread_setcancelstate(7, &old) == EINVAL);
    reached = 1;
    CHECK(read(empty[0], byte, 1) == 1); // which main writes later
    pthread_testcancel();
    CHECK(!pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old));
    CHECK(old == PTHREAD_CANCEL_DISABLE);
    reached = 2;
    pthread_testcancel();
    CHECK(!"it has gone on");
    return unused;
}

static void *anywhere(void *unused)
{
    int old;
    CHECK(pthread_setcanceltype(7, &old) == EINVAL);
    CHECK(!pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
    CHECK(old == PTHREAD_CANCEL_DEFERRED);
    pthread_cleanup_push(clean, (void *)1);
    for (reached = 1;;)
        __asm__ volatile("");
    pthread_cleanup_pop(0);
    return unused;
}

static void *itself(void *unused)
{
    CHECK(!pthread_cancel(pthread_self()));
    reached = 1; // not a point
    close(-1);
    CHECK(!"it has gone on");
    return unused;
}

static void try_states(void)
{
    pthread_t t;
    void *result;
    reached = 0;
    CHECK(!pthread_create(&t, NULL, forbidden, NULL));
    while (!reached)
        sched_yield();
    CHECK(!pthread_cancel(t));
    usleep(1000);
    CHECK(reached == 1);
    CHECK(write(empty[1], "x", 1) == 1);
    CHECK(!pthread_join(t, &result) && result == PTHREAD_CANCELED);
    CHECK(reached == 2);

    reached = cleaned = 0;
    CHECK(!pthread_create(&t, NULL, anywhere, NULL));
    while (!reached)
        sched_yield();
    try(t);
    CHECK(cleaned == 1);

    CHECK(!pthread_create(&t, NULL, itself, NULL));
    CHECK(!pthread_join(t, &result) && result == PTHREAD_CANCELED);
}

// ------------------------------------------------------------- what is called

static pthread_once_t once = PTHREAD_ONCE_INIT;
static volatile int once_runs;

static void once_slow(void)
{
    if (once_runs++ == 0)
        pause();
}

static void *once_caller(void *unused)
{
    pthread_once(&once, once_slow);
    return unused;
}

// Handlers may wait; a cancelled thread is not cancelled in them again.
static void slow_clean(void *unused)
{
    (void)unused;
    usleep(1000);
    pthread_testcancel();
    cleaned++;
}

static void *slow(void *unused)
{
    pthread_cleanup_push(slow_clean, NULL);
    pthread_cleanup_push(slow_clean, NULL);
    reached = 1;
    pause();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return unused;
}

static pthread_key_t key;
static volatile int destroyed;
static void destroy(void *value)
{
    destroyed = (int)(intptr_t)value;
}
static void *with_key(void *unused)
{
    CHECK(!pthread_setspecific(key, (void *)5));
    // stdio holds a lock, so it is no point: whatever it does is done.
    for (;;) {
        CHECK(fprintf(stdout, " ") == 1);
        pthread_testcancel();
        reached = 1;
    }
    return unused;
}

static void try_rest(void)
{
    pthread_t t;
    CHECK(!pthread_create(&t, NULL, once_caller, NULL));
    while (!once_runs)
        sched_yield();
    try(t);
    CHECK(!pthread_once(&once, once_slow));
    CHECK(once_runs == 2);

    reached = cleaned = 0;
    CHECK(!pthread_create(&t, NULL, slow, NULL));
    while (!reached)
        sched_yield();
    try(t);
    CHECK(cleaned == 2);

    reached = 0;
    CHECK(!pthread_key_create(&key, destroy));
    CHECK(!pthread_create(&t, NULL, with_key, NULL));
    while (!reached)
        sched_yield();
    try(t);
    CHECK(destroyed == 5);
    printf("\n"); // stdout's lock is free
}

static void *sleep_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

// Over and over, at whatever moment it comes.
static void try_many(void)
{
    for (int i = 0; i < 2000; i++) {
        pthread_t t;
        void (*const *wait)(void) = &waits[i % (sizeof waits / sizeof *waits)];
        CHECK(!pthread_create(&t, NULL, waiter, (void *)wait));
        for (int spin = i % 97 * 50; spin; spin--)
            __asm__ volatile("");
        if (i & 1)
            sched_yield();
        try(t);
    }
}

int main(void)
{
    CHECK(!pipe(empty) && !pipe(full));
    CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(!bind(listener, (struct sockaddr *)&any, sizeof any));
    CHECK(!listen(listener, 4));
    datagram = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(!bind(datagram, (struct sockaddr *)&any, sizeof any));
    events = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN};
    CHECK(!epoll_ctl(events, EPOLL_CTL_ADD, empty[0], &e));
    counter = eventfd(0, 0);
    CHECK(!sem_init(&none, 0, 0));
    CHECK(!pthread_create(&sleeper, NULL, sleep_for_ever, NULL));

    try_waits();
    try_cond();
    try_mutex();
    try_states();
    try_rest();
    try_many();
    return 0;
}
