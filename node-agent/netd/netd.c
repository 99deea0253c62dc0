// SPDX-License-Identifier: ISC
/*
 * The role net; see netd.h. It serves one request after the other and waits
 * for the kernel: each takes a few milliseconds.
 *
 * After a start the keeper names all leases in use, then says so
 * (MSG_NET_READY). Only then are the rules replaced, all at once: until then,
 * and when this role dies, those of the predecessor hold for the domains that
 * go on.
 */
#include "node-agent/netd/netd.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "hypervisor/monitor/vif.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/agent/roles.h"
#include "node-agent/netd/link.h"
#include "node-agent/netd/rules.h"

/* How long one second's worth of the rate may be sent in a burst. */
#define BURST_DIVISOR 10

struct lease {
    bool used;
    struct msg_net is;
};

struct netd {
    const struct network_config *n;
    const char *run_dir;
    int link_fd;
    bool ready;
    struct lease *lease; /* by number: 1 .. n->count */
};

/* ------------------------------------------------------------------- leases */

/* The same port twice would be one rule, which cannot be taken back twice. */
static bool named_before(const struct msg_net *m, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++)
        if (m->publish[j].protocol == m->publish[i].protocol &&
            m->publish[j].host_port == m->publish[i].host_port)
            return true;
    return false;
}

static bool sane(const struct netd *d, const struct msg_net *m)
{
    const struct network_config *n = d->n;

    if (m->number < 1 || m->number > n->count || m->npublish > NET_PUBLISH_MAX)
        return false;
    for (uint32_t i = 0; i < m->npublish; i++) {
        const struct net_publish *p = &m->publish[i];

        if ((p->protocol != NET_TCP && p->protocol != NET_UDP) || !p->port ||
            p->host_port < n->publish_first || p->host_port > n->publish_last ||
            named_before(m, i))
            return false;
    }
    return true;
}

/* Adds or deletes one, and its pairs with others of its group. */
static int lease_rules(const struct netd *d, const struct msg_net *m, bool add,
                       struct buf *out)
{
    int r = rules_lease(d->n, m, add, out);

    for (uint32_t i = 1; i <= d->n->count && m->group && r == 0; i++) {
        const struct lease *l = &d->lease[i];

        if (l->used && l->is.group == m->group && i != m->number)
            r = rules_pair(d->n, m->number, i, add, out);
    }
    return r;
}

static int lease_add(struct netd *d, const struct msg_net *m, struct err *e)
{
    cleanup_buf struct buf text = BUF_INIT(RULES_TEXT_MAX);
    struct lease *l = &d->lease[m->number];
    struct net_place p;
    int r;

    if (l->used)
        return 0;
    network_place(d->n, m->number, &p);
    if (d->ready) {
        r = lease_rules(d, m, true, &text);
        if (r < 0)
            return err_set(e, -r, "no memory for rules");
        if (rules_apply(&text, e) < 0)
            return -e->code;
    }
    l->used = true;
    l->is = *m;
    return link_proxy(d->link_fd, d->n, &p, true, e);
}

static void lease_remove(struct netd *d, uint32_t number)
{
    cleanup_buf struct buf text = BUF_INIT(RULES_TEXT_MAX);
    struct lease *l = &d->lease[number];
    struct net_place p;
    struct err e;

    if (!l->used)
        return;
    l->used = false;
    if (d->ready && lease_rules(d, &l->is, false, &text) == 0 &&
        rules_apply(&text, &e) < 0)
        log_error("the rules of lease %u stay: %s", number, e.text);
    if (link_forget(rules_mark(d->n, number), &e) < 0)
        log_warn("lease %u: %s", number, e.text);
    network_place(d->n, number, &p);
    link_proxy(d->link_fd, d->n, &p, false, &e);
}

/* --------------------------------------------------------------- interfaces */

static struct hvc_rate rate_of(const struct network_config *n)
{
    return (struct hvc_rate){
        .bytes_per_s = n->bytes_per_s,
        .bytes_burst =
            n->bytes_per_s ? n->bytes_per_s / BURST_DIVISOR + 65536 : 0,
        .ops_per_s = n->packets_per_s,
        .ops_burst =
            n->packets_per_s ? n->packets_per_s / BURST_DIVISOR + 64 : 0,
    };
}

/* What its monitor is told, and through it the guest. */
static void vif_describe(const struct netd *d, const struct msg_net *m,
                         const struct net_place *p, struct vif *v)
{
    const struct network_config *n = d->n;
    struct hv_net_config *c = &v->net.config;
    bool alone = n->mode != NET_BRIDGE;

    *v = (struct vif){.net = {.mtu = 1500}, .rate = rate_of(n)};
    memcpy(v->name, p->name, sizeof(v->name));
    memcpy(v->bridge, n->bridge, sizeof(v->bridge));
    memcpy(v->net.mac, p->mac, 6);
    memcpy(v->net.ipv4[0], p->ipv4, 4);
    memcpy(v->net.ipv6[0], p->ipv6, 16);
    v->net.flags = HVC_NET_BUDGET;
    v->net.in_bytes = m->in_bytes;
    v->net.out_bytes = m->out_bytes;
    memcpy(c->ipv4, p->ipv4, 4);
    memcpy(c->ipv6, p->ipv6, 16);
    /* Nobody else is on its link: everything goes by the gateway. */
    c->prefix4 = n->bits4 ? alone ? 32 : n->bits4 : 0;
    c->prefix6 = n->bits6 ? alone ? 128 : n->bits6 : 0;
    if (n->bits4)
        memcpy(c->gateway4, n->gateway4, 4);
    if (n->bits6)
        memcpy(c->gateway6, n->gateway6, 16);
    memcpy(c->dns4, n->dns4, 4);
    memcpy(c->dns6, n->dns6, 16);
}

/* The TAP's descriptor, or -errno. The interface lives as long as that does. */
static int interface_make(struct netd *d, const struct msg_net *m,
                          struct dom_device *out, struct err *e)
{
    cleanup_close int fd = -1;
    struct net_place p;
    struct vif v;

    network_place(d->n, m->number, &p);
    if (if_nametoindex(p.name))
        return err_set(e, EBUSY, "interface %s is still there", p.name);
    vif_describe(d, m, &p, &v);
    fd = vif_open(&v, &out->m, e);
    if (fd < 0 || link_settle(d->link_fd, d->n, &p, e) < 0)
        return -e->code;
    memcpy(out->target, p.name, sizeof(p.name));
    memcpy(out->bridge, d->n->bridge, sizeof(out->bridge));
    return steal_fd(&fd);
}

/* ----------------------------------------------------------------- messages */

/* Of what passes: its last interface is not gone yet, or the machine is short
 * of something. */
static bool passes(int code)
{
    return code == -EBUSY || code == -ENOMEM || code == -ENFILE ||
           code == -EMFILE || code == -ENOBUFS || code == -EAGAIN;
}

static int reply_open(int fd, const struct msg_net *m, int tap,
                      struct dom_device *device, const struct err *why,
                      struct err *e)
{
    struct msg_net_reply r = {.reply.status = 200};

    ipc_head(&r, MSG_NET_OPEN | MSG_REPLY, m->head.tag);
    if (tap < 0) {
        r.reply.status = passes(tap) ? 503 : 500;
        ipc_text(r.reply.text, why->text);
    } else {
        r.device = *device;
    }
    return ipc_send(fd, &r.reply.head, &tap, tap >= 0, e);
}

static int serve_open(struct netd *d, int fd, const struct msg_net *m,
                      struct err *e)
{
    struct dom_device device = {0};
    cleanup_close int tap = -1;
    struct err why;

    if (lease_add(d, m, &why) < 0)
        tap = -why.code;
    else
        tap = interface_make(d, m, &device, &why);
    return reply_open(fd, m, tap, &device, &why, e);
}

static int rules_replace(struct netd *d, struct err *e)
{
    cleanup_buf struct buf text = BUF_INIT(RULES_TEXT_MAX);
    int r = rules_base(d->n, &text);

    for (uint32_t i = 1; i <= d->n->count && r == 0; i++) {
        struct lease *l = &d->lease[i];

        if (!l->used)
            continue;
        /* Each pair once: with those before it. */
        l->used = false;
        r = rules_lease(d->n, &l->is, true, &text);
        for (uint32_t j = 1; j < i && l->is.group && r == 0; j++)
            if (d->lease[j].used && d->lease[j].is.group == l->is.group)
                r = rules_pair(d->n, i, j, true, &text);
        l->used = true;
    }
    if (r < 0)
        return err_set(e, -r, "no memory for rules");
    return rules_apply(&text, e);
}

static int serve_ready(struct netd *d, int fd, const struct msg_net *m,
                       struct err *e)
{
    struct msg_reply r = {.status = 200};

    if (d->n->mode != NET_NONE && !d->ready) {
        if (rules_replace(d, e) < 0)
            return -e->code;
        d->ready = true;
    }
    ipc_head(&r, MSG_NET_READY | MSG_REPLY, m->head.tag);
    return ipc_send(fd, &r.head, NULL, 0, e);
}

static int serve(struct netd *d, int fd, const struct msg_net *m, struct err *e)
{
    if (m->head.type == MSG_NET_READY)
        return serve_ready(d, fd, m, e);
    if (d->n->mode == NET_NONE || !sane(d, m))
        return err_set(e, EPROTO, "the keeper names a lease out of range");
    switch (m->head.type) {
    case MSG_NET_KEEP:
        return lease_add(d, m, e);
    case MSG_NET_OPEN:
        return serve_open(d, fd, m, e);
    case MSG_NET_CLOSE:
        lease_remove(d, m->number);
        return 0;
    }
    return err_set(e, EPROTO, "the keeper may not send \"%s\"",
                   ipc_name(m->head.type));
}

/* --------------------------------------------------------------------- life */

/* Interfaces of ours that domains have. */
static bool domains_live(const struct network_config *n)
{
    char prefix[NETWORK_PREFIX_MAX];
    struct if_nameindex *all = if_nameindex();
    bool found = false;

    network_prefix(n, prefix);
    for (struct if_nameindex *i = all; i && i->if_index; i++)
        found |= strncmp(i->if_name, prefix, strlen(prefix)) == 0;
    if_freenameindex(all);
    return found;
}

/* What a predecessor left is of no use to a node without a network. While
 * domains of it go on, rules stay: without them they would be free. */
static void leftovers_remove(const struct network_config *n,
                             const char *run_dir)
{
    cleanup_buf struct buf text = BUF_INIT(RULES_TEXT_MAX);
    struct err e = {0};

    if (!link_noted(run_dir) || domains_live(n))
        return;
    if (rules_none(n, &text) < 0 || rules_apply(&text, &e) < 0)
        log_warn("the rules of an earlier run may be left: %s", e.text);
    link_restore(run_dir);
}

static int netd_open(struct netd *d, struct err *e)
{
    d->link_fd = -1;
    if (d->n->mode == NET_NONE) {
        leftovers_remove(d->n, d->run_dir);
        return 0;
    }
    d->lease = calloc(d->n->count + 1, sizeof(*d->lease));
    if (!d->lease)
        return err_set(e, ENOMEM, "no memory for %u leases", d->n->count);
    d->link_fd = link_open(e);
    if (d->link_fd < 0)
        return d->link_fd;
    if (link_forward(d->n, d->run_dir, e) < 0)
        return -e->code;
    return link_proxy_clear(d->link_fd, d->n, e);
}

/* 0, or -errno: -EPIPE when it is time to end. */
static int turn(struct netd *d, struct err *e)
{
    struct pollfd p[2] = {{.fd = ROLE_FD(ROLE_KEEPER), .events = POLLIN},
                          {.fd = ROLE_LIFELINE_FD, .events = POLLIN}};
    static union ipc_any any;
    int fds[IPC_FDS_MAX], r;

    if (poll(p, 2, -1) < 0)
        return errno == EINTR ? 0 : err_errno(e, "poll");
    if (p[1].revents)
        return err_set(e, EPIPE, "the supervisor is gone");
    r = ipc_recv(p[0].fd, &any, fds, e);
    if (r == 0)
        return err_set(e, EPIPE, "the keeper is gone");
    if (r < 0)
        return r == -EAGAIN ? 0 : r;
    ipc_close(fds);
    return serve(d, p[0].fd, &any.net, e);
}

int net_main(const struct node_config *cfg)
{
    static struct netd d;
    struct err e;
    int r;

    d = (struct netd){.n = &cfg->network, .run_dir = cfg->run_dir};
    r = netd_open(&d, &e);
    if (r == 0)
        role_ready();
    while (r == 0)
        r = turn(&d, &e);
    if (r == -EPIPE)
        return 0;
    log_error("%s", e.text);
    return 1;
}

/* --------------------------------------------------------------- supervisor */

static bool is_bridge(const char *name)
{
    cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq r = {.ifr_data = (char *)&info};

    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    return fd >= 0 && ioctl(fd, SIOCETHTOOL, &r) == 0 &&
           strcmp(info.driver, "bridge") == 0;
}

int net_check(const struct network_config *n, struct err *e)
{
    if (n->mode == NET_NONE)
        return 0;
    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        return err_errno(e, "network = \"%s\" needs /dev/net/tun",
                         net_mode_name(n->mode));
    if (n->uplink[0] && !if_nametoindex(n->uplink))
        return err_errno(e, "network_uplink %s", n->uplink);
    if (n->bridge[0] && !is_bridge(n->bridge))
        return err_set(e, ENODEV, "network_bridge %s: there is no such bridge",
                       n->bridge);
    return 0;
}

void net_tidy(const struct node_config *cfg)
{
    const struct network_config *n = &cfg->network;
    cleanup_close int fd = -1;
    struct err e;

    if (n->mode == NET_NONE || domains_live(n))
        return;
    leftovers_remove(n, cfg->run_dir);
    fd = link_open(&e);
    if (fd >= 0 && link_proxy_clear(fd, n, &e) < 0)
        log_warn("%s", e.text);
}
