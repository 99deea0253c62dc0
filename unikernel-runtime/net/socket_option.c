// SPDX-License-Identifier: ISC
// Options that all sockets have, or that only have to be accepted.
#include "unikernel-runtime/net/address.h"

#include <errno.h>
#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/tcp.h>
#include <lwip/udp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>

#define NS_PER_S  1000000000ul
#define NS_PER_US 1000ul

#define ROOM_MIN 2048
#define ROOM_MAX (4 << 20)

static int timeout_set(uint64_t *ns, const void *value, socklen_t len)
{
    struct timeval tv;
    if (len < sizeof tv)
        return -EINVAL;
    memcpy(&tv, value, sizeof tv);
    if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
        return -EDOM;
    if (tv.tv_sec < 0 || (uint64_t)tv.tv_sec > UINT64_MAX / 4 / NS_PER_S)
        *ns = 0;
    else
        *ns = tv.tv_sec * NS_PER_S + tv.tv_usec * NS_PER_US;
    return 0;
}

// Joins or leaves a group, on one interface or on all.
static int group_set(const struct socket *s, int level, int option,
                     const void *value, socklen_t len)
{
    int join = option == IP_ADD_MEMBERSHIP || option == IPV6_JOIN_GROUP;
    err_t err;
    if (level == IPPROTO_IP) {
        struct ip_mreq m;
        if (len < sizeof m)
            return -EINVAL;
        memcpy(&m, value, sizeof m);
        ip4_addr_t group = {m.imr_multiaddr.s_addr};
        ip4_addr_t at = {m.imr_interface.s_addr};
        if (!ip4_addr_ismulticast(&group))
            return -EINVAL;
        err = join ? igmp_joingroup(&at, &group) : igmp_leavegroup(&at, &group);
    } else {
        struct ipv6_mreq m;
        if (s->family != AF_INET6 || len < sizeof m)
            return -EINVAL;
        memcpy(&m, value, sizeof m);
        ip6_addr_t group = {.zone = 0};
        memcpy(group.addr, &m.ipv6mr_multiaddr, 16);
        if (!ip6_addr_ismulticast(&group))
            return -EINVAL;
        err = ERR_VAL;
        struct netif *n;
        NETIF_FOREACH(n)
        if (!m.ipv6mr_interface || netif_get_index(n) == m.ipv6mr_interface) {
            ip6_addr_assign_zone(&group, IP6_MULTICAST, n);
            err_t one = join ? mld6_joingroup_netif(n, &group)
                             : mld6_leavegroup_netif(n, &group);
            if (one == ERR_OK)
                err = ERR_OK;
        }
    }
    return err == ERR_OK ? 0 : join ? -ENODEV : -EADDRNOTAVAIL;
}

static struct ip_pcb *pcb_of(struct socket *s)
{
    // Each protocol's struct has its pcb behind struct socket.
    return *(struct ip_pcb **)(s + 1);
}

static int common_set(struct socket *s, int level, int option, int value)
{
    if (level == SOL_SOCKET) {
        switch (option) {
        case SO_SNDBUF:
        case SO_RCVBUF:
            value = value < ROOM_MIN ? ROOM_MIN : value;
            value = value > ROOM_MAX ? ROOM_MAX : value;
            *(option == SO_SNDBUF ? &s->send_room : &s->receive_room) = value;
            return 0;
        case SO_BROADCAST:
            s->broadcast = value != 0;
            return 0;
        case SO_REUSEPORT:
            s->reuse_port = value != 0;
            return 0;
        case SO_KEEPALIVE:
        case SO_OOBINLINE:
        case SO_DONTROUTE:
        case SO_PRIORITY:
        case SO_DEBUG:
            return 0;
        case SO_RCVLOWAT:
        case SO_SNDLOWAT:
            return value <= 1 ? 0 : -ENOPROTOOPT;
        }
        return -ENOPROTOOPT;
    }
    if (s->family == AF_UNIX)
        return -EOPNOTSUPP;
    struct ip_pcb *pcb = pcb_of(s);
    if (level == IPPROTO_IP && option == IP_TTL) {
        if (value < 1 || value > 255)
            return -EINVAL;
        if (pcb)
            pcb->ttl = value;
        return 0;
    }
    if (level == IPPROTO_IPV6 && option == IPV6_UNICAST_HOPS) {
        if (value < -1 || value > 255)
            return -EINVAL;
        if (pcb)
            pcb->ttl = value < 0 ? 64 : value;
        return 0;
    }
    if ((level == IPPROTO_IP && option == IP_TOS) ||
        (level == IPPROTO_IPV6 && option == IPV6_TCLASS)) {
        if (pcb)
            pcb->tos = value;
        return 0;
    }
    if (level == IPPROTO_IP &&
        (option == IP_MULTICAST_LOOP || option == IP_MTU_DISCOVER ||
         option == IP_BIND_ADDRESS_NO_PORT))
        return 0;
    if (level == IPPROTO_IPV6 && option == IPV6_MULTICAST_LOOP)
        return 0;
    if (level == IPPROTO_IPV6 && option == IPV6_V6ONLY) {
        if (s->family != AF_INET6)
            return -ENOPROTOOPT;
        if (!pcb || s->listening || !ip_addr_isany(&pcb->local_ip))
            return -EINVAL;
        s->v6_only = value != 0;
        IP_SET_TYPE_VAL(pcb->local_ip, address_type(s));
        IP_SET_TYPE_VAL(pcb->remote_ip, address_type(s));
        return 0;
    }
    return -ENOPROTOOPT;
}

int socket_option_set(struct socket *s, int level, int option,
                      const void *value, socklen_t len)
{
    if (level == SOL_SOCKET && option == SO_RCVTIMEO)
        return timeout_set(&s->receive_timeout_ns, value, len);
    if (level == SOL_SOCKET && option == SO_SNDTIMEO)
        return timeout_set(&s->send_timeout_ns, value, len);
    if (level == SOL_SOCKET && option == SO_LINGER) {
        if (len < sizeof s->linger)
            return -EINVAL;
        memcpy(&s->linger, value, sizeof s->linger);
        return 0;
    }
    if ((level == IPPROTO_IP &&
         (option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP)) ||
        (level == IPPROTO_IPV6 &&
         (option == IPV6_JOIN_GROUP || option == IPV6_LEAVE_GROUP)))
        return group_set(s, level, option, value, len);
    int n = 0;
    if (len >= sizeof n)
        memcpy(&n, value, sizeof n);
    else if (len >= 1 && level == IPPROTO_IP)
        n = *(const unsigned char *)value; // IP's options may be a byte
    else
        return -EINVAL;
    int r = s->ops->set ? s->ops->set(s, level, option, n) : -ENOPROTOOPT;
    return r == -ENOPROTOOPT ? common_set(s, level, option, n) : r;
}

static int common_get(struct socket *s, int level, int option, int *value)
{
    if (level == SOL_SOCKET) {
        switch (option) {
        case SO_ERROR:
            *value = -socket_error_take(s);
            return 0;
        case SO_TYPE:
            *value = s->type;
            return 0;
        case SO_DOMAIN:
            *value = s->family;
            return 0;
        case SO_PROTOCOL:
            *value = s->protocol;
            return 0;
        case SO_ACCEPTCONN:
            *value = s->listening;
            return 0;
        case SO_SNDBUF:
            *value = s->send_room;
            return 0;
        case SO_RCVBUF:
            *value = s->receive_room;
            return 0;
        case SO_BROADCAST:
            *value = s->broadcast;
            return 0;
        case SO_REUSEPORT:
            *value = s->reuse_port;
            return 0;
        case SO_RCVLOWAT:
        case SO_SNDLOWAT:
            *value = 1;
            return 0;
        case SO_KEEPALIVE:
        case SO_REUSEADDR:
        case SO_OOBINLINE:
        case SO_DONTROUTE:
        case SO_PRIORITY:
        case SO_DEBUG:
            *value = 0;
            return 0;
        }
        return -ENOPROTOOPT;
    }
    struct ip_pcb *pcb = s->family == AF_UNIX ? NULL : pcb_of(s);
    if (!pcb)
        return -ENOPROTOOPT;
    if ((level == IPPROTO_IP && option == IP_TTL) ||
        (level == IPPROTO_IPV6 && option == IPV6_UNICAST_HOPS))
        *value = pcb->ttl;
    else if ((level == IPPROTO_IP && option == IP_TOS) ||
             (level == IPPROTO_IPV6 && option == IPV6_TCLASS))
        *value = pcb->tos;
    else if (level == IPPROTO_IPV6 && option == IPV6_V6ONLY)
        *value = s->v6_only;
    else if (level == IPPROTO_IP && option == IP_MULTICAST_LOOP)
        *value = 1;
    else
        return -ENOPROTOOPT;
    return 0;
}

static void answer(const void *from, size_t n, void *value, socklen_t *len)
{
    if (*len > n)
        *len = n;
    memcpy(value, from, *len);
}

int socket_option_get(struct socket *s, int level, int option, void *value,
                      socklen_t *len)
{
    if (level == SOL_SOCKET &&
        (option == SO_RCVTIMEO || option == SO_SNDTIMEO)) {
        uint64_t ns =
            option == SO_RCVTIMEO ? s->receive_timeout_ns : s->send_timeout_ns;
        struct timeval tv = {ns / NS_PER_S, ns % NS_PER_S / NS_PER_US};
        answer(&tv, sizeof tv, value, len);
        return 0;
    }
    if (level == SOL_SOCKET && option == SO_LINGER) {
        answer(&s->linger, sizeof s->linger, value, len);
        return 0;
    }
    int n;
    int r = s->ops->get ? s->ops->get(s, level, option, &n) : -ENOPROTOOPT;
    if (r == -ENOPROTOOPT)
        r = common_get(s, level, option, &n);
    if (r == 0)
        answer(&n, sizeof n, value, len);
    return r;
}
