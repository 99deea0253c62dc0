// SPDX-License-Identifier: ISC
// Signals as POSIX names them: handlers, masks, and waiting.
#include "unikernel-runtime/kernel/end.h"
#include "unikernel-runtime/kernel/signal.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/panic.h"
#include "unikernel-runtime/kernel/thread.h"
#include "unikernel-runtime/kernel/trap.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/result.h"
#include "unikernel-runtime/kernel/clock.h"

#include <reent.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define UNBLOCKABLE (signal_bit(SIGKILL) | signal_bit(SIGSTOP))
#define TRAPS                                                                  \
    (signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGFPE) |           \
     signal_bit(SIGILL) | signal_bit(SIGTRAP))

static int valid(int sig)
{
    return sig > 0 && sig < NSIG;
}

static void terminate(void)
{
    signal_send(NULL, SIGTERM);
}

int sigaction(int sig, const struct sigaction *action, struct sigaction *old)
{
    if (!valid(sig) || (action && UNBLOCKABLE & signal_bit(sig)))
        return result(-EINVAL);
    sched_lock();
    if (old)
        *old = signal_actions[sig];
    if (action) {
        signal_actions[sig] = *action;
        sched_signals = signal_deliver;
        event_terminate = terminate;
        if (TRAPS & signal_bit(sig))
            trap_init();
    }
    sched_unlock();
    return 0;
}

_sig_func_ptr signal(int sig, _sig_func_ptr handler)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART},
                     old;
    return sigaction(sig, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
}

_sig_func_ptr _signal_r(struct _reent *reent, int sig, _sig_func_ptr handler)
{
    (void)reent;
    return signal(sig, handler);
}

int siginterrupt(int sig, int interrupts)
{
    struct sigaction action;
    if (sigaction(sig, NULL, &action) < 0)
        return -1;
    action.sa_flags &= ~SA_RESTART;
    action.sa_flags |= interrupts ? 0 : SA_RESTART;
    return sigaction(sig, &action, NULL);
}

// ------------------------------------------------------------------ sending

// What means that the program is broken, not that someone wants it to end.
static int is_crash(int sig)
{
    return sig == SIGABRT || sig == SIGQUIT || sig == SIGSYS ||
           TRAPS & signal_bit(sig);
}

static int send(struct thread *t, int sig)
{
    if (sig < 0 || sig >= NSIG)
        return -EINVAL;
    if (!sig)
        return 0;
    sched_lock();
    const struct thread *to = t ? t : thread_self();
    int blocked = (to->signal_mask & ~UNBLOCKABLE & signal_bit(sig)) != 0;
    if (signal_actions[sig].sa_handler == SIG_DFL && is_crash(sig) && !blocked)
        panic_signal(sig);
    sched_signals = signal_deliver;
    signal_send(t, sig);
    while (end_is_coming)
        sched_wait(NULL, SCHED_NEVER);
    sched_unlock();
    return 0;
}

int kill(pid_t pid, int sig)
{
    return result(pid > getpid() ? -ESRCH : send(NULL, sig));
}

int killpg(pid_t group, int sig)
{
    return kill(group, sig);
}

int raise(int sig)
{
    return result(send(thread_self(), sig));
}

int _raise_r(struct _reent *reent, int sig)
{
    (void)reent;
    return raise(sig);
}

int sigqueue(pid_t pid, int sig, const union sigval value)
{
    if (pid > getpid())
        return result(-ESRCH);
    if (sig <= 0 || sig >= NSIG)
        return result(sig ? -EINVAL : 0);
    sched_lock();
    sched_signals = signal_deliver;
    signal_send_value(sig, SI_QUEUE, value);
    sched_unlock();
    return 0;
}

int pthread_kill(pthread_t id, int sig)
{
    return -send((struct thread *)id, sig);
}

// -------------------------------------------------------------------- masks

static int mask_change(int how, const sigset_t *set, sigset_t *old)
{
    struct thread *self = thread_self();
    uint64_t mask = self->signal_mask;
    if (old)
        *old = mask;
    if (!set)
        return 0;
    if (how == SIG_BLOCK)
        mask |= *set;
    else if (how == SIG_UNBLOCK)
        mask &= ~*set;
    else if (how == SIG_SETMASK)
        mask = *set;
    else
        return -EINVAL;
    sched_lock();
    self->signal_mask = mask & ~UNBLOCKABLE;
    if (signal_takeable())
        sched_interrupt(self);
    sched_unlock();
    return 0;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return result(mask_change(how, set, old));
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return -mask_change(how, set, old);
}

int sigpending(sigset_t *set)
{
    struct thread *self = thread_self();
    sched_lock();
    uint64_t mask = self->signal_mask;
    self->signal_mask = 0;
    *set = signal_takeable() & mask;
    self->signal_mask = mask;
    sched_unlock();
    return 0;
}

void __sigjmp_keep(sigjmp_buf env, int keep)
{
    env->__kept = keep;
    env->__mask = thread_self()->signal_mask;
}

void siglongjmp(sigjmp_buf env, int value)
{
    if (env->__kept)
        sigprocmask(SIG_SETMASK, &env->__mask, NULL);
    longjmp(env->__regs, value);
}

#undef sigemptyset
int sigemptyset(sigset_t *set)
{
    *set = 0;
    return 0;
}

int sigfillset(sigset_t *set)
{
    *set = ~1ul;
    return 0;
}

int sigaddset(sigset_t *set, int sig)
{
    if (!valid(sig))
        return result(-EINVAL);
    *set |= signal_bit(sig);
    return 0;
}

int sigdelset(sigset_t *set, int sig)
{
    if (!valid(sig))
        return result(-EINVAL);
    *set &= ~signal_bit(sig);
    return 0;
}

int sigismember(const sigset_t *set, int sig)
{
    return valid(sig) ? (*set & signal_bit(sig)) != 0 : result(-EINVAL);
}

// A trap's handler runs where the program's stack ended, or not at all.
int sigaltstack(const stack_t *stack, stack_t *old)
{
    (void)stack, (void)old;
    return result(-ENOSYS);
}

// ------------------------------------------------------------------ waiting

int sigsuspend(const sigset_t *mask)
{
    uint8_t before_point = cancel_enter();
    struct thread *self = thread_self();
    sched_lock();
    uint64_t before = self->signal_mask;
    self->signal_mask = *mask & ~UNBLOCKABLE;
    while (!signal_takeable())
        if (sched_wait_point(NULL, SCHED_NEVER) == -EINTR &&
            thread_is_cancelled(self))
            break;
    signal_deliver();
    self->signal_mask = before;
    sched_unlock();
    return result(cancel_leave(before_point, -EINTR));
}

int pause(void)
{
    sigset_t mask = thread_self()->signal_mask;
    return sigsuspend(&mask);
}

// The signal, or -EAGAIN at the deadline.
static int wait_for(const sigset_t *set, uint64_t deadline_ns, siginfo_t *info)
{
    struct thread *self = thread_self();
    int sig = 0;
    sched_lock();
    uint64_t before = self->signal_mask;
    while (!sig) {
        self->signal_mask = ~*set;
        uint64_t takeable = signal_takeable();
        self->signal_mask = before | *set;
        if (takeable) {
            sig = __builtin_ctzll(takeable);
            signal_take(sig);
            *info = signal_info(sig);
        } else {
            int r = sched_wait_point(&signal_waiters, deadline_ns);
            if (r < 0)
                sig = r == -ETIMEDOUT ? -EAGAIN : r;
        }
    }
    self->signal_mask = before;
    sched_unlock();
    return sig;
}

int sigwait(const sigset_t *set, int *sig)
{
    siginfo_t info;
    int r;
    do {
        uint8_t before = cancel_enter();
        r = cancel_leave(before, wait_for(set, SCHED_NEVER, &info));
    } while (r == -EINTR);
    *sig = r;
    return 0;
}

int sigtimedwait(const sigset_t *set, siginfo_t *info,
                 const struct timespec *timeout)
{
    uint64_t deadline_ns = SCHED_NEVER;
    if (timeout) {
        if (timespec_ns(timeout, &deadline_ns) < 0)
            return result(-EINVAL);
        deadline_ns += clock_real_ns();
    }
    siginfo_t taken;
    uint8_t before = cancel_enter();
    int r = cancel_leave(before, wait_for(set, deadline_ns, &taken));
    if (r > 0 && info)
        *info = taken;
    return result(r);
}

int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    return sigtimedwait(set, info, NULL);
}
