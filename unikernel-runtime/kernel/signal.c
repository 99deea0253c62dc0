// SPDX-License-Identifier: ISC
// Sending signals. Runs in event handlers too, without vector registers.
#include "unikernel-runtime/kernel/signal.h"
#include "unikernel-runtime/kernel/end.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/thread.h"

#include <stddef.h>

struct sigaction signal_actions[NSIG];
struct waitq signal_waiters;
static uint64_t pending; // for any thread

#define DEFAULT_IGNORES                                                        \
    (1ull << SIGCHLD | 1ull << SIGURG | 1ull << SIGWINCH | 1ull << SIGCONT)
#define STATUS_SIGNAL 128

uint64_t signal_takeable(void)
{
    const struct thread *self = thread_self();
    return (pending | self->signal_pending) & ~self->signal_mask;
}

void signal_take(int sig)
{
    struct thread *self = thread_self();
    if (self->signal_pending & signal_bit(sig))
        self->signal_pending &= ~signal_bit(sig);
    else
        pending &= ~signal_bit(sig);
}

static void offer(struct thread *t, int sig)
{
    if (!t->ended && !(t->signal_mask & signal_bit(sig)))
        sched_interrupt(t);
}

void signal_send(struct thread *t, int sig)
{
    _sig_func_ptr handler = signal_actions[sig].sa_handler;
    uint64_t bit = signal_bit(sig);
    int waited = signal_waiters.first != NULL; // sigwait takes ignored ones
    if (!waited &&
        (handler == SIG_IGN || (handler == SIG_DFL && DEFAULT_IGNORES & bit)))
        return;
    struct thread *self = thread_self(), *to = t ? t : self;
    if (handler == SIG_DFL && !(to->signal_mask & bit)) {
        end_soon(HV_SHUTDOWN_POWEROFF, STATUS_SIGNAL + sig);
        return;
    }
    if (t)
        t->signal_pending |= bit;
    else
        pending |= bit;
    sched_wake_all(&signal_waiters);
    if (t)
        offer(t, sig);
    for (t = t ? NULL : thread_youngest; t; t = t->older)
        offer(t, sig);
}

static struct {
    int code;
    union sigval value;
} sent[NSIG];

void signal_send_value(int sig, int code, union sigval value)
{
    sent[sig].code = code;
    sent[sig].value = value;
    signal_send(NULL, sig);
}

siginfo_t signal_info(int sig)
{
    int code = sent[sig].code;
    sent[sig].code = 0;
    return (siginfo_t){.si_signo = sig,
                       .si_code = code ? code : SI_USER,
                       .si_value = sent[sig].value};
}

/*
 * One that a thread has been interrupted for may have been taken by another,
 * or be blocked by now.
 */
static void run_handler(int sig)
{
    struct thread *self = thread_self();
    struct sigaction a = signal_actions[sig];
    uint64_t before = self->signal_mask;
    int how = a.sa_flags & SA_RESTART ? HANDLED_RESTART : HANDLED_BREAK;
    self->signal_mask |= a.sa_mask;
    if (!(a.sa_flags & SA_NODEFER))
        self->signal_mask |= signal_bit(sig);
    if (a.sa_flags & SA_RESETHAND)
        signal_actions[sig].sa_handler = SIG_DFL;
    if (a.sa_handler == SIG_DFL && !(DEFAULT_IGNORES & signal_bit(sig))) {
        sched_unlock();
        end_domain(HV_SHUTDOWN_POWEROFF, STATUS_SIGNAL + sig);
    }
    siginfo_t info = signal_info(sig);
    sched_unlock();
    if (a.sa_handler == SIG_DFL || a.sa_handler == SIG_IGN) {
        // nothing
    } else if (a.sa_flags & SA_SIGINFO) {
        a.sa_sigaction(sig, &info, NULL);
    } else {
        a.sa_handler(sig);
    }
    sched_lock();
    self->signal_mask = before;
    if (how > self->handled)
        self->handled = how;
}

void (*signal_cancel)(void);

void signal_deliver(void)
{
    struct thread *self = thread_self();
    if (self->locks)
        return; // lock_give comes back here
    self->signalled = 0;
    for (;;) {
        uint64_t takeable = signal_takeable();
        if (!takeable)
            break;
        int sig = __builtin_ctzll(takeable);
        signal_take(sig);
        run_handler(sig);
    }
    if (self->cancel_asked && self->cancel_async && !self->cancel_off) {
        sched_unlock();
        signal_cancel();
    }
}
