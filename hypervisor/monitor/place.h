// SPDX-License-Identifier: ISC
/*
 * Where a monitor's own memory lies. Each 2 MiB of addresses in use costs a
 * process a page of page tables, and a stack far from everything else three.
 * So what every monitor touches, its stack, its variables and what it shares
 * with its domain, lies right behind the program's variables, and what only
 * devices touch behind that (DEVICE_MEMORY).
 */
#ifndef MONITOR_PLACE_H
#define MONITOR_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "hypervisor/abi/hv.h"
#include "hypervisor/monitor/control.h"
#include "hypervisor/monitor/monitor.h"
#include "lib/err.h"

#define PLACE_STACK 0x40000ul // a report needs a tenth

// The first words of struct monitor are the busy ones; they share a page with
// the top of the stack.
struct place {
    uint8_t guard[HV_PAGE]; // a stack that overflows ends here
    uint8_t stack[PLACE_STACK - 1024];
    struct monitor monitor __attribute__((aligned(1024)));
    uint8_t page[HV_PAGE] __attribute__((aligned(HV_PAGE))); // of counters
    uint8_t shared_info[HV_PAGE];
    uint8_t start_info[HV_START_INFO_LEN];
    uint8_t window[HVC_WINDOW_MAX_KIB * 1024ul];
};
extern struct place place;

// Once, while /proc can be reached (proc_fd): where the stack is that the
// kernel made, and the guard.
int place_prepare(int proc_fd, struct err *);

// Maps a file, shared, over a member of `place`. NULL when it cannot be.
void *place_map(void *at, size_t len, int fd, uint64_t offset);

// Goes on in `next` on the stack here, with a copy of the `len` bytes at arg;
// the other stack is gone by then, with all that is on it.
void place_run(void (*next)(const void *arg), const void *arg, size_t len)
    __attribute__((noreturn));

#endif
