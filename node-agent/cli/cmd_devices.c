// SPDX-License-Identifier: ISC
// hostel block-list, network-list: what devices a domain has. Columns as xl's,
// as far as they mean something without a Xen store.

#include <stdio.h>
#include <string.h>

#include "node-agent/cli/cmd.h"
#include "node-agent/cli/ctl.h"

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
    printf("vd%c   %-4u %-6s %12llu %s\n", 'a' + (int)nth, 0,
           d->m.flags & HVC_D_READ_ONLY ? "r" : "w",
           (unsigned long long)d->m.block.capacity_bytes >> 10, d->target);
}

static int network_list_run(int argc, char **argv)
{
    if (argc < 2)
        return cmd_usage(&cmd_network_list);
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
    .usage = "DOMAIN...",
    .summary = "list domains' network interfaces",
};
const struct cmd cmd_block_list = {
    .name = "block-list",
    .run = block_list_run,
    .usage = "DOMAIN...",
    .summary = "list domains' block devices",
};
