// SPDX-License-Identifier: ISC
// Signals as System V had them, and what says one in words.
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int change(int how, int sig)
{
    sigset_t set;
    sigemptyset(&set);
    return sigaddset(&set, sig) < 0 ? -1 : sigprocmask(how, &set, NULL);
}

int sighold(int sig)
{
    return change(SIG_BLOCK, sig);
}

int sigrelse(int sig)
{
    return change(SIG_UNBLOCK, sig);
}

int sigignore(int sig)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    return sigaction(sig, &action, NULL);
}

_sig_func_ptr sigset(int sig, _sig_func_ptr handler)
{
    sigset_t before;
    if (sigprocmask(SIG_BLOCK, NULL, &before) < 0)
        return SIG_ERR;
    int held = sigismember(&before, sig);
    if (held < 0)
        return SIG_ERR;
    struct sigaction action = {.sa_handler = handler}, old;
    if (handler == SIG_HOLD) {
        if (sighold(sig) < 0 || sigaction(sig, NULL, &old) < 0)
            return SIG_ERR;
    } else if (sigaction(sig, &action, &old) < 0 || sigrelse(sig) < 0) {
        return SIG_ERR;
    }
    return held ? SIG_HOLD : old.sa_handler;
}

int sigpause(int sig)
{
    sigset_t mask;
    if (sigprocmask(SIG_BLOCK, NULL, &mask) < 0 || sigdelset(&mask, sig) < 0)
        return -1;
    return sigsuspend(&mask);
}

void psiginfo(const siginfo_t *info, const char *text)
{
    psignal(info->si_signo, text);
}
