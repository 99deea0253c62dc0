// SPDX-License-Identifier: ISC
// Traps as signals: where they happened, going on by siglongjmp, mending the
// cause and returning, and the end of a program without a handler.
#include "tests/domain/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

static sigjmp_buf back;
static volatile int sig_seen;
static void *volatile address_seen;

static void leave(int sig, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(info->si_signo == sig);
    sig_seen = sig;
    address_seen = info->si_addr;
    siglongjmp(back, 1);
}

static volatile int zero;
static volatile char *volatile nowhere = (char *)0x1234;

static void handle(int sig)
{
    struct sigaction a = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO};
    CHECK(!sigaction(sig, &a, NULL));
}

int main(void)
{
    handle(SIGSEGV);
    handle(SIGFPE);
    handle(SIGILL);
    for (int i = 0; i < 100; i++) {
        double d = i * 0.5;
        if (!sigsetjmp(back, 1)) {
            *nowhere = 1;
            CHECK(!"reached");
        }
        CHECK(sig_seen == SIGSEGV && address_seen == (void *)0x1234);
        if (!sigsetjmp(back, 1))
            zero = 100 / zero;
        CHECK(sig_seen == SIGFPE);
        if (!sigsetjmp(back, 1))
            __asm__ volatile("ud2");
        CHECK(sig_seen == SIGILL && d == i * 0.5);
    }
    static const char text[] = "constant";
    if (!sigsetjmp(back, 1))
        *(volatile char *)(uintptr_t)text = 'C';
    CHECK(sig_seen == SIGSEGV && address_seen == (void *)text);
    CHECK(!strcmp(text, "constant"));

    // The C library works afterwards, and so does the default.
    char *p = malloc(100000);
    CHECK(p);
    free(p);
    puts("and now without");
    fflush(stdout);
    CHECK(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
    *nowhere = 1;
    return 0;
}
