// SPDX-License-Identifier: ISC
// Random bytes.
#ifndef RT_RANDOM_H
#define RT_RANDOM_H

#include <stddef.h>

// Fit for keys. After a restore or a clone, never those of the original.
void random_bytes(void *data, size_t len);

#endif
