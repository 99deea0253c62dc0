// SPDX-License-Identifier: ISC
// What went wrong, in one sentence, with a number for the program.
//
// A struct err lives on the caller's stack. The function that fails writes
// the sentence; each caller on the way up may put its context in front:
//
//     if (file_read(path, MAX, &b, e) < 0)
//         return err_prefix(e, "reading the offer");
//
// All functions return the negative code, so that they can end a function.
// Every one of them accepts e == NULL. No newline at the end of a text.

#ifndef LIB_ERR_H
#define LIB_ERR_H

#include <errno.h>

struct err {
    int code; // an errno value, positive; 0: nothing went wrong
    char text[512];
};

#define ERR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

// Sets code and text; returns -code.
int err_set(struct err *e, int code, const char *fmt, ...) ERR_PRINTF(3, 4);

// The same with errno, and ": " and its meaning appended; returns -errno.
int err_errno(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

// Puts "context: " before the text; returns -e->code (-EIO if e is NULL).
int err_prefix(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

// Puts this behind the text; returns likewise.
int err_suffix(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

#endif
