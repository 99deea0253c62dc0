// SPDX-License-Identifier: ISC
// TCP sockets; for tcp*.c.
#ifndef RT_NET_TCP_H
#define RT_NET_TCP_H

#include "unikernel-runtime/net/socket.h"

#include <lwip/tcp.h>

struct chunk;

struct tcp_socket {
    struct socket s;
    struct tcp_pcb *pcb;                  // NULL when the connection is gone
    uint8_t connecting, connected, ended; // ended: no more will come
    uint8_t orphan;   // closed; lives on until what it has sent is received
    uint8_t has_room; // for something to send
    uint8_t no_delay, keep_alive, opened; // opened: see tcp_send
    int keep_idle_s, keep_interval_s, keep_count;

    // Received: pbufs by `next`, each for itself (ref 1).
    struct pbuf *received, *last_received;
    size_t received_len;

    // Sent and not acknowledged: tcp_send.c.
    struct chunk *first, *last;
    size_t unacknowledged;
    size_t queued;      // bytes, since all that was queued had been sent
    uint32_t small_end; // behind the last segment that was not a full one
    uint8_t small;      // it is not acknowledged
    uint8_t corked;     // a small segment waits for the device; the next such
    struct tcp_socket *corked_next;

    // Of a listening one: connections to be accepted; of those, the next.
    struct tcp_socket *accept_first, *accept_last, *accept_next;
};

static inline struct tcp_socket *tcp_of(struct socket *s)
{
    return (struct tcp_socket *)s;
}

// Before the first byte is sent: what lwIP does not set as we want it.
void tcp_tune(struct tcp_socket *t);

// Whether a small segment has to wait: see tcp_send.c.
void tcp_nagle(struct tcp_socket *t);

// Sends those that waited for the device.
void tcp_uncork(void);
void tcp_uncorked(struct tcp_socket *t); // before its end

ssize_t tcp_send(struct socket *s, const struct parts *p, const struct name *to,
                 int flags);
err_t tcp_acknowledged(void *arg, struct tcp_pcb *pcb, u16_t len);
void tcp_chunks_free(struct tcp_socket *t);

ssize_t tcp_receive_parts(struct socket *s, const struct parts *p,
                          struct name *from, int *flags);
err_t tcp_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err);
void tcp_received_drop(struct tcp_socket *t);

// The last use of an orphan.
void tcp_orphan_free(struct tcp_socket *t);

int tcp_option_set(struct socket *s, int level, int option, int value);
int tcp_option_get(struct socket *s, int level, int option, int *value);
void tcp_options_apply(struct tcp_socket *t);

#endif
