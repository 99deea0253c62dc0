// SPDX-License-Identifier: ISC
// The network that a program asks for; see plan_net.h.

#include "node-agent/bundle/plan_net.h"

#include <stdlib.h>
#include <string.h>

#include "node-agent/bundle/text.h"

#define NET_MIB_DEFAULT 1024

static int mode_parse(const char *text, uint32_t *mode, struct err *e)
{
    for (uint32_t i = 0; i <= NET_ANY; i++)
        if (strcmp(text, net_mode_name(i)) == 0) {
            *mode = i;
            return 0;
        }
    return err_set(e, EINVAL,
                   "network must be \"none\", \"nat\", \"routed\", "
                   "\"bridge\" or \"any\", not \"%s\"",
                   text);
}

// A port at *text, which moves behind it; 0: there is none.
static uint16_t port_take(const char **text)
{
    char *end;
    unsigned long port;

    if (**text < '0' || **text > '9')
        return 0;
    port = strtoul(*text, &end, 10);
    *text = end;
    return port <= UINT16_MAX ? port : 0;
}

int publish_parse(const char *text, struct net_publish *out, struct err *e)
{
    const char *p = text;
    char shown[TEXT_QUOTE_MAX];

    *out = (struct net_publish){.protocol = NET_TCP};
    if (strncmp(p, "tcp:", 4) == 0) {
        p += 4;
    } else if (strncmp(p, "udp:", 4) == 0) {
        out->protocol = NET_UDP;
        p += 4;
    }
    out->host_port = port_take(&p);
    if (out->host_port && *p == ':') {
        p++;
        out->port = port_take(&p);
    }
    if (out->port && !*p)
        return 0;
    return err_set(e, EINVAL,
                   "\"%s\" publishes nothing: write [tcp:|udp:]HOSTPORT:PORT, "
                   "the node's port and the program's",
                   text_quote(shown, text));
}

int plan_net_fill(const struct bundle_request *q, const struct recipe *c,
                  struct net_terms *out, struct err *e)
{
    const char *mode = q->network ? q->network : c->network;
    const char *link = q->link ? q->link : c->link;
    size_t n = q->npublish ? q->npublish : c->publish.n;
    int64_t in = q->net_in_mib ? q->net_in_mib : c->net_in_mib;
    int64_t going = q->net_out_mib ? q->net_out_mib : c->net_out_mib;

    *out = (struct net_terms){0};
    if (mode && mode_parse(mode, &out->mode, e) < 0)
        return -EINVAL;
    if (out->mode == NET_NONE) {
        // Asked for on the command line, it takes back all of bundle.cfg's.
        if (q->network
                ? q->npublish || q->link || q->net_in_mib || q->net_out_mib
                : n || link || in || going)
            return err_set(e, EINVAL,
                           "publish, link, net_in_mib and net_out_mib go with "
                           "a network: \"nat\", \"routed\" or \"any\"");
        return 0;
    }
    out->in_bytes = (uint64_t)(in ? in : NET_MIB_DEFAULT) << 20;
    out->out_bytes = (uint64_t)(going ? going : NET_MIB_DEFAULT) << 20;
    if (link && strlen(link) >= sizeof(out->link))
        return err_set(e, E2BIG, "the name of a link has at most %d letters",
                       NET_LINK_MAX - 1);
    if (link)
        strcpy(out->link, link);
    if (n > NET_PUBLISH_MAX)
        return err_set(e, E2BIG, "at most %d ports can be published",
                       NET_PUBLISH_MAX);
    for (size_t i = 0; i < n; i++)
        if (publish_parse(q->npublish ? q->publish[i] : c->publish.item[i],
                          &out->publish[i], e) < 0)
            return -EINVAL;
    out->npublish = n;
    return 0;
}
