// SPDX-License-Identifier: ISC
// TCP sockets: their options.
#include "unikernel-runtime/net/tcp.h"

#include <errno.h>
#include <lwip/priv/tcp_priv.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define SECONDS_MAX 32767

void tcp_options_apply(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    if (!pcb || t->s.listening)
        return;
    tcp_nagle(t);
    if (t->keep_alive)
        ip_set_option(pcb, SOF_KEEPALIVE);
    else
        ip_reset_option(pcb, SOF_KEEPALIVE);
    if (t->keep_idle_s)
        pcb->keep_idle = t->keep_idle_s * 1000u;
    if (t->keep_interval_s)
        pcb->keep_intvl = t->keep_interval_s * 1000u;
    if (t->keep_count)
        pcb->keep_cnt = t->keep_count;
}

static int set_keep(int *out, int value)
{
    if (value < 1 || value > SECONDS_MAX)
        return -EINVAL;
    *out = value;
    return 0;
}

int tcp_option_set(struct socket *s, int level, int option, int value)
{
    struct tcp_socket *t = tcp_of(s);
    int r = 0;
    if (level == SOL_SOCKET && option == SO_KEEPALIVE)
        t->keep_alive = value != 0;
    else if (level == SOL_SOCKET && option == SO_REUSEADDR) {
        if (t->pcb && value)
            ip_set_option(t->pcb, SOF_REUSEADDR);
        else if (t->pcb)
            ip_reset_option(t->pcb, SOF_REUSEADDR);
    } else if (level != IPPROTO_TCP)
        return -ENOPROTOOPT;
    else if (option == TCP_NODELAY)
        t->no_delay = value != 0;
    else if (option == TCP_KEEPIDLE)
        r = set_keep(&t->keep_idle_s, value);
    else if (option == TCP_KEEPINTVL)
        r = set_keep(&t->keep_interval_s, value);
    else if (option == TCP_KEEPCNT)
        r = set_keep(&t->keep_count, value);
    else if (option == TCP_CORK || option == TCP_QUICKACK ||
             option == TCP_DEFER_ACCEPT || option == TCP_USER_TIMEOUT ||
             option == TCP_LINGER2 || option == TCP_SYNCNT)
        return 0; // hints, which may be ignored
    else
        return -ENOPROTOOPT;
    tcp_options_apply(t);
    return r;
}

int tcp_option_get(struct socket *s, int level, int option, int *value)
{
    const struct tcp_socket *t = tcp_of(s);
    if (level == SOL_SOCKET && option == SO_KEEPALIVE)
        *value = t->keep_alive;
    else if (level == SOL_SOCKET && option == SO_REUSEADDR)
        *value = t->pcb && ip_get_option(t->pcb, SOF_REUSEADDR);
    else if (level != IPPROTO_TCP)
        return -ENOPROTOOPT;
    else if (option == TCP_NODELAY)
        *value = t->no_delay;
    else if (option == TCP_KEEPIDLE)
        *value = t->keep_idle_s ? t->keep_idle_s
                                : (int)(TCP_KEEPIDLE_DEFAULT / 1000);
    else if (option == TCP_KEEPINTVL)
        *value = t->keep_interval_s ? t->keep_interval_s
                                    : (int)(TCP_KEEPINTVL_DEFAULT / 1000);
    else if (option == TCP_KEEPCNT)
        *value = t->keep_count ? t->keep_count : (int)TCP_KEEPCNT_DEFAULT;
    else if (option == TCP_MAXSEG)
        *value = t->pcb && !s->listening ? tcp_mss(t->pcb) : TCP_MSS;
    else if (option == TCP_CORK || option == TCP_QUICKACK ||
             option == TCP_DEFER_ACCEPT)
        *value = 0;
    else
        return -ENOPROTOOPT;
    return 0;
}
