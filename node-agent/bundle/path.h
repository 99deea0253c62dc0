// SPDX-License-Identifier: ISC
// Which paths a bundle may hold; the rules are told in manifest.h.

#ifndef BUNDLE_PATH_H
#define BUNDLE_PATH_H

#include "lib/err.h"

// One path by itself. The sentence names the path.
int path_check(const char *path, struct err *e);

// Order in which a file and what would lie inside it are neighbours: by
// bytes, with the slash before all others.
int path_compare(const char *a, const char *b);

#endif
