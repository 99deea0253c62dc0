// SPDX-License-Identifier: ISC
/*
 * What the parts of `hostel-hv run` share: run_options.c finds out what is
 * asked for, run_files.c opens what belongs to it, run.c runs it.
 */
#ifndef MONITOR_RUN_STATE_H
#define MONITOR_RUN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hypervisor/monitor/budget.h"
#include "hypervisor/monitor/config.h"
#include "hypervisor/monitor/slot.h"
#include "lib/err.h"

// Exit status: it could not be run at all; hostel-hv(8) has all of them.
#define STATUS_FAILED 125

struct run {
    struct domain_config config;
    const char *config_path;
    bool usage;
    struct slot slot;
    struct hvc_prepare prepare;
    int image_fd, initrd_fd, core_fd;
    const char *core_path; // NULL: none, or the configuration decides
    char core_name[72];
    int core_folder_fd; // where that is: this process leaves the world
    uint32_t core_ends;
    const char *trace_path;
    int trace_fd, trace_file;        // from the monitor, to the file; or -1
    const char *disk[HV_DEVICE_MAX]; // descriptions: the file's, then options'
    const char *vif[HV_DEVICE_MAX], *volume[HV_DEVICE_MAX];
    unsigned ndisks, nvifs, nvolumes, ndevices;
    struct hvc_device device[HV_DEVICE_MAX];
    int device_fd[HV_DEVICE_MAX][HVC_DEVICE_FDS_MAX];
    size_t device_fds[HV_DEVICE_MAX];
    struct hvc_page *page;
    bool contained;

    pid_t monitor_pid;
    int conn_fd, guest_fd;
    int64_t gdb_port; // 0: no debugger is waited for
    int gdb_fd;       // listens; -1: none, or it has come
    struct budget budget;
    uint64_t cpu_base_ns;  // what making the slot cost
    uint64_t wall_mono_ns; // end of the wall budget
    enum hvc_cause cause;  // why we stopped it
    struct hvc_exited exited;
};

// From the command line and the file it names. Ends the program where the
// command line is wrong, or only help is asked for.
int run_describe(struct run *, int argc, char **argv, struct err *);

// Image, initrd, devices, core and trace, while this process is still in the
// world. What is open when it fails is closed by the end of the program.
int run_open(struct run *, struct err *);

// What the monitor has got by now.
void run_close_device(struct run *, unsigned n);

// After the end: a core that is none is removed.
void run_close_core(struct run *);

#endif
