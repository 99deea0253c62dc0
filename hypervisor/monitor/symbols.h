// SPDX-License-Identifier: ISC
// Names for addresses, from an image's symbol table. The file is a
// stranger's: everything is bounded, nothing is kept in memory.

#ifndef MONITOR_SYMBOLS_H
#define MONITOR_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#define SYMBOL_NAME_MAX 96
#define SYMBOLS_MAX     200000 // looked at; a large program has 50,000

struct symbol {
    uint64_t address;           // in: what to look up
    uint64_t offset;            // out: from the symbol's start
    char name[SYMBOL_NAME_MAX]; // out: "" when there is none
};

#define SYMBOLS_AT_ONCE 32 // of a backtrace

// Fills in n symbols in one pass over the table.
void symbols_find(int image_fd, struct symbol *, size_t n);

#endif
