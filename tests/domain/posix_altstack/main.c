// SPDX-License-Identifier: ISC
// Alternate stacks: a stack that has overflowed is dealt with, again and again,
// in the first thread and in others; what sigaltstack says and refuses; and the
// end of a program that has none.
#include "tests/domain/check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#define SIZE  SIGSTKSZ
#define TIMES 20

static __thread sigjmp_buf back;
static __thread char *mine;
static __thread int on_mine, flags_seen;

static void look(void)
{
    char here;
    stack_t now, none = {.ss_flags = SS_DISABLE};
    on_mine = &here > mine && &here < mine + SIZE;
    CHECK(!sigaltstack(NULL, &now));
    flags_seen = now.ss_flags;
    errno = 0;
    if (on_mine)
        CHECK(sigaltstack(&none, NULL) < 0 && errno == EPERM);
}

static void leave(int sig, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(sig == SIGSEGV && info->si_signo == SIGSEGV);
    look();
    sched_yield();
    siglongjmp(back, 1);
}

static void mend(int sig)
{
    (void)sig;
    look();
}

static volatile int deeper_than;
static int dig(int depth)
{
    volatile char room[512];
    memset((char *)room, depth, sizeof room);
    if (depth < deeper_than)
        return 0;
    return dig(depth + 1) + room[depth % 512];
}

static void stack_set(char *stack)
{
    stack_t s = {.ss_sp = stack, .ss_size = SIZE}, old;
    CHECK(!sigaltstack(&s, &old) && old.ss_flags == SS_DISABLE);
    CHECK(!sigaltstack(NULL, &old) && old.ss_sp == stack &&
          old.ss_size == SIZE && !old.ss_flags);
    mine = stack;
}

static void overflow_often(void)
{
    for (volatile int i = 0; i < TIMES; i++) {
        on_mine = flags_seen = 0;
        if (!sigsetjmp(back, 1)) {
            dig(1);
            CHECK(!"reached");
        }
        CHECK(on_mine && flags_seen == SS_ONSTACK);
        sched_yield();
    }
}

static void *other(void *argument)
{
    (void)argument;
    char *stack = malloc(SIZE);
    CHECK(stack);
    stack_set(stack);
    overflow_often();
    stack_t none = {.ss_flags = SS_DISABLE};
    CHECK(!sigaltstack(&none, NULL));
    free(stack);
    return NULL;
}

static void handle(int sig, void (*handler)(int), int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
    CHECK(!sigaction(sig, &a, NULL));
}

int main(void)
{
    static char stack[SIZE];
    stack_t s = {.ss_sp = stack, .ss_size = MINSIGSTKSZ - 1}, old;
    CHECK(sigaltstack(&s, NULL) < 0 && errno == ENOMEM);
    s = (stack_t){.ss_sp = stack, .ss_size = SIZE, .ss_flags = 0x40};
    CHECK(sigaltstack(&s, NULL) < 0 && errno == EINVAL);
    CHECK(!sigaltstack(NULL, &old) && old.ss_flags == SS_DISABLE);

    struct sigaction a = {.sa_sigaction = leave,
                          .sa_flags = SA_SIGINFO | SA_ONSTACK};
    CHECK(!sigaction(SIGSEGV, &a, NULL));
    stack_set(stack);
    overflow_often();

    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        CHECK(!pthread_create(&t[i], NULL, other, NULL));
    overflow_often();
    for (int i = 0; i < 4; i++)
        CHECK(!pthread_join(t[i], NULL));

    // A signal that was sent goes there when its handler asks for it.
    handle(SIGUSR1, mend, SA_ONSTACK);
    on_mine = 0;
    CHECK(!raise(SIGUSR1) && on_mine && flags_seen == SS_ONSTACK);
    handle(SIGUSR1, mend, 0);
    CHECK(!raise(SIGUSR1) && !on_mine && !flags_seen);

    // Without one, the handler has no stack.
    stack_t none = {.ss_flags = SS_DISABLE};
    CHECK(!sigaltstack(&none, &old) && old.ss_sp == stack);
    puts("and now without");
    fflush(stdout);
    dig(1);
    return 0;
}
