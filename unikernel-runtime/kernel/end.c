// SPDX-License-Identifier: ISC
// The end of the domain; see end.h.
#include "unikernel-runtime/kernel/end.h"
#include "unikernel-runtime/kernel/hypercall.h"

void (*end_write)(void);
int end_is_coming;
int (*end_later)(enum hv_shutdown_reason reason, unsigned status);

void end_domain(enum hv_shutdown_reason reason, unsigned status)
{
    if (end_write)
        end_write();
    hv_shutdown(reason, status);
}

void end_soon(enum hv_shutdown_reason reason, unsigned status)
{
    if (!end_later || !end_later(reason, status))
        hv_shutdown(reason, status);
    end_is_coming = 1;
}
