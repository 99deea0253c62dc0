// SPDX-License-Identifier: ISC
// Asking for a submission's domain; see start.h.

#include "node-agent/keeper/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "node-agent/keeper/console.h"
#include "node-agent/keeper/net.h"

// Of a budget that all incarnations share.
static uint64_t left_of(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

// Takes the descriptors; behind the files and devices those of the volumes that
// are described in `with`.
static void start_post(struct keeper *k, struct sub *s,
                       const struct msg_start *with, const int *fds, int nfds,
                       uint32_t ndevices)
{
    // A service may talk for years; the last of it is kept.
    bool rolls = s->info.run.mode == RUN_SERVICE;
    struct msg_start m = {
        .id = s->info.id,
        .domid = s->now.domid = domid_next(k),
        .memory_kib = s->info.limits.memory_kib,
        .cpu_ns = left_of(s->info.limits.cpu_ns, s->before.cpu_ns),
        .wall_ns = left_of(s->info.limits.wall_ns, s->before.wall_ns),
        .flags = rolls ? START_ROLLS : 0,
        .console_bytes = rolls ? s->info.limits.console_bytes
                               : left_of(s->info.limits.console_bytes,
                                         s->before.console_bytes),
        .incarnation = s->info.incarnation + 1,
        .cpu_weight = s->info.run.cpu_weight,
        .cpu_cap_percent = s->info.run.cpu_cap_percent,
        .lease_mono_ns = clock_mono_ns() + k->cfg.lease_ns,
        .has_initrd = s->has_initrd,
        .ndevices = ndevices,
        .argc = s->argc,
        .envc = s->envc,
        .cmdline_len = s->cmdline_len,
        .nvolumes = with->nvolumes,
        .output_bytes = s->info.run.output_bytes,
    };

    memcpy(m.volume, with->volume, sizeof(m.volume));
    if (ndevices)
        net_left(s, &m.net_in_bytes, &m.net_out_bytes);
    memcpy(m.name, s->info.name, sizeof(m.name));
    memcpy(m.cmdline, s->cmdline, s->cmdline_len);
    ipc_head_cut(&m, MSG_START, sub_tag(s), cmdline, s->cmdline_len);
    chan_post(&k->spawner, &m, fds, nfds);
    explicit_bzero(m.cmdline, s->cmdline_len);
}

// The interface goes along as a device: a list of one, and the TAP.
static int interface_pack(const struct dom_device *device, int device_fd,
                          int fds[2], struct err *e)
{
    struct dom_devices d = {.n = 1, .at[0] = *device};
    cleanup_close int list = devices_pack(&d, e);

    if (list < 0)
        return list;
    fds[1] = fcntl(device_fd, F_DUPFD_CLOEXEC, 0);
    if (fds[1] < 0)
        return err_errno(e, "passing an interface on");
    fds[0] = steal_fd(&list);
    return 0;
}

// What is opened for a run. -1: it has none.
struct files {
    int image, console, initrd, outputs;
};

static void files_close(struct files *f)
{
    int *const all[] = {&f->image, &f->console, &f->initrd, &f->outputs};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        cleanup_close_(all[i]);
}

static int files_open(struct keeper *k, struct sub *s, struct files *f,
                      struct err *e)
{
    f->image = store_get(&k->store, &s->info.customer, s->image, e);
    if (f->image < 0)
        return -e->code;
    if (s->has_initrd) {
        f->initrd = store_get(&k->store, &s->info.customer, s->initrd, e);
        if (f->initrd < 0)
            return -e->code;
    }
    f->console = console_begin(k, s, e);
    if (f->console < 0)
        return -e->code;
    if (s->info.run.output_bytes) {
        f->outputs = store_log_new(&k->store, &s->info.id, LOG_FILES, e);
        if (f->outputs < 0)
            return -e->code;
    }
    return 0;
}

// In the order of MSG_START, which has them from then on.
static int files_give(struct files *f, int fds[])
{
    int n = 0;

    fds[n++] = steal_fd(&f->image);
    fds[n++] = steal_fd(&f->console);
    if (f->initrd >= 0)
        fds[n++] = steal_fd(&f->initrd);
    if (f->outputs >= 0)
        fds[n++] = steal_fd(&f->outputs);
    return n;
}

enum start_verdict start_ask(struct keeper *k, struct sub *s,
                             const struct dom_device *device, int device_fd,
                             struct err *e)
{
    __attribute__((cleanup(files_close))) struct files files = {-1, -1, -1, -1};
    int fds[IPC_FDS_MAX], link[2] = {-1, -1}, folder[START_VOLUMES_MAX], n, r;
    struct msg_start volumes = {0};

    // 0 would mean no limit at all.
    if (!left_of(s->info.limits.cpu_ns, s->before.cpu_ns))
        return START_CPU_SPENT;
    if (!left_of(s->info.limits.wall_ns, s->before.wall_ns))
        return START_TIME_SPENT;
    if (cmdline_load(k, s, e) < 0 || files_open(k, s, &files, e) < 0)
        return START_FAILED;
    r = volumes_attach(k, s, &volumes, folder, e);
    if (r < 0)
        return r == -EAGAIN ? START_LATER : START_REFUSED;
    if (device && interface_pack(device, device_fd, link, e) < 0) {
        for (uint32_t i = 0; i < volumes.nvolumes; i++)
            close(folder[i]);
        volumes_detach(k, s);
        return START_FAILED;
    }
    n = files_give(&files, fds);
    for (int i = 0; device && i < 2; i++)
        fds[n++] = link[i];
    for (uint32_t i = 0; i < volumes.nvolumes; i++)
        fds[n++] = folder[i];
    start_post(k, s, &volumes, fds, n, device != NULL);
    return START_ASKED;
}
