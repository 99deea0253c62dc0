// SPDX-License-Identifier: ISC
/*
 * The network: lwIP's core under one lock, and a thread for what nobody waits
 * for.
 *
 * A program without sockets has nothing of this. In one that has them the
 * network comes up at boot if the domain has an interface, otherwise at the
 * first socket.
 */
#ifndef RT_NET_H
#define RT_NET_H

#include "unikernel-runtime/kernel/sched.h"

#include <stdint.h>

// Brings the network up, the first time: 0, or -ENOMEM.
int net_start(void);

/*
 * Guards lwIP and every socket. Whoever gives it delivers first what came in
 * over the loopback, and hands to the devices what goes out.
 */
void net_lock(void);
void net_unlock(void);

/*
 * Locked: gives up the lock, sleeps in `q` as sched_wait does, and has the
 * lock again. 0; -ETIMEDOUT; -EINTR, if a handler has run that wants the call
 * ended.
 */
int net_wait(struct waitq *q, uint64_t deadline_ns);

// Locked by the scheduler (an event handler's call): the network's thread
// shall look at the devices.
void net_kick(void);

// Locked: the timers of lwIP have to be looked at again.
void net_timers_changed(void);

// Called by net_unlock and the network's thread: frames in, frames out. With
// `all` those too that might still grow.
struct net_device_ops {
    void (*poll)(void);
    void (*flush)(int all);
    // Is one at work on frames that it was given? Then `poll` will be called
    // when it has sent one.
    int (*busy)(void);
};
extern const struct net_device_ops *net_devices;

#endif
