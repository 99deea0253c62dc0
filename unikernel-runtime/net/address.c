// SPDX-License-Identifier: ISC
// Between POSIX's addresses and lwIP's.
#include "unikernel-runtime/net/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

unsigned address_type(const struct socket *s)
{
    return s->family == AF_INET ? IPADDR_TYPE_V4
           : s->v6_only         ? IPADDR_TYPE_V6
                                : IPADDR_TYPE_ANY;
}

static void get_v4(struct in_addr a, ip_addr_t *ip)
{
    ip_addr_set_zero_ip4(ip);
    ip_2_ip4(ip)->addr = a.s_addr;
}

int address_get(const struct socket *s, const struct name *name, ip_addr_t *ip,
                uint16_t *port)
{
    if (name->len < sizeof(sa_family_t) + sizeof *port)
        return -EINVAL;
    if (name->any.sa_family != s->family)
        return -EAFNOSUPPORT;
    if (s->family == AF_INET) {
        struct sockaddr_in in;
        if (name->len < sizeof in)
            return -EINVAL;
        memcpy(&in, &name->storage, sizeof in);
        get_v4(in.sin_addr, ip);
        *port = ntohs(in.sin_port);
        return 0;
    }
    struct sockaddr_in6 in;
    if (name->len < sizeof in)
        return -EINVAL;
    memcpy(&in, &name->storage, sizeof in);
    *port = ntohs(in.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
        struct in_addr v4 = {in.sin6_addr.s6_addr32[3]};
        if (s->v6_only)
            return -EADDRNOTAVAIL;
        get_v4(v4, ip);
        return 0;
    }
    ip_addr_set_zero_ip6(ip);
    memcpy(ip_2_ip6(ip)->addr, &in.sin6_addr, 16);
    if (ip6_addr_has_scope(ip_2_ip6(ip), IP6_UNKNOWN))
        ip6_addr_set_zone(ip_2_ip6(ip), in.sin6_scope_id);
    if (ip_addr_isany(ip) && !s->v6_only)
        IP_SET_TYPE(ip, IPADDR_TYPE_ANY);
    return 0;
}

static void put_v6(const ip6_addr_t *ip, uint16_t port, struct name *name)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6,
                              .sin6_port = htons(port)};
    memcpy(&in.sin6_addr, ip->addr, 16);
    in.sin6_scope_id = ip6_addr_zone(ip);
    memcpy(&name->storage, &in, sizeof in);
    name->len = sizeof in;
}

void address_name(const ip_addr_t *ip, uint16_t port, struct name *name)
{
    memset(name, 0, sizeof *name);
    if (!IP_IS_V4(ip)) {
        put_v6(ip_2_ip6(ip), port, name);
        return;
    }
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr = {ip_2_ip4(ip)->addr}};
    memcpy(&name->storage, &in, sizeof in);
    name->len = sizeof in;
}

void address_put(int family, const ip_addr_t *ip, uint16_t port,
                 struct name *name)
{
    if (family == AF_INET6 && IP_IS_V4_VAL(*ip)) {
        ip6_addr_t mapped = {{0, 0, PP_HTONL(0xffff), ip_2_ip4(ip)->addr}, 0};
        if (ip_addr_isany(ip))
            memset(mapped.addr, 0, sizeof mapped.addr);
        memset(name, 0, sizeof *name);
        put_v6(&mapped, port, name);
        return;
    }
    if (family == AF_INET && !IP_IS_V4_VAL(*ip)) {
        ip_addr_t any = IPADDR4_INIT(0);
        address_name(&any, port, name);
        return;
    }
    address_name(ip, port, name);
}

int address_error(err_t error)
{
    switch (error) {
    case ERR_OK:
        return 0;
    case ERR_MEM:
    case ERR_BUF:
        return -ENOBUFS;
    case ERR_TIMEOUT:
        return -ETIMEDOUT;
    case ERR_RTE:
        return -ENETUNREACH;
    case ERR_INPROGRESS:
        return -EINPROGRESS;
    case ERR_WOULDBLOCK:
        return -EAGAIN;
    case ERR_USE:
        return -EADDRINUSE;
    case ERR_ALREADY:
        return -EALREADY;
    case ERR_ISCONN:
        return -EISCONN;
    case ERR_CONN:
        return -ENOTCONN;
    case ERR_IF:
        return -ENETDOWN;
    case ERR_ABRT:
        return -ECONNABORTED;
    case ERR_RST:
        return -ECONNRESET;
    case ERR_CLSD:
        return -ENOTCONN;
    default:
        return -EINVAL;
    }
}
