// SPDX-License-Identifier: ISC
// What the cases of tests/domain/control share; see control_test.c.
#ifndef TESTS_CONTROL_CASE_H
#define TESTS_CONTROL_CASE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/domain/drive.h"

extern const char *name; // of the case
extern bool failed;
extern int null_fd;

// The first check of a case that fails prints its line and ends it.
#define CHECK(x)                                                               \
    do {                                                                       \
        if (failed)                                                            \
            return;                                                            \
        if (!(x)) {                                                            \
            printf("FAILED control/%s: line %d: %s\n", name, __LINE__, #x);    \
            failed = true;                                                     \
            return;                                                            \
        }                                                                      \
    } while (0)

// The image of a freestanding guest.
int image(const char *guest);

// Starts a guest at once, console to sink_fd.
void start(struct driven *d, const char *guest, const char *argument,
           uint64_t lease_ns, int sink_fd);
void await_running(struct driven *d);
void stop(struct driven *d, enum hvc_cause cause);
uint64_t in_ms(uint64_t ms);

// control_console.c
void test_console_limit(struct driven *d);
void test_console_rolls(struct driven *d);
void test_console_stuck(struct driven *d);
void test_console_closed(struct driven *d);
void test_input_stream(struct driven *d);
void test_input_full(struct driven *d);
void test_input(struct driven *d);
// control_rights.c
void test_rights(struct driven *d);

#endif
