// SPDX-License-Identifier: ISC
// The compiler options a customer may choose: a short list, because every
// option of gcc that reads a file, loads code or runs a program is a way
// into the build. A builder passes them as they are, one argument each.

#ifndef BUNDLE_OPTIONS_H
#define BUNDLE_OPTIONS_H

#include "lib/err.h"

// -std=, -O, -g, -W, -D, -U, -I inside the bundle, -l of the runtime, and a
// few -f; the table in options.c says which and why.
int option_check(const char *option, struct err *e);

#endif
