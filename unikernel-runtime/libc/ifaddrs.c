// SPDX-License-Identifier: ISC
// Interfaces by name, number and address.
#include "unikernel-runtime/libc/result.h"
#include "unikernel-runtime/net/interface.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

unsigned if_nametoindex(const char *name)
{
    struct interface_address a;
    for (unsigned i = 0; interface_address_get(i, &a); i++)
        if (!strcmp(name, a.interface))
            return a.index;
    errno = ENODEV;
    return 0;
}

char *if_indextoname(unsigned index, char *name)
{
    struct interface_address a;
    for (unsigned i = 0; interface_address_get(i, &a); i++)
        if (index == a.index)
            return strcpy(name, a.interface);
    errno = ENXIO;
    return NULL;
}

struct if_nameindex *if_nameindex(void)
{
    struct interface_address a;
    struct if_nameindex *list = calloc(1, sizeof *list);
    unsigned n = 0, last = 0;
    for (unsigned i = 0; list && interface_address_get(i, &a); i++) {
        if (a.index == last)
            continue;
        struct if_nameindex *more = realloc(list, (n + 2) * sizeof *list);
        char *name = strdup(a.interface);
        if (!more || !name) {
            free(name);
            if_freenameindex(more ? more : list);
            list = NULL;
            break;
        }
        list = more;
        list[n++] = (struct if_nameindex){a.index, name};
        list[n] = (struct if_nameindex){0, NULL};
        last = a.index;
    }
    if (!list)
        errno = ENOBUFS;
    return list;
}

void if_freenameindex(struct if_nameindex *list)
{
    for (struct if_nameindex *i = list; i && i->if_name; i++)
        free(i->if_name);
    free(list);
}

// An entry and all that it points to.
struct entry {
    struct ifaddrs ifa;
    struct interface_address a;
};

int getifaddrs(struct ifaddrs **list)
{
    struct ifaddrs **link = list;
    *list = NULL;
    struct interface_address a;
    for (unsigned i = 0; interface_address_get(i, &a); i++) {
        struct entry *e = calloc(1, sizeof *e);
        if (!e) {
            freeifaddrs(*list);
            return result(-ENOMEM);
        }
        e->a = a;
        e->ifa = (struct ifaddrs){
            .ifa_name = e->a.interface,
            .ifa_flags = a.flags,
            .ifa_addr = a.address.len ? &e->a.address.any : NULL,
            .ifa_netmask = a.netmask.len ? &e->a.netmask.any : NULL,
            .ifa_broadaddr = a.broadcast.len ? &e->a.broadcast.any : NULL};
        *link = &e->ifa;
        link = &e->ifa.ifa_next;
    }
    return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
    for (struct ifaddrs *next; list; list = next) {
        next = list->ifa_next;
        free(list);
    }
}
