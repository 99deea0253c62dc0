// SPDX-License-Identifier: ISC
/*
 * Signals: what is sent waits as a bit, for the process or for one thread,
 * until a thread that does not block it runs its handler. A program that
 * never sets a handler has nothing of this; libc/signal.c is the other half.
 */
#ifndef RT_SIGNAL_H
#define RT_SIGNAL_H

#include <signal.h>
#include <stdint.h>

struct thread;

static inline uint64_t signal_bit(int sig)
{
    return 1ull << sig;
}

extern struct sigaction signal_actions[NSIG];

// Scheduler locked; also by event handlers. For `t`, or NULL for whoever does
// not block it. May end the domain, where that is the signal's default.
void signal_send(struct thread *t, int sig);

// The same for the process, with a value for its handler; `code`: SI_QUEUE and
// the like. As signals do not queue, the latest value is the one.
void signal_send_value(int sig, int code, union sigval value);

// Scheduler locked: what the handler of `sig`, which is being taken, is told.
siginfo_t signal_info(int sig);

// Scheduler locked: what the caller could take now.
uint64_t signal_takeable(void);

// Scheduler locked: takes `sig`, which is takeable.
void signal_take(int sig);

// Scheduler locked: runs handlers of the caller until none is takeable.
void signal_deliver(void);

// Set with the first pthread_cancel: ends the calling thread, which may be
// cancelled anywhere.
extern void (*signal_cancel)(void);

// The calling thread in sigsuspend or sigwait looks for these besides.
extern struct waitq signal_waiters;

#endif
