// SPDX-License-Identifier: ISC
// Interfaces, addresses, routes and neighbours; see link.h.

#include "node-agent/netd/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/cleanup.h"

#define REQUEST_MAX 512
#define ANSWER_MAX  16384

static int netlink_open(int bus, struct err *e)
{
    struct sockaddr_nl me = {.nl_family = AF_NETLINK};
    const int one = 1;
    cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, bus);

    if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0)
        return err_errno(e, "a netlink socket");
    /* Refusals do not carry the request again. */
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
    return steal_fd(&fd);
}

int link_open(struct err *e)
{
    return netlink_open(NETLINK_ROUTE, e);
}

/* Sends one request and waits for the kernel's answer: 0 or -errno. */
static int ask(int fd, struct nlmsghdr *h)
{
    static uint32_t sequence;
    char buf[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    ssize_t n;

    h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    h->nlmsg_seq = ++sequence;
    if (send(fd, h, h->nlmsg_len, 0) < 0)
        return -errno;
    do {
        n = recv(fd, buf, sizeof(buf), 0);
        if (n < 0 && errno != EINTR)
            return -errno;
    } while (n < 0 || ((struct nlmsghdr *)buf)->nlmsg_seq != sequence);
    return mnl_cb_run(buf, n, sequence, 0, NULL, NULL) < 0 ? -errno : 0;
}

/* ---------------------------------------------------------------- switches */

#define FORWARD4 "net/ipv4/ip_forward"
#define FORWARD6 "net/ipv6/conf/all/forwarding"

static int switch_read(const char *name, char value[16], struct err *e)
{
    char path[128];
    cleanup_close int fd = -1;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/sys/%s", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, value, 15);
    if (n < 0)
        return err_errno(e, "%s", path);
    value[n] = 0;
    value[strcspn(value, "\n")] = 0;
    return 0;
}

static int switch_write(const char *name, const char *value, struct err *e)
{
    char path[128];
    cleanup_close int fd = -1;

    snprintf(path, sizeof(path), "/proc/sys/%s", name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return err_errno(e, "setting %s to %s", path, value);
    return 0;
}

static void memory_path(char out[300], const char *run_dir)
{
    snprintf(out, 300, "%s/network", run_dir);
}

/* Sets it if it is not so, and writes down how it was before that. */
static int switch_set(const char *name, const char *value, int memory,
                      struct err *e)
{
    char was[16], line[160];
    int n;

    if (switch_read(name, was, e) < 0)
        return -e->code;
    if (strcmp(was, value) == 0)
        return 0;
    n = snprintf(line, sizeof(line), "%s %s\n", name, was);
    if (write(memory, line, n) != n)
        return err_errno(e, "writing down %s", name);
    return switch_write(name, value, e);
}

int link_forward(const struct network_config *n, const char *run_dir,
                 struct err *e)
{
    char path[300], name[64];
    cleanup_close int memory = -1;
    int r = 0;

    memory_path(path, run_dir);
    memory = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                  0600);
    if (memory < 0)
        return err_errno(e, "%s", path);
    if (n->mode == NET_BRIDGE)
        return 0;
    if (n->bits4)
        r = switch_set(FORWARD4, "1", memory, e);
    if (r == 0 && n->bits6)
        r = switch_set(FORWARD6, "1", memory, e);
    if (r == 0 && n->bits6 && n->uplink[0]) {
        snprintf(name, sizeof(name), "net/ipv6/conf/%s/proxy_ndp", n->uplink);
        r = switch_set(name, "1", memory, e);
    }
    return r;
}

bool link_noted(const char *run_dir)
{
    char path[300];

    memory_path(path, run_dir);
    return access(path, F_OK) == 0;
}

void link_restore(const char *run_dir)
{
    char path[300], line[256], name[128], value[16];
    struct err e;
    FILE *f;

    memory_path(path, run_dir);
    f = fopen(path, "re");
    if (!f)
        return;
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "%127s %15s", name, value) == 2 &&
            strncmp(name, "net/", 4) == 0 && !strstr(name, ".."))
            switch_write(name, value, &e);
    fclose(f);
    unlink(path);
}

/* The TAP's own. A kernel without IPv6 has none of those, which is no fault. */
static int switches_tap(const struct network_config *n, const char *tap,
                        struct err *e)
{
    static const struct {
        const char *format, *value;
        bool six;
    } all[] = {
        {"net/ipv4/conf/%s/forwarding", "1", false},
        {"net/ipv4/conf/%s/rp_filter", "1", false},
        {"net/ipv4/conf/%s/send_redirects", "0", false},
        {"net/ipv4/conf/%s/accept_redirects", "0", false},
        {"net/ipv6/conf/%s/accept_ra", "0", true},
        {"net/ipv6/conf/%s/accept_redirects", "0", true},
        {"net/ipv6/conf/%s/forwarding", "1", true},
    };
    char name[80];
    int r = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && r == 0; i++) {
        if (all[i].six ? !n->bits6 : !n->bits4)
            continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(name, sizeof(name), all[i].format, tap);
#pragma GCC diagnostic pop
        r = switch_write(name, all[i].value, e);
    }
    return r;
}

/* ------------------------------------------------------------------ requests
 */

static int address_add(int fd, int index, const uint8_t *ip, int len)
{
    char buf[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
    struct ifaddrmsg *m;

    h->nlmsg_type = RTM_NEWADDR;
    h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
    m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ifa_family = len == 4 ? AF_INET : AF_INET6;
    m->ifa_prefixlen = len * 8;
    m->ifa_flags = IFA_F_PERMANENT | (len == 4 ? 0 : IFA_F_NODAD);
    m->ifa_scope = RT_SCOPE_UNIVERSE;
    m->ifa_index = index;
    mnl_attr_put(h, IFA_LOCAL, len, ip);
    mnl_attr_put(h, IFA_ADDRESS, len, ip);
    return ask(fd, h);
}

static int route_add(int fd, int index, const uint8_t *ip, int len)
{
    char buf[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
    struct rtmsg *m;

    h->nlmsg_type = RTM_NEWROUTE;
    h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
    m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->rtm_family = len == 4 ? AF_INET : AF_INET6;
    m->rtm_dst_len = len * 8;
    m->rtm_table = RT_TABLE_MAIN;
    m->rtm_protocol = RTPROT_STATIC;
    m->rtm_scope = len == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    m->rtm_type = RTN_UNICAST;
    mnl_attr_put(h, RTA_DST, len, ip);
    mnl_attr_put_u32(h, RTA_OIF, index);
    return ask(fd, h);
}

/* Known for good: what a domain answers to questions changes nothing. */
static int neighbour_add(int fd, int index, const uint8_t *ip, int len,
                         const uint8_t mac[6])
{
    char buf[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
    struct ndmsg *m;

    h->nlmsg_type = RTM_NEWNEIGH;
    h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
    m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ndm_family = len == 4 ? AF_INET : AF_INET6;
    m->ndm_ifindex = index;
    m->ndm_state = NUD_PERMANENT;
    mnl_attr_put(h, NDA_DST, len, ip);
    mnl_attr_put(h, NDA_LLADDR, 6, mac);
    return ask(fd, h);
}

static int proxy_change(int fd, int index, const uint8_t *ip, int len, bool add)
{
    char buf[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
    struct ndmsg *m;

    h->nlmsg_type = add ? RTM_NEWNEIGH : RTM_DELNEIGH;
    h->nlmsg_flags = add ? NLM_F_CREATE | NLM_F_REPLACE : 0;
    m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ndm_family = len == 4 ? AF_INET : AF_INET6;
    m->ndm_ifindex = index;
    m->ndm_flags = NTF_PROXY;
    mnl_attr_put(h, NDA_DST, len, ip);
    return ask(fd, h);
}

static int family_settle(int fd, int index, const uint8_t *gateway,
                         const uint8_t *ip, int len, const uint8_t mac[6])
{
    int r = address_add(fd, index, gateway, len);

    if (r == 0)
        r = route_add(fd, index, ip, len);
    return r < 0 ? r : neighbour_add(fd, index, ip, len, mac);
}

int link_settle(int fd, const struct network_config *n,
                const struct net_place *p, struct err *e)
{
    unsigned index = if_nametoindex(p->name);
    int r = 0;

    if (!index)
        return err_errno(e, "interface %s", p->name);
    if (n->mode == NET_BRIDGE)
        return 0;
    if (switches_tap(n, p->name, e) < 0)
        return -e->code;
    if (n->bits4)
        r = family_settle(fd, index, n->gateway4, p->ipv4, 4, p->mac);
    if (r == 0 && n->bits6)
        r = family_settle(fd, index, n->gateway6, p->ipv6, 16, p->mac);
    return r < 0 ? err_set(e, -r, "interface %s: its addresses and routes: %s",
                           p->name, strerror(-r))
                 : 0;
}

static int uplink_index(const struct network_config *n, struct err *e)
{
    unsigned index = if_nametoindex(n->uplink);

    return index ? (int)index : err_errno(e, "network_uplink %s", n->uplink);
}

int link_proxy(int fd, const struct network_config *n,
               const struct net_place *p, bool add, struct err *e)
{
    int index, r = 0;

    if (!n->uplink[0])
        return 0;
    index = uplink_index(n, e);
    if (index < 0)
        return index;
    if (n->bits4)
        r = proxy_change(fd, index, p->ipv4, 4, add);
    if ((r == 0 || !add) && n->bits6)
        r = proxy_change(fd, index, p->ipv6, 16, add);
    return r < 0 && add ? err_set(e, -r, "answering for a domain on %s: %s",
                                  n->uplink, strerror(-r))
                        : 0;
}

/* --------------------------------------------------------------- what is old
 */

struct clear {
    const struct network_config *n;
    int index;
    size_t count;
    struct {
        uint8_t ip[16];
        int len;
    } found[LEASES_MAX > 1024 ? 1024 : LEASES_MAX];
};

static bool is_ours(const struct network_config *n, const uint8_t *ip, int len)
{
    const uint8_t *first = len == 4 ? n->first4 : n->first6;
    uint64_t at = 0;

    /* They differ in their last four bytes at most. */
    if (memcmp(ip, first, len - 4))
        return false;
    for (int i = len - 4; i < len; i++)
        at = at << 8 | ip[i];
    for (int i = len - 4; i < len; i++)
        at -= (uint64_t)first[i] << 8 * (len - 1 - i);
    return at < n->count;
}

static int proxy_see(const struct nlmsghdr *h, void *arg)
{
    const struct ndmsg *m = mnl_nlmsg_get_payload(h);
    struct clear *c = arg;
    const struct nlattr *a;

    if (m->ndm_ifindex != c->index)
        return MNL_CB_OK;
    mnl_attr_for_each(a, h, sizeof(*m))
    {
        int len = mnl_attr_get_payload_len(a);

        if (mnl_attr_get_type(a) != NDA_DST || (len != 4 && len != 16) ||
            !(len == 4 ? c->n->bits4 : c->n->bits6) ||
            !is_ours(c->n, mnl_attr_get_payload(a), len) ||
            c->count == sizeof(c->found) / sizeof(c->found[0]))
            continue;
        memcpy(c->found[c->count].ip, mnl_attr_get_payload(a), len);
        c->found[c->count++].len = len;
    }
    return MNL_CB_OK;
}

static int proxies_list(int fd, int family, struct clear *c)
{
    char buf[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
    struct ndmsg *m;
    ssize_t n;
    int r;

    h->nlmsg_type = RTM_GETNEIGH;
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ndm_family = family;
    m->ndm_flags = NTF_PROXY;
    if (send(fd, h, h->nlmsg_len, 0) < 0)
        return -errno;
    do {
        n = recv(fd, buf, sizeof(buf), 0);
        if (n < 0)
            return -errno;
        r = mnl_cb_run(buf, n, 0, 0, proxy_see, c);
    } while (r > 0);
    return r < 0 ? -errno : 0;
}

int link_proxy_clear(int fd, const struct network_config *n, struct err *e)
{
    static struct clear c;
    int r = 0;

    if (!n->uplink[0])
        return 0;
    do {
        c = (struct clear){.n = n, .index = uplink_index(n, e)};
        if (c.index < 0)
            return c.index;
        r = proxies_list(fd, AF_INET, &c);
        if (r == 0)
            r = proxies_list(fd, AF_INET6, &c);
        for (size_t i = 0; i < c.count && r == 0; i++)
            r = proxy_change(fd, c.index, c.found[i].ip, c.found[i].len, false);
    } while (r == 0 && c.count == sizeof(c.found) / sizeof(c.found[0]));
    return r < 0 ? err_set(e, -r, "tidying %s: %s", n->uplink, strerror(-r))
                 : 0;
}

int link_forget(uint32_t mark, struct err *e)
{
    char buf[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
    cleanup_close int fd = netlink_open(NETLINK_NETFILTER, e);
    struct nfgenmsg *m;
    int r;

    if (fd < 0)
        return fd;
    h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
    m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->nfgen_family = AF_UNSPEC;
    m->version = NFNETLINK_V0;
    mnl_attr_put_u32(h, CTA_MARK, htonl(mark));
    mnl_attr_put_u32(h, CTA_MARK_MASK, 0xffffffffu);
    r = ask(fd, h);
    /* A kernel that has not yet tracked anything. */
    if (r < 0 && r != -ENOENT && r != -EINVAL && r != -EOPNOTSUPP)
        return err_set(e, -r, "forgetting connections: %s", strerror(-r));
    return 0;
}
