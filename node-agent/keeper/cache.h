// SPDX-License-Identifier: ISC
// The build cache: what a customer has built here before, by the content of
// the sources, the compiler's options and the toolchain. Builds are
// reproducible, so the image would be the same; a hit costs nothing. Never
// shared between customers: a hit would tell one what another has built.
//
// The journal has a row for each, and the image is a blob of the store; when
// that is swept, the row is of no use and is replaced by the next build.
#ifndef KEEPER_CACHE_H
#define KEEPER_CACHE_H

#include "node-agent/keeper/keeper.h"

// Was this one's source built before? Then it has its image, and its build log
// says so.
bool cache_find(struct keeper *k, struct sub *s);

// It was built now.
void cache_add(struct keeper *k, const struct sub *s);

#endif
