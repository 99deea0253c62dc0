// SPDX-License-Identifier: ISC
// lwIP's clockwork; see timer.h.
#include "unikernel-runtime/net/timer.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/net/net.h"

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/igmp.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/netif.h>
#include <lwip/prot/dhcp.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/timeouts.h>

#define NS_PER_MS 1000000ul

// So long after a frame neighbours, fragments and questions are looked after.
#define TRAFFIC_NS (20 * NS_PER_S)
static uint64_t traffic_until_ns;

// So long after one TCP's clock has its full resolution, later that of QUIET.
#define BUSY_NS  (NS_PER_S + NS_PER_S / 5)
#define QUIET_MS 1000ul

static int tcp_needed(void)
{
    return tcp_active_pcbs || tcp_tw_pcbs;
}

static int traffic_needed(void)
{
    return clock_real_ns() < traffic_until_ns;
}

static uint64_t busy_until_ns(void)
{
    return traffic_until_ns ? traffic_until_ns - TRAFFIC_NS + BUSY_NS : 0;
}

static int igmp_needed(void)
{
    struct netif *n;
    NETIF_FOREACH(n)
    for (struct igmp_group *g = netif_igmp_data(n); g; g = g->next)
        if (g->timer)
            return 1;
    return 0;
}

static int mld_needed(void)
{
    struct netif *n;
    NETIF_FOREACH(n)
    for (struct mld_group *g = netif_mld6_data(n); g; g = g->next)
        if (g->timer)
            return 1;
    return 0;
}

static int dhcp_needed(void)
{
    struct netif *n;
    NETIF_FOREACH(n)
    if (netif_dhcp_data(n))
        return 1;
    return 0;
}

static int dhcp_asks(void)
{
    struct netif *n;
    NETIF_FOREACH(n)
    if (netif_dhcp_data(n) && netif_dhcp_data(n)->request_timeout)
        return 1;
    return 0;
}

static struct tick {
    void (*run)(void);
    int (*needed)(void);
    uint32_t period_ms;
    uint32_t missed_max; // so many are made up for
    uint64_t last_ns;    // when it was due for the last time
} ticks[] = {
    {tcp_tmr, tcp_needed, TCP_TMR_INTERVAL, QUIET_MS / TCP_TMR_INTERVAL, 0},
    {etharp_tmr, traffic_needed, ARP_TMR_INTERVAL, 300, 0},
    {ip_reass_tmr, traffic_needed, IP_TMR_INTERVAL, 32, 0},
    {nd6_tmr, traffic_needed, ND6_TMR_INTERVAL, 7200, 0},
    {ip6_reass_tmr, traffic_needed, IP6_REASS_TMR_INTERVAL, 64, 0},
    {dns_tmr, traffic_needed, DNS_TMR_INTERVAL, 1, 0},
    {igmp_tmr, igmp_needed, IGMP_TMR_INTERVAL, 1, 0},
    {mld6_tmr, mld_needed, MLD6_TMR_INTERVAL, 1, 0},
    {dhcp_coarse_tmr, dhcp_needed, DHCP_COARSE_TIMER_MSECS, 1, 0},
    {dhcp_fine_tmr, dhcp_asks, DHCP_FINE_TIMER_MSECS, 1, 0},
};
#define TICKS (sizeof ticks / sizeof *ticks)

void timer_init(void)
{
    uint64_t now = clock_real_ns();
    for (unsigned i = 0; i < TICKS; i++)
        ticks[i].last_ns = now;
}

static void tick_run(struct tick *t, uint64_t now)
{
    uint64_t period_ns = t->period_ms * NS_PER_MS;
    uint64_t due = (now - t->last_ns) / period_ns;
    if (!due)
        return;
    t->last_ns += due * period_ns;
    for (uint64_t i = 0; i < due && i < t->missed_max; i++)
        t->run();
}

void timer_run(void)
{
    uint64_t now = clock_real_ns();
    for (unsigned i = 0; i < TICKS; i++)
        if (ticks[i].needed())
            tick_run(&ticks[i], now);
}

uint64_t timer_next_ns(void)
{
    uint64_t next = SCHED_NEVER, now = clock_real_ns();
    for (unsigned i = 0; i < TICKS; i++) {
        struct tick *t = &ticks[i];
        if (!t->needed())
            continue;
        uint64_t period_ns = t->period_ms * NS_PER_MS;
        if (t == ticks && now > busy_until_ns())
            period_ns = QUIET_MS * NS_PER_MS;
        uint64_t at = t->last_ns + period_ns;
        if (at <= now)
            at = now;
        if (at < next)
            next = at;
    }
    return next;
}

void timer_traffic(void)
{
    uint64_t now = clock_real_ns();
    if (now >= busy_until_ns())
        net_timers_changed();
    traffic_until_ns = now + TRAFFIC_NS;
}

// lwIP calls these.
void tcp_timer_needed(void)
{
    // After a pause the first tick comes a period from now, not at once.
    uint64_t now = clock_real_ns();
    if (now - ticks[0].last_ns > 4 * TCP_TMR_INTERVAL * NS_PER_MS)
        ticks[0].last_ns = now;
    net_timers_changed();
}
