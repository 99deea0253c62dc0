// SPDX-License-Identifier: ISC
/*
 * The monitor: the hypervisor of exactly one domain. A loop that waits for
 * its controller, its guest and its timers, and the domain's life as a table
 * of states and events.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "hypervisor/dev/device.h"
#include "hypervisor/engine/engine.h"
#include "hypervisor/monitor/console.h"
#include "hypervisor/monitor/control.h"
#include "hypervisor/monitor/guest_clock.h"
#include "hypervisor/monitor/pair.h"
#include "hypervisor/monitor/spin.h"

struct monitor {
    struct domain domain;
    enum hvc_state state;
    struct hvc_page *page;
    int listen_fd; // -1: the controller it has is the only one
    int conn_fd;   // the controller; -1: none now
    int epoll_fd, timer_fd, lease_fd;
    int image_fd;              // kept for its symbols
    bool gone;                 // the guest's process has ended
    int core_fd;               // where a core goes at core_ends; -1: nowhere
    uint32_t core_ends;        // HVC_CORE_*
    uint64_t core_bytes_max;
    int keep_fd[HVC_KEEP_FDS]; // of HVC_KEEP; -1: none
    bool source_watched;
    bool input_waits;   // one HVC_INPUT has no answer yet
    uint64_t input_tag; // which
    bool just_let_go;   // by HVC_GO
    bool deep;          // much stack was used
    bool paused;
    struct guest_clock clock;
    struct devices devices;
    struct spin spin[2]; // for the guest; for a disk
    struct pair pair;
    uint64_t cpu_base_ns; // of the guest, before it ran

    // Why the domain ends; the first reason stands.
    enum hvc_cause cause;
    uint32_t status;
    struct console console;
    char text[HVC_TEXT_MAX];
};

// Serves the domain until it is over; then the process ends.
void monitor_run(struct monitor *) __attribute__((noreturn));

#endif
