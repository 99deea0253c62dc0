// SPDX-License-Identifier: ISC
// Giving back stack. Making a slot and loading a domain go deeper than serving
// it does, and there may be thousands of monitors.

#ifndef MONITOR_STACK_H
#define MONITOR_STACK_H

// Drops the pages below the caller's frame.
void stack_trim(void);

#endif
