// SPDX-License-Identifier: ISC
/*
 * Engine pv: a domain is a process that may make five system calls. Here is
 * the monitor's side; what the process does is in birth.c, setup.c and
 * resident.c.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor/engine/child.h"
#include "hypervisor/engine/pv/birth.h"
#include "hypervisor/engine/pv/capture.h"
#include "hypervisor/engine/pv/layout.h"
#include "lib/cleanup.h"
#include "lib/io.h"

extern const uint8_t pv_blob[PV_BLOB_LEN];

static int blob_fd = -1; // made once, inherited by every monitor

static int pv_prepare(struct err *e)
{
    cleanup_close int fd =
        memfd_create("hostel-pv", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_errno(e, "memfd_create");
    if (write_full(fd, pv_blob, PV_BLOB_LEN) < 0)
        return err_errno(e, "writing the set-up code");
    if (fcntl(fd, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return err_errno(e, "sealing the set-up code");
    blob_fd = steal_fd(&fd);
    return 0;
}

static void pv_forget(void)
{
    close(blob_fd); // kept in mind: its page is one with all monitors
}

static void pv_born(const struct domain *d, const struct engine_slot *slot,
                    int monitor_fd)
{
    birth(d, slot, blob_fd, monitor_fd);
}

static int pv_make(struct domain *d, const struct engine_slot *slot,
                   struct err *e)
{
    int r = child_make(d, slot, pv_born, e);

    pv_forget();
    return r;
}

const struct engine engine_pv = {
    .name = "pv",
    .prepare = pv_prepare,
    .forget = pv_forget,
    .make = pv_make,
    .load = child_load,
    .go = child_go,
    .wake = child_wake,
    .interrupt = child_interrupt,
    .answer = child_answer,
    .read = child_read,
    .write = child_write,
    .touched = child_touched,
    .park = child_park,
    .parked = child_parked,
    .capture = pv_capture,
    .restore = pv_restore,
    .release = child_release,
    .cpu_ns = child_cpu_ns,
    .pause = child_pause,
    .bind = child_bind,
    .stop = child_stop,
    .reap = child_reap,
};
