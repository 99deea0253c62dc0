// SPDX-License-Identifier: ISC
// Configuration files in the syntax of xl.cfg(5).
//
//     # a comment, to the end of the line
//     name   = "primes"            # or 'primes'; no escapes inside
//     memory = 64                  # decimal or 0x hex, may be negative
//     args   = [ "100", "200", ]   # a list of strings and integers,
//                                  # may span lines; a last comma is fine
//
// One setting a line (or separated by ';'). A program describes the keys it
// knows in a table, which is all that is checked:
//
//     static const struct cfg_key keys[] = {
//         CFG_STR_KEY("name", struct domain_cfg, name, 64, CFG_REQUIRED),
//         CFG_INT_KEY("memory", struct domain_cfg, memory_mib, 1, 4096, 0),
//         CFG_BOOL_KEY("verbose", struct domain_cfg, verbose, 0),
//         CFG_LIST_KEY("args", struct domain_cfg, args, 64, 0),
//         {0},
//     };
//
// Keys that the file does not set leave their destination as it was, so
// defaults are written there before. An unknown key, a key set twice, a
// wrong type or a value out of range is refused with one sentence that
// begins with "FILE:LINE: ".

#ifndef LIB_CFG_H
#define LIB_CFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define CFG_FILE_MAX 65536 // a configuration is written by hand
#define CFG_KEYS_MAX 256   // of one table; counts the bits of a set
#define CFG_LIST_MAX 4096  // elements of a list; a table may allow less

// REFUSED: a key that others know and that we cannot honour; its name and why.
enum cfg_type { CFG_END, CFG_STR, CFG_INT, CFG_BOOL, CFG_LIST, CFG_REFUSED };

// An element of a list keeps how it was written; an integer is in both.
struct cfg_list {
    size_t n;
    char **item; // n strings, then NULL; itself NULL: the list was not set
    int *line;   // where each was written
};

#define CFG_REQUIRED 1u

struct cfg_key {
    const char *name;
    enum cfg_type type;
    unsigned flags;
    size_t offset;    // of the destination, in the caller's struct:
                      // char * (freed and replaced), int64_t, bool, cfg_list
    int64_t min, max; // INT: value; STR: most bytes; LIST: most elements
    const char *why;  // REFUSED: what follows "KEY: ", a part of a sentence
};

#define CFG_STR_KEY(key, type, field, most, fl)                                \
    {                                                                          \
        key, CFG_STR, fl, offsetof(type, field), 0, most, NULL                 \
    }
#define CFG_INT_KEY(key, type, field, lo, hi, fl)                              \
    {                                                                          \
        key, CFG_INT, fl, offsetof(type, field), lo, hi, NULL                  \
    }
#define CFG_BOOL_KEY(key, type, field, fl)                                     \
    {                                                                          \
        key, CFG_BOOL, fl, offsetof(type, field), 0, 1, NULL                   \
    }
#define CFG_LIST_KEY(key, type, field, most, fl)                               \
    {                                                                          \
        key, CFG_LIST, fl, offsetof(type, field), 0, most, NULL                \
    }

#define CFG_REFUSED_KEY(key, reason)                                           \
    {                                                                          \
        .name = (key), .type = CFG_REFUSED, .why = (reason)                    \
    }

// Reads a file into dest, a struct that the offsets of the table describe
// and that is valid (zeroed or with defaults) before. On failure dest may be
// partly set; free it all the same.
int cfg_read(const char *path, const struct cfg_key *keys, void *dest,
             struct err *e);

// The same from memory; name stands for the file in messages.
int cfg_parse(const char *name, const char *text, size_t len,
              const struct cfg_key *keys, void *dest, struct err *e);

// Frees the strings and lists of dest.
void cfg_free(const struct cfg_key *keys, void *dest);

void cfg_list_free(struct cfg_list *l);

#endif
