// SPDX-License-Identifier: ISC
// hostel block-list, network-list: what devices a domain has. Columns as xl's,
// as far as they mean something without a Xen store.

#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/ctl.h"
#include "node-agent/cli/show.h"

// Of one kind, one line each; `nth` counts within the kind.
static void print_kind(const struct dom_devices *d, enum hv_device_type type,
                       void (*print)(const struct dom_device *, unsigned nth))
{
    unsigned nth = 0;

    for (uint32_t i = 0; i < d->n; i++)
        if (d->at[i].m.type == (uint32_t)type)
            print(&d->at[i], nth++);
}

static int list_some(int argc, char **argv, enum hv_device_type type,
                     const char *header,
                     void (*print)(const struct dom_device *, unsigned nth))
{
    static struct dom_devices d;
    struct err e = {0};
    struct ctl *c = ctl_open(&e);
    int r = c ? 0 : -e.code;

    for (int i = 1; r == 0 && i < argc; i++) {
        r = ctl_devices(c, argv[i], &d, &e);
        if (r == 0 && i == 1)
            puts(header);
        if (r == 0)
            print_kind(&d, type, print);
    }
    ctl_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

// A TAP is of the host: domain 0, as xl says.
static void print_net(const struct dom_device *d, unsigned nth)
{
    const uint8_t *m = d->m.net.mac;

    printf("%-3u %-4u %02x:%02x:%02x:%02x:%02x:%02x %5u %-15s %s\n", nth, 0,
           m[0], m[1], m[2], m[3], m[4], m[5], d->m.net.mtu, d->target,
           *d->bridge ? d->bridge : "-");
}

static void print_block(const struct dom_device *d, unsigned nth)
{
    if (device_is_outside(d)) { // its back end knows
        printf("vd%c   %-4u %-6s %12s %s\n", 'a' + (int)nth, 0, "-", "-",
               d->target);
        return;
    }
    printf("vd%c   %-4u %-6s %12llu %s\n", 'a' + (int)nth, 0,
           d->m.flags & HVC_D_READ_ONLY ? "r" : "w",
           (unsigned long long)d->m.block.capacity_bytes >> 10, d->target);
}

// ------------------------------------------------- networks of submissions

static const char *published(const json_t *network, char *out, size_t size)
{
    const json_t *p;
    size_t i, len = 0;

    snprintf(out, size, "-");
    json_array_foreach(json_object_get(network, "publish"), i, p)
    {
        int n = snprintf(out + len, size - len, "%s%s:%lld:%lld", i ? "," : "",
                         get_text(p, "protocol"),
                         (long long)get_count(p, "host_port"),
                         (long long)get_count(p, "port"));

        if (n < 0 || (size_t)n >= size - len)
            break;
        len += (size_t)n;
    }
    return out;
}

static const char *or_none(const char *text)
{
    return *text ? text : "-";
}

static void networks_print(const json_t *list)
{
    struct table *t =
        table_new("ID,NAME,NETWORK,IPV4,IPV6,LINK,PUBLISHED,>IN,>OUT");
    const json_t *o;
    size_t i;

    json_array_foreach(json_object_get(list, "submissions"), i, o)
    {
        const json_t *n = json_object_get(o, "network");
        char id[SHOW_SIZE], ports[256], in[SHOW_SIZE], out[SHOW_SIZE];

        if (!json_is_object(n))
            continue;
        table_row(t, show_id(id, get_text(o, "id")), get_text(o, "name"),
                  get_text(n, "mode"), or_none(get_text(n, "ipv4")),
                  or_none(get_text(n, "ipv6")), or_none(get_text(n, "link")),
                  published(n, ports, sizeof(ports)),
                  show_bytes(in, get_count(o, "usage.net_rx_bytes")),
                  show_bytes(out, get_count(o, "usage.net_tx_bytes")));
    }
    table_print(t, stdout);
    table_free(t);
}

// Of those that live: the caller's, or for the operator everybody's.
static int networks_list(void)
{
    struct err e = {0};
    struct client *c = client_open(CLIENT_CUSTOMER, &e);
    json_t *list =
        c ? client_get_json(c, &e, "/v1/submissions?limit=1000&live=1") : NULL;

    client_close(c);
    if (!list)
        return cmd_fail(&e);
    networks_print(list);
    json_decref(list);
    return 0;
}

static int network_list_run(int argc, char **argv)
{
    if (argc < 2)
        return networks_list();
    return list_some(argc, argv, HV_DEV_NET,
                     "Idx BE   Mac Addr.           MTU Vif             Bridge",
                     print_net);
}

static int block_list_run(int argc, char **argv)
{
    if (argc < 2)
        return cmd_usage(&cmd_block_list);
    return list_some(argc, argv, HV_DEV_BLOCK,
                     "Vdev  BE   Access      Size(k) Target", print_block);
}

const struct cmd cmd_network_list = {
    .name = "network-list",
    .run = network_list_run,
    .usage = "[DOMAIN...]",
    .summary = "list domains' network interfaces",
    .help = "Without a DOMAIN: the networks of submissions that live.\n",
};
const struct cmd cmd_block_list = {
    .name = "block-list",
    .run = block_list_run,
    .usage = "DOMAIN...",
    .summary = "list domains' block devices",
};
