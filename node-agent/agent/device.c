// SPDX-License-Identifier: ISC
// Devices on their way; see device.h. The monitor checks again what it is
// given: here a wrong one gets its sentence before a slot is spent on it.

#include "node-agent/agent/device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/agent/ticket.h"

#define SEALS     (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define TUN_MAJOR 10 /* of /dev/net/tun */
#define TUN_MINOR 200

int devices_pack(const struct dom_devices *d, struct err *e)
{
    cleanup_close int fd =
        memfd_create("devices", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || write_full(fd, d->at, d->n * sizeof(d->at[0])) < 0 ||
        fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        return err_errno(e, "passing devices on");
    return steal_fd(&fd);
}

uint64_t devices_window_kib(const struct dom_devices *d)
{
    uint64_t kib = d->n ? HVC_WINDOW_MIN_KIB : 0;

    for (uint32_t i = 0; i < d->n; i++)
        kib += d->at[i].m.window_kib;
    return kib;
}

int devices_want_rings(const struct dom_devices *d)
{
    for (uint32_t i = 0; i < d->n; i++)
        if (d->at[i].m.type == HV_DEV_NET ||
            (d->at[i].m.type == HV_DEV_BLOCK && !device_is_outside(&d->at[i])))
            return 1;
    return 0;
}

/* ---------------------------------------------------------------- checking */

static int is_power_of_2(uint32_t n)
{
    return n && !(n & (n - 1));
}

static int block_ok(const struct hvc_device *m)
{
    const struct hvc_block *b = &m->block;

    return !(m->flags & ~HVC_D_READ_ONLY) && is_power_of_2(b->block_bytes) &&
           b->block_bytes >= 512 && b->block_bytes <= HV_PAGE &&
           (!b->align_bytes ||
            (is_power_of_2(b->align_bytes) && b->align_bytes <= HV_PAGE)) &&
           b->capacity_bytes && b->capacity_bytes <= INT64_MAX &&
           b->capacity_bytes % b->block_bytes == 0 &&
           memchr(b->id, 0, sizeof(b->id));
}

/* What it is like its back end says; and no rate is kept for it here. */
static int outside_ok(const struct hvc_device *m)
{
    static const struct hvc_rate no_rate[2];
    static const uint8_t nothing[sizeof(m->bytes)];

    return m->flags == HVC_D_VHOST_USER &&
           !memcmp(m->rate, no_rate, sizeof(no_rate)) &&
           !memcmp(m->bytes, nothing, sizeof(nothing));
}

static int disk_ok(const struct hvc_device *m)
{
    return m->flags & HVC_D_VHOST_USER ? outside_ok(m) : block_ok(m);
}

static int net_ok(const struct hvc_device *m)
{
    const struct hvc_net *n = &m->net;

    return !m->flags && n->mtu >= 576 && n->mtu <= 9000 && !(n->mac[0] & 1) &&
           !(n->flags & ~(HVC_NET_ANY_IP | HVC_NET_BUDGET)) &&
           n->loss <= 10000 && n->duplicate <= 10000 && n->reorder <= 10000 &&
           n->config.prefix4 <= 32 && n->config.prefix6 <= 128;
}

static int device_ok(const struct dom_device *d)
{
    const struct hvc_device *m = &d->m;

    return m->head.type == HVC_DEVICE && m->head.size == sizeof(*m) &&
           m->window_kib && m->window_kib <= HVC_WINDOW_MAX_KIB &&
           m->window_kib % (HV_PAGE / 1024) == 0 &&
           memchr(d->target, 0, sizeof(d->target)) &&
           memchr(d->bridge, 0, sizeof(d->bridge)) &&
           (m->type == HV_DEV_BLOCK ? disk_ok(m)
                                    : m->type == HV_DEV_NET && net_ok(m));
}

static int disk_check(const struct dom_device *d, int fd, const struct stat *st,
                      struct err *e)
{
    int flags = fcntl(fd, F_GETFL), access = flags & O_ACCMODE;

    if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
        return err_set(e, EINVAL, "disk %s: it is no file and no block device",
                       d->target);
    if (S_ISREG(st->st_mode) &&
        (uint64_t)st->st_size < d->m.block.capacity_bytes)
        return err_set(e, EINVAL, "disk %s: the file is shorter than the disk",
                       d->target);
    if (flags < 0 || flags & O_PATH)
        return err_set(e, EINVAL, "disk %s: it is not open", d->target);
    if (access != O_RDWR &&
        (access != O_RDONLY || !(d->m.flags & HVC_D_READ_ONLY)))
        return err_set(e, EINVAL, "disk %s: it is not open for writing",
                       d->target);
    return 0;
}

static int file_check(const struct dom_device *d, int fd, struct err *e)
{
    struct stat st;

    if (device_is_outside(d))
        return ticket_check(fd, e) < 0 ? err_prefix(e, "disk %s", d->target)
                                       : 0;
    if (fstat(fd, &st) < 0)
        return err_errno(e, "device %s", d->target);
    if (d->m.type == HV_DEV_BLOCK)
        return disk_check(d, fd, &st, e);
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(TUN_MAJOR, TUN_MINOR))
        return err_set(e, EINVAL, "vif %s: it is no TAP", d->target);
    return 0;
}

int device_take(const struct dom_device *d, int fd, struct err *e)
{
    if (!device_ok(d))
        return err_set(e, EPROTO, "a device is described as it cannot be");
    return file_check(d, fd, e);
}

int devices_take(struct dom_devices *d, uint32_t n, const int *fds,
                 struct err *e)
{
    size_t size = n * sizeof(d->at[0]);
    struct stat st;

    memset(d, 0, sizeof(*d));
    if (n == 0)
        return 0;
    if (n > HV_DEVICE_MAX || fstat(fds[0], &st) < 0 ||
        (uint64_t)st.st_size != size ||
        (fcntl(fds[0], F_GET_SEALS) & SEALS) != SEALS ||
        pread_full(fds[0], d->at, size, 0) != (ssize_t)size)
        return err_set(e, EPROTO, "the list of devices is none");
    d->n = n;
    for (uint32_t i = 0; i < n; i++) {
        if (!device_ok(&d->at[i]))
            return err_set(e, EPROTO, "device %u is described as it cannot be",
                           i);
        if (file_check(&d->at[i], fds[1 + i], e) < 0)
            return -e->code;
    }
    if (devices_window_kib(d) > HVC_WINDOW_MAX_KIB)
        return err_set(e, EPROTO, "the devices' windows are too large");
    return 0;
}
