// SPDX-License-Identifier: ISC
/*
 * A slot: what a domain will run in, made before the domain is known. The
 * forked process joins the slot's cgroups, makes the domain's shared memory
 * and the guest's zygote, gives up its rights and becomes the monitor.
 */
#ifndef MONITOR_SLOT_H
#define MONITOR_SLOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "hypervisor/monitor/guest_clock.h"
#include "hypervisor/monitor/monitor.h"

struct slot {
    const struct engine *engine; // prepared
    uint32_t uid, gid;           // 0: stay who we are
    bool rings;                  // with io_urings, for disks and interfaces
    int listen_fd;        // where controllers connect; -1: none ever will
    int conn_fd;          // a controller already connected; or -1
    int page_fd;          // counter page, a file of at least a page; -1: none
    int proc_fd, null_fd; // /proc, /dev/null; from slot_prepare
    size_t nprocs;
    int procs_fd[HVC_PROCS_MAX]; // cgroup.procs of each cgroup to join
    struct clock_sample origin;  // from slot_prepare
};

// What is done once, early: descriptors that will be out of reach when the
// root is empty, facts about the machine.
int slot_prepare(struct slot *, struct err *);

// Clones the process that becomes the monitor, as init of a PID namespace of
// its own if that is asked for. Returns as fork does, or -errno.
pid_t slot_fork(int *pidfd, bool pid_namespace);

// In that process.
void slot_run(const struct slot *) __attribute__((noreturn));

#endif
