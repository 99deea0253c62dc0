// SPDX-License-Identifier: ISC
// Asking name servers.
#include "unikernel-runtime/net/resolve.h"
#include "unikernel-runtime/net/address.h"
#include "unikernel-runtime/net/net.h"
#include "unikernel-runtime/net/timer.h"

#include <errno.h>
#include <lwip/dns.h>

struct question {
    struct waitq asker;
    int answered, found;
    ip_addr_t ip;
};

static void answer(const char *host, const ip_addr_t *ip, void *arg)
{
    struct question *q = arg;
    (void)host;
    q->answered = 1;
    q->found = ip != NULL;
    if (ip)
        q->ip = *ip;
    sched_lock();
    sched_wake_all(&q->asker);
    sched_unlock();
}

int resolve_servers(void)
{
    int n = 0;
    net_lock();
    for (int i = 0; i < DNS_MAX_SERVERS; i++)
        n += !ip_addr_isany(dns_getserver(i));
    net_unlock();
    return n;
}

void resolve_server_add(const struct name *server)
{
    struct socket like = {.family = server->any.sa_family};
    ip_addr_t ip;
    uint16_t port;
    if (address_get(&like, server, &ip, &port) < 0)
        return;
    net_lock();
    for (int i = 0; i < DNS_MAX_SERVERS; i++)
        if (ip_addr_isany(dns_getserver(i))) {
            dns_setserver(i, &ip);
            break;
        }
    net_unlock();
}

int resolve_ask(const char *host, int family, struct name *out)
{
    struct question q = {0};
    net_lock();
    timer_traffic(); // which keeps the clock of the questions going
    err_t err = dns_gethostbyname_addrtype(
        host, &q.ip, answer, &q,
        family == AF_INET ? LWIP_DNS_ADDRTYPE_IPV4 : LWIP_DNS_ADDRTYPE_IPV6);
    if (err == ERR_OK) {
        q.answered = q.found = 1;
    } else if (err == ERR_INPROGRESS) {
        // lwIP answers in any case, so the question must stay until then.
        while (!q.answered)
            net_wait(&q.asker, SCHED_NEVER);
    }
    net_unlock();
    if (!q.answered)
        return err == ERR_ARG ? -EINVAL : -EAGAIN;
    if (!q.found)
        return -ENOENT;
    address_name(&q.ip, 0, out);
    return 0;
}
