// SPDX-License-Identifier: ISC
// The spawner's part in tests and benchmarks: a nursery, slots in control
// groups of their own, and the messages of monitor/control.h. Whatever goes
// wrong ends the program with a sentence. Needs root.

#ifndef TESTS_DOMAIN_DRIVE_H
#define TESTS_DOMAIN_DRIVE_H

#include <stdint.h>
#include <sys/types.h>

#include "hypervisor/monitor/control.h"

struct driven {
    unsigned number;
    uint32_t uid;
    pid_t monitor_pid;
    int conn_fd, monitor_fd, guest_fd;
    const struct hvc_page *page;
    char path[128]; // of its socket
};

// Starts the nursery of $HOSTEL_BUILD, and ends it.
void drive_open(void);
void drive_close(void);

// The engine of slots to be made, enum hvc_engine.
extern uint32_t drive_engine;
// HVC_M_* of the slots to come.
extern uint32_t drive_flags;

// Makes a slot and connects to its monitor.
void drive_make(struct driven *, unsigned number);
// Connects another time; returns the monitor's state.
uint32_t drive_connect(struct driven *);
// After the domain's end, or to end it: closes and removes all.
void drive_free(struct driven *);

// Sends HVC_PREPARE with the strings of argv, and 1 MiB of console output
// allowed unless the message (type, size and strings apart) says else.
void drive_prepare(struct driven *, const struct hvc_prepare *like,
                   char *const argv[], int image_fd, int sink_fd);
void drive_send(struct driven *, const void *message, size_t len);
void drive_go(struct driven *, uint64_t lease_ns);

// Receives a message; dies unless it is of this type (HVC_EXITED: *x).
void drive_await(struct driven *, enum hvc_type, struct hvc_exited *x);
// Waits until the monitor has closed the connection.
void drive_await_hangup(struct driven *);

#endif
