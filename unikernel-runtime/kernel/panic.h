// SPDX-License-Identifier: ISC
// The end of a domain that cannot go on.
#ifndef RT_PANIC_H
#define RT_PANIC_H

// Says why on the console and crashes the domain.
_Noreturn void panic(const char *why);

// The same after a signal whose default is to end the program.
_Noreturn void panic_signal(int signal);

#endif
