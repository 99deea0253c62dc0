// SPDX-License-Identifier: ISC
// Devices of the operator's domains, kept for the next keeper: a set of
// descriptors a domain, under the number of its row.

#include "node-agent/keeper/dom.h"

#include <fcntl.h>
#include <unistd.h>
#include "lib/log.h"
#include "node-agent/keeper/keeper.h"

static bool restore(void *arg, int64_t id, const int *fds, uint32_t n)
{
    struct dom *d = dom_of_serial(arg, id);

    if (!d || n != d->row.devices.n || n > HV_DEVICE_MAX || dom_holds(d) ||
        d->row.state == DOM_OFF || d->row.state == DOM_CRASHED)
        return false;
    for (uint32_t i = 0; i < n; i++)
        d->device_fd[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
    d->shelved = dom_holds(d);
    return d->shelved;
}

// Nothing stayed there: all is to be put again.
static void forget(struct keeper *k)
{
    for (struct dom *d = k->doms.first; d; d = d->next)
        d->shelved = false;
    k->doms.shelf_stale = true;
}

void dom_shelf_restore(struct keeper *k)
{
    if (shelf_turn(&k->doms.shelf, restore, k))
        forget(k);
}

static bool is_wanted(void *arg, int64_t id, const int *fds, uint32_t n)
{
    const struct dom *d = dom_of_serial(arg, id);

    (void)fds;
    (void)n;
    return d && d->shelved;
}

void dom_shelf_save(struct keeper *k)
{
    if (!k->doms.shelf_stale)
        return;
    if (shelf_turn(&k->doms.shelf, is_wanted, k))
        forget(k);
    k->doms.shelf_stale = false;
    for (struct dom *d = k->doms.first; d; d = d->next) {
        if (d->gone || d->shelved || !dom_holds(d))
            continue;
        d->shelved = shelf_put(&k->doms.shelf, d->serial, d->device_fd,
                               d->row.devices.n) == 0;
        if (!d->shelved)
            log_warn("domain %s: its disks and interfaces cannot be kept for "
                     "a successor of this agent",
                     d->row.config.name);
    }
}
