// SPDX-License-Identifier: ISC
// Disks and interfaces of a domain's file; see dom_device.h.

#include "node-agent/cli/dom_device.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hypervisor/monitor/disk.h"
#include "hypervisor/monitor/vif.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/agent/ticket.h"

struct dom_specs {
    struct disk disk[HV_DEVICE_MAX];
    struct vif vif[HV_DEVICE_MAX];
    uint32_t ndisks, nvifs;
    json_t *disk_texts, *vif_texts; // as they were written
};

static int disk_read(struct dom_specs *s, const char *text, struct err *e)
{
    struct disk *d = &s->disk[s->ndisks];

    if (disk_parse(d, text, s->ndisks, e) < 0)
        return -e->code;
    if (d->format == DISK_QCOW2)
        return err_set(e, ENOTSUP,
                       "disk %s: a node does not start back ends for format "
                       "qcow2: have a qemu-storage-daemon of your own serve "
                       "it, and name its socket (vhost-user:PATH)",
                       d->target);
    s->ndisks++;
    return 0;
}

static json_t *texts(const struct cfg_list *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, json_string(l->item[i]));
    return a;
}

int dom_specs_read(const struct domain_config *c, struct dom_specs **out,
                   struct err *e)
{
    struct dom_specs *s = calloc(1, sizeof(*s));
    int r = 0;

    *out = s;
    if (!s)
        return err_set(e, ENOMEM, "no memory");
    if (c->disk.n + c->vif.n > HV_DEVICE_MAX)
        return err_set(e, EINVAL, "disk, vif: a domain has at most %d devices",
                       HV_DEVICE_MAX);
    if (c->volume.n)
        return err_set(e, ENOTSUP,
                       "volume: a node's domains have none yet; hostel-hv run "
                       "serves them");
    s->disk_texts = texts(&c->disk);
    s->vif_texts = texts(&c->vif);
    for (size_t i = 0; r == 0 && i < c->disk.n; i++)
        r = disk_read(s, c->disk.item[i], e);
    for (size_t i = 0; r == 0 && i < c->vif.n; i++)
        r = vif_parse(&s->vif[s->nvifs++], c->vif.item[i], e);
    return r;
}

void dom_specs_free(struct dom_specs *s)
{
    if (!s)
        return;
    json_decref(s->disk_texts);
    json_decref(s->vif_texts);
    free(s);
}

void dom_specs_json(const struct dom_specs *s, json_t *o)
{
    if (s->ndisks)
        json_object_set(o, "disk", s->disk_texts);
    if (s->nvifs)
        json_object_set(o, "vif", s->vif_texts);
}

uint32_t dom_specs_count(const struct dom_specs *s)
{
    return s->ndisks + s->nvifs;
}

// The host may have chosen it.
static void tap_name(struct dom_device *d, int fd)
{
    struct ifreq r = {0};

    if (ioctl(fd, TUNGETIFF, &r) == 0)
        snprintf(d->target, sizeof(d->target), "%s", r.ifr_name);
}

// The node connects, when the domain starts and when it starts again.
static int outside_open(const struct disk *d, struct dom_device *to,
                        struct err *e)
{
    int fd = ticket_make(d->target, e);

    if (fd < 0)
        return err_prefix(e, "disk");
    to->m = disk_outside();
    snprintf(to->target, sizeof(to->target), "vhost-user:%s", d->target);
    return fd;
}

static int disk_take(const struct disk *d, uint32_t nth, struct dom_device *to,
                     struct err *e)
{
    if (d->format == DISK_VHOST_USER)
        return outside_open(d, to, e);
    ipc_text(to->target, d->target);
    return disk_open(d, nth, &to->m, e);
}

int dom_specs_open(const struct dom_specs *s, struct dom_devices *d,
                   int fd[HV_DEVICE_MAX], struct err *e)
{
    memset(d, 0, sizeof(*d));
    for (uint32_t i = 0; i < dom_specs_count(s); i++) {
        struct dom_device *to = &d->at[i];
        const struct vif *v = i < s->ndisks ? NULL : &s->vif[i - s->ndisks];

        fd[i] = v ? vif_open(v, &to->m, e) : disk_take(&s->disk[i], i, to, e);
        if (fd[i] < 0) {
            while (i)
                close(fd[--i]);
            return -e->code;
        }
        if (v) {
            tap_name(to, fd[i]);
            ipc_text(to->bridge, v->bridge);
        }
        d->n++;
    }
    return 0;
}
