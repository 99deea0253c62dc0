// SPDX-License-Identifier: ISC
// What `hostel-hv run` opens for its domain; see run_state.h.

#include "hypervisor/monitor/run_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hypervisor/monitor/disk.h"
#include "hypervisor/monitor/outside.h"
#include "hypervisor/monitor/vif.h"
#include "hypervisor/monitor/volume.h"
#include "lib/log.h"

static int open_disk(struct run *r, unsigned n, struct err *e)
{
    int *fds = r->device_fd[n];
    struct disk d;

    if (disk_parse(&d, r->disk[n], n, e) < 0)
        return -e->code;
    r->ndevices++;
    if (d.format == DISK_RAW) {
        r->slot.rings = true;
        fds[0] = disk_open(&d, n, &r->device[n], e);
        r->device_fds[n] = 1;
        return fds[0] < 0 ? fds[0] : 0;
    }
    r->device_fds[n] = OUTSIDE_BLOCK_FDS;
    return outside_open(&d, &r->device[n], fds, e);
}

// Behind the disks.
static int open_vifs(struct run *r, struct err *e)
{
    for (unsigned i = 0; i < r->nvifs; i++) {
        unsigned at = r->ndevices;
        struct vif v;

        if (at == HV_DEVICE_MAX)
            return err_set(e, EINVAL, "a domain has at most %d devices",
                           HV_DEVICE_MAX);
        if (vif_parse(&v, r->vif[i], e) < 0)
            return -e->code;
        r->slot.rings = true;
        r->device_fd[at][0] = vif_open(&v, &r->device[at], e);
        r->device_fds[at] = 1;
        if (r->device_fd[at][0] < 0)
            return -e->code;
        r->ndevices++;
    }
    return 0;
}

// Behind the interfaces.
static int open_volumes(struct run *r, struct err *e)
{
    static struct volume v[HV_DEVICE_MAX];

    for (unsigned i = 0; i < r->nvolumes; i++) {
        unsigned at = r->ndevices;

        if (at == HV_DEVICE_MAX)
            return err_set(e, EINVAL, "a domain has at most %d devices",
                           HV_DEVICE_MAX);
        if (volume_parse(&v[i], r->volume[i], e) < 0)
            return -e->code;
        for (unsigned k = 0; k < i; k++)
            if (strcmp(v[k].mount, v[i].mount) == 0)
                return err_set(e, EINVAL, "volume: two are mounted at %s",
                               v[i].mount);
        if (volume_open(&v[i], &r->device[at], r->device_fd[at], e) < 0)
            return -e->code;
        r->device_fds[at] = VOLUME_FDS;
        r->ndevices++;
    }
    return 0;
}

// --core is for a crash, whatever the file says of the other ends.
static int open_core(struct run *r, struct err *e)
{
    const char *path = r->core_path;

    r->core_fd = r->core_folder_fd = -1;
    r->core_ends = config_core_ends(&r->config) | (path ? HVC_CORE_CRASH : 0);
    if (!r->core_ends)
        return 0;
    if (!path) {
        snprintf(r->core_name, sizeof(r->core_name), "%s.core",
                 r->prepare.domain_name);
        path = r->core_name;
        if (strchr(path, '/'))
            return err_set(e, EINVAL,
                           "the core would be NAME.core here, and the name "
                           "\"%s\" has a slash: say --core FILE",
                           r->prepare.domain_name);
        r->core_folder_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (r->core_folder_fd < 0)
            return err_errno(e, "the working folder");
    }
    r->core_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return r->core_fd < 0 ? err_errno(e, "%s", path) : 0;
}

// Who named no file finds one only if there is a core.
void run_close_core(struct run *r)
{
    struct stat st;

    if (r->core_folder_fd >= 0 && fstat(r->core_fd, &st) == 0) {
        if (st.st_size == 0)
            unlinkat(r->core_folder_fd, r->core_name, 0);
        else
            log_info("its core is %s", r->core_name);
    }
}

int run_open(struct run *r, struct err *e)
{
    int page_fd = memfd_create("hostel-page", MFD_CLOEXEC);

    r->image_fd = open(r->config.kernel, O_RDONLY | O_CLOEXEC);
    if (r->image_fd < 0)
        return err_errno(e, "%s", r->config.kernel);
    r->initrd_fd = -1;
    if (r->config.ramdisk) {
        r->initrd_fd = open(r->config.ramdisk, O_RDONLY | O_CLOEXEC);
        if (r->initrd_fd < 0)
            return err_errno(e, "%s", r->config.ramdisk);
    }
    r->trace_fd = r->trace_file = -1;
    if (r->trace_path) {
        r->trace_file =
            open(r->trace_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (r->trace_file < 0)
            return err_errno(e, "%s", r->trace_path);
    }
    if (open_core(r, e) < 0)
        return -e->code;
    if (page_fd < 0 || ftruncate(page_fd, HV_PAGE) < 0)
        return err_errno(e, "making the counter page");
    r->page = mmap(NULL, HV_PAGE, PROT_READ, MAP_SHARED, page_fd, 0);
    if (r->page == MAP_FAILED)
        return err_errno(e, "mapping the counter page");
    for (unsigned i = 0; i < r->ndisks; i++)
        if (open_disk(r, i, e) < 0)
            return -e->code;
    if (open_vifs(r, e) < 0 || open_volumes(r, e) < 0)
        return -e->code;
    r->slot.page_fd = page_fd;
    r->slot.listen_fd = -1;
    return slot_prepare(&r->slot, e);
}

void run_close_device(struct run *r, unsigned n)
{
    for (size_t i = 0; i < r->device_fds[n]; i++)
        close(r->device_fd[n][i]);
}
