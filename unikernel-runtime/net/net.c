// SPDX-License-Identifier: ISC
// The network's lock, thread and random numbers.
#include "unikernel-runtime/net/net.h"
#include "unikernel-runtime/net/sack.h"
#include "unikernel-runtime/front/net.h"
#include "unikernel-runtime/kernel/boot.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/lock.h"
#include "unikernel-runtime/kernel/panic.h"
#include "unikernel-runtime/kernel/random.h"
#include "unikernel-runtime/net/device.h"
#include "unikernel-runtime/net/tcp.h"
#include "unikernel-runtime/net/timer.h"

#include <errno.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>
#include <stdlib.h>
#include <string.h>

static struct lock net;
static int started;

static struct waitq thread_waits;
static int kicked;               // the scheduler's lock
static uint64_t thread_until_ns; // when the thread looks at the timers again
static int timers_changed;

const struct net_device_ops *net_devices;

// -------------------------------------------------------------------- lock

void net_lock(void)
{
    lock_take(&net);
}

// Part of an event handler: see event.h.
__attribute__((target("general-regs-only"))) void net_kick(void)
{
    kicked = 1;
    sched_wake_all(&thread_waits);
}

void net_timers_changed(void)
{
    timers_changed = 1;
}

// What lwIP sends to ourselves it queues; delivering that may queue more.
static int loopback_deliver(void)
{
    int any = 0;
    struct netif *n = netif_list;
    while (n) {
        if (n->loop_first) {
            any = 1;
            timer_traffic();
            netif_poll(n);
            n = netif_list;
        } else {
            n = n->next;
        }
    }
    return any;
}

// What is left to do for whoever gives up the lock, to go on or to sleep; 1 if
// that may have changed any socket.
static int settle(int sleeps)
{
    int delivered = loopback_deliver();
    if (net_devices)
        net_devices->flush(sleeps);
    if (timers_changed) {
        timers_changed = 0;
        if (timer_next_ns() < thread_until_ns) {
            sched_lock();
            net_kick();
            sched_unlock();
        }
    }
    return delivered;
}

void net_unlock(void)
{
    settle(0);
    lock_give(&net);
}

int net_wait(struct waitq *q, uint64_t deadline_ns)
{
    struct thread *self = thread_self();
    if (settle(1))
        return 0; // perhaps what the caller waits for has just come
    sched_lock();
    self->locks--;
    int r = lock_release_wait(&net, q, deadline_ns);
    sched_unlock();
    int broken = wait_was_broken(r);
    lock_take(&net);
    return broken ? -EINTR : r == -ETIMEDOUT ? r : 0;
}

// ------------------------------------------------------------------ thread

static void *thread_main(void *unused)
{
    for (;;) {
        net_lock();
        if (net_devices)
            net_devices->poll();
        tcp_uncork();
        timer_run();
        loopback_deliver();
        if (net_devices)
            net_devices->flush(1);
        timers_changed = 0;
        thread_until_ns = timer_next_ns();
        lock_give(&net);

        sched_lock();
        int r = 0;
        while (!kicked && r != -ETIMEDOUT)
            r = sched_wait(&thread_waits, thread_until_ns);
        kicked = 0;
        sched_unlock();
    }
    return unused;
}

#define THREAD_STACK 32768ul

static int thread_start(void)
{
    struct thread *t;
    struct thread_plan plan = {.start = thread_main,
                               .stack_len = THREAD_STACK,
                               .guard_len = HV_PAGE,
                               .detached = 1,
                               .serves = 1,
                               .priority = SCHED_PRIORITIES - 1,
                               .policy = THREAD_FIFO};
    return thread_create(&t, &plan);
}

// A domain with interfaces answers before its program asks for a socket.
static void net_boot(void)
{
    if (net_count())
        net_start();
}
BOOT_HOOK(net_boot);

int net_start(void)
{
    BOOT_HOOK_LINK(net_boot);
    net_lock();
    int r = 0;
    if (!started) {
        started = 1;
        lwip_init();
        timer_init();
        net_devices_start();
        thread_until_ns = 0;
        r = thread_start();
    }
    net_unlock();
    return r;
}

// ----------------------------------------------------------- lwIP's wishes

void net_broken(const char *what)
{
    panic(what);
}

uint32_t net_random(void)
{
    uint32_t r;
    random_bytes(&r, sizeof r);
    return r;
}

u32_t sys_now(void)
{
    return clock_real_ns() / 1000000;
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void sip_rounds(uint64_t v[4], int n)
{
    while (n--) {
        v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
        v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
    }
}

// SipHash-2-4 of whole words.
static uint64_t sip(const uint64_t key[2], const uint64_t *words, int n)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    uint64_t end = (uint64_t)n << 59;
    for (int i = 0; i <= n; i++) {
        uint64_t word = i < n ? words[i] : end;
        v[3] ^= word;
        sip_rounds(v, 2);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

// RFC 6528: a clock of 4 us plus a keyed hash of the connection's name.
uint32_t net_tcp_isn(const void *local_ip, uint16_t local_port,
                     const void *remote_ip, uint16_t remote_port)
{
    static uint64_t key[2];
    static int keyed;
    if (!keyed) {
        random_bytes(key, sizeof key);
        keyed = 1;
    }
    uint64_t name[7] = {(uint64_t)local_port << 16 | remote_port};
    memcpy(name + 1, local_ip, sizeof(ip_addr_t));
    memcpy(name + 4, remote_ip, sizeof(ip_addr_t));
    return sip(key, name, 7) + clock_real_ns() / 4000;
}
_Static_assert(sizeof(ip_addr_t) <= 24, "fits in net_tcp_isn's words");

// A handshake's second step, waiting for the third for longer than others.
static struct tcp_pcb *oldest_half_open(const struct tcp_pcb_listen *listener)
{
    struct tcp_pcb *oldest = NULL;
    for (struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
        if (p->state == SYN_RCVD && p->listener == listener &&
            (!oldest || tcp_ticks - p->tmr > tcp_ticks - oldest->tmr))
            oldest = p;
    return oldest;
}

/*
 * Before lwIP looks at a packet for `pcb`. When a listener's queue is full, a
 * new SYN takes the place of the oldest half-open connection, so that a flood
 * of them cannot keep out those who finish their handshake in time.
 */
signed char net_tcp_packet(struct tcp_pcb *pcb, const void *header,
                           uint16_t len, uint16_t first_len,
                           const uint8_t *rest)
{
    if (pcb->state >= ESTABLISHED && pcb->state != TIME_WAIT)
        sack_packet(pcb, header, len, first_len, rest);
    if (pcb->state != LISTEN || (TCPH_FLAGS((const struct tcp_hdr *)header) &
                                 (TCP_SYN | TCP_ACK)) != TCP_SYN)
        return ERR_OK;
    struct tcp_pcb_listen *l = (struct tcp_pcb_listen *)pcb;
    if (l->accepts_pending >= l->backlog) {
        struct tcp_pcb *oldest = oldest_half_open(l);
        if (oldest)
            tcp_abandon(oldest, 0);
    }
    return ERR_OK;
}

static uint64_t sum_words(const uint8_t *data, size_t len)
{
    uint64_t sum = 0, word;
    for (; len >= 8; data += 8, len -= 8) {
        memcpy(&word, data, 8);
        sum += word;
        sum += sum < word; // the carry comes back in at the bottom
    }
    word = 0;
    memcpy(&word, data, len);
    sum += word;
    return sum + (sum < word);
}

uint16_t net_checksum(const void *data, int len)
{
    uint64_t sum = sum_words(data, len);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}
