// SPDX-License-Identifier: ISC
// Networks of submissions; see net.h.

#include "node-agent/keeper/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/log.h"
#include "node-agent/keeper/machine.h"

int nets_open(struct keeper *k, struct err *e)
{
    const struct network_config *c = &k->cfg.network;
    struct nets *n = k->nets = calloc(1, sizeof(*n));

    if (n && c->mode != NET_NONE)
        n->used = calloc(c->count + 1, sizeof(*n->used));
    if (!n || (c->mode != NET_NONE && !n->used))
        return err_set(e, ENOMEM, "no memory for leases");
    n->n = n->nfree = c->mode != NET_NONE ? c->count : 0;
    n->next = 1;
    return 0;
}

void nets_close(struct keeper *k)
{
    if (k->nets)
        free(k->nets->used);
    free(k->nets);
}

// ---------------------------------------------------------------- admission

static bool is_over(const struct sub *s)
{
    return s->info.state == SUB_SETTLING || s->info.state == SUB_DONE;
}

static bool publishes(const struct sub *s, const struct net_publish *p)
{
    const struct net_terms *t = &s->info.net;

    for (uint32_t i = 0; i < t->npublish; i++)
        if (t->publish[i].protocol == p->protocol &&
            t->publish[i].host_port == p->host_port)
            return true;
    return false;
}

static const char *protocol_name(const struct net_publish *p)
{
    return p->protocol == NET_UDP ? "udp" : "tcp";
}

static bool may_publish(const struct keeper *k, const struct net_publish *p)
{
    const struct network_config *c = &k->cfg.network;

    return c->publish_first && p->host_port >= c->publish_first &&
           p->host_port <= c->publish_last;
}

static unsigned port_refuses(struct keeper *k, const struct net_publish *p,
                             struct err *why)
{
    const struct network_config *c = &k->cfg.network;

    if (!may_publish(k, p)) {
        err_set(why, ERANGE,
                "port %s:%u cannot be published here: this node publishes %u "
                "to %u",
                protocol_name(p), p->host_port, c->publish_first,
                c->publish_last);
        return 422;
    }
    for (struct sub *s = sub_next(&k->subs, NULL); s; s = sub_next(&k->subs, s))
        if (!is_over(s) && publishes(s, p)) {
            err_set(why, EADDRINUSE,
                    "port %s:%u of this node is published by another "
                    "submission; choose another",
                    protocol_name(p), p->host_port);
            return 409;
        }
    return 0;
}

static uint32_t count_of(struct keeper *k, const key_id_t *customer)
{
    uint32_t n = 0;

    for (struct sub *s = sub_next(&k->subs, NULL); s; s = sub_next(&k->subs, s))
        n += s->info.net.mode != NET_NONE && !is_over(s) &&
             !memcmp(&s->info.customer, customer, sizeof(*customer));
    return n;
}

unsigned net_refuses(struct keeper *k, const key_id_t *account,
                     const struct net_terms *t, struct err *why)
{
    const struct network_config *c = &k->cfg.network;

    if (t->mode == NET_NONE)
        return 0;
    if (c->mode == NET_NONE) {
        err_set(why, ENOTSUP, "this node gives programs no network");
        return 422;
    }
    if (t->mode != NET_ANY && t->mode != c->mode) {
        err_set(why, ENOTSUP,
                "the bundle asks for network \"%s\"; this node's is \"%s\"",
                net_mode_name(t->mode), net_mode_name(c->mode));
        return 422;
    }
    if (t->npublish && !c->publish_first) {
        err_set(why, ENOTSUP, "this node publishes no ports");
        return 422;
    }
    if (t->npublish > c->publish_max) {
        err_set(why, E2BIG,
                "the bundle publishes %u ports; this node allows %u of a "
                "submission",
                t->npublish, c->publish_max);
        return 422;
    }
    if (c->quota && count_of(k, account) >= c->quota) {
        err_set(why, EDQUOT,
                "you have %u submissions with a network here, as many as one "
                "may have",
                c->quota);
        return 429;
    }
    for (uint32_t i = 0; i < t->npublish; i++) {
        unsigned status = port_refuses(k, &t->publish[i], why);

        if (status)
            return status;
    }
    return 0;
}

// -------------------------------------------------------------------- leases

bool net_fits(struct keeper *k, const struct sub *s)
{
    if (s->info.net.mode == NET_NONE)
        return true;
    return k->nets->ready && (s->info.lease.number || k->nets->nfree);
}

static void lease_fill(struct keeper *k, uint32_t number, struct net_lease *l)
{
    struct net_place p;

    network_place(&k->cfg.network, number, &p);
    *l = (struct net_lease){.number = number};
    memcpy(l->mac, p.mac, sizeof(l->mac));
    memcpy(l->ipv4, p.ipv4, sizeof(l->ipv4));
    memcpy(l->ipv6, p.ipv6, sizeof(l->ipv6));
}

// net_fits has said that there is one.
static void lease_take(struct keeper *k, struct sub *s)
{
    struct nets *n = k->nets;

    while (n->used[n->next])
        n->next = n->next % n->n + 1;
    n->used[n->next] = true;
    n->nfree--;
    lease_fill(k, n->next, &s->info.lease);
    n->next = n->next % n->n + 1;
    sub_touch(&k->subs, s);
}

static bool are_linked(const struct sub *a, const struct sub *b)
{
    return a != b && a->info.lease.number && b->info.lease.number &&
           !memcmp(&a->info.customer, &b->info.customer, sizeof(key_id_t)) &&
           !memcmp(a->info.net.link, b->info.net.link, NET_LINK_MAX);
}

// The group of those of a customer that name the same link.
static uint32_t group_of(struct keeper *k, struct sub *s)
{
    if (!*s->info.net.link)
        return 0;
    for (struct sub *o = sub_next(&k->subs, NULL); o && !s->net_group;
         o = sub_next(&k->subs, o))
        if (o->net_group && are_linked(o, s))
            s->net_group = o->net_group;
    if (!s->net_group)
        s->net_group = ++k->nets->group;
    return s->net_group;
}

static void net_post(struct keeper *k, struct sub *s, uint32_t type,
                     uint64_t in_bytes, uint64_t out_bytes)
{
    struct msg_net m = {.number = s->info.lease.number,
                        .group = group_of(k, s),
                        .in_bytes = in_bytes,
                        .out_bytes = out_bytes};

    // The configuration may have changed since it was taken.
    for (uint32_t i = 0; i < s->info.net.npublish; i++)
        if (may_publish(k, &s->info.net.publish[i]))
            m.publish[m.npublish++] = s->info.net.publish[i];
    ipc_head(&m, type, sub_tag(s));
    chan_post(&k->net, &m, NULL, 0);
}

// Of a budget that all incarnations share. Used up, it is still not 0: a
// spawner takes that for none.
static uint64_t left_of(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 1;
}

void net_left(const struct sub *s, uint64_t *in_bytes, uint64_t *out_bytes)
{
    *in_bytes = left_of(s->info.net.in_bytes, s->before.net_rx_bytes);
    *out_bytes = left_of(s->info.net.out_bytes, s->before.net_tx_bytes);
}

void net_ask(struct keeper *k, struct sub *s)
{
    uint64_t in, out;

    if (!s->info.lease.number)
        lease_take(k, s);
    net_left(s, &in, &out);
    net_post(k, s, MSG_NET_OPEN, in, out);
}

void net_give(struct keeper *k, struct sub *s)
{
    if (!s->info.lease.number)
        return;
    net_post(k, s, MSG_NET_CLOSE, 0, 0);
    k->nets->used[s->info.lease.number] = false;
    k->nets->nfree++;
    s->info.lease = (struct net_lease){0};
    s->net_group = 0;
    sub_touch(&k->subs, s);
}

// -------------------------------------------------------------- after a start

// The node may have another configuration than the one it was taken under.
static bool still_good(struct keeper *k, const struct sub *s)
{
    const struct net_lease *l = &s->info.lease;
    struct net_lease now;

    if (l->number > k->nets->n || k->nets->used[l->number])
        return false;
    lease_fill(k, l->number, &now);
    return !memcmp(l, &now, sizeof(now));
}

void net_recover(struct keeper *k)
{
    struct msg_net ready = {0};
    char id[SUB_ID_TEXT];

    if (k->net.fd < 0)
        return;
    for (struct sub *s = sub_next(&k->subs, NULL); s;
         s = sub_next(&k->subs, s)) {
        if (!s->info.lease.number)
            continue;
        if (still_good(k, s)) {
            k->nets->used[s->info.lease.number] = true;
            k->nets->nfree--;
            net_post(k, s, MSG_NET_KEEP, 0, 0);
            continue;
        }
        log_warn("submission %s has an address that this node does not give "
                 "any more; it is cut off until it is started again",
                 sub_id_text(id, &s->info.id));
        s->info.lease = (struct net_lease){0};
        sub_touch(&k->subs, s);
    }
    ipc_head(&ready, MSG_NET_READY, 0);
    chan_post(&k->net, &ready, NULL, 0);
}

static void opened(struct keeper *k, const struct msg_net_reply *m,
                   const int *fd)
{
    struct sub *s = sub_by_tag(&k->subs, m->reply.head.tag);

    if (!s || !s->starting)
        return;
    if (m->reply.status == 200 && *fd >= 0)
        machine_event(k, s, .kind = EV_LINKED, .device = &m->device,
                      .device_fd = fd);
    else if (m->reply.status == 503)
        machine_event(k, s, .kind = EV_BUSY);
    else
        machine_event(k, s, .kind = EV_UNSTARTED, .text = m->reply.text);
}

int news_of_net(struct keeper *k, const union ipc_any *any,
                int fds[IPC_FDS_MAX], struct err *e)
{
    switch (any->head.type) {
    case MSG_NET_READY | MSG_REPLY:
        k->nets->ready = true;
        return 0;
    case MSG_NET_OPEN | MSG_REPLY:
        opened(k, &any->net_reply, &fds[0]);
        return 0;
    }
    return err_set(e, EPROTO, "the net role may not send \"%s\"",
                   ipc_name(any->head.type));
}
