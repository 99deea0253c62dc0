// SPDX-License-Identifier: ISC
// The end of a domain that cannot go on.
#include "unikernel-runtime/kernel/panic.h"
#include "unikernel-runtime/kernel/console.h"
#include "unikernel-runtime/kernel/hypercall.h"

#include <string.h>

// As the shell reports a program ended by SIGABRT.
#define STATUS_SIGNAL 128
#define STATUS_PANIC  (STATUS_SIGNAL + 6)

static _Noreturn void crash(const char *why, uint32_t status)
{
    console_write_last("runtime: ", 9);
    console_write_last(why, strlen(why));
    console_write_last("\n", 1);
    hv_shutdown(HV_SHUTDOWN_CRASH, status);
}

void panic(const char *why)
{
    crash(why, STATUS_PANIC);
}

void panic_signal(int signal)
{
    crash(strsignal(signal), STATUS_SIGNAL + signal);
}
