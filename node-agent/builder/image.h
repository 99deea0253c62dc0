// SPDX-License-Identifier: ISC
/*
 * Taking what a build left in /out. The compiler may have been taken over by
 * its input, so nothing is believed of it: the file must be a regular one
 * with one name and of bearable size; nothing looks inside. Whoever boots the
 * image checks it like one that a stranger uploaded.
 */
#ifndef BUILDER_IMAGE_H
#define BUILDER_IMAGE_H

#include <stdint.h>

#include "lib/err.h"

#define IMAGE_DIGEST_BYTES 32 /* BLAKE2b-256 */

/*
 * Copies `name` in the folder dir_fd into a sealed memfd, which it returns.
 * Nobody may be writing there any more. On failure one sentence for the
 * customer, whose build it was, and -errno.
 */
int image_take(int dir_fd, const char *name, uint64_t bytes_max,
               uint8_t digest[IMAGE_DIGEST_BYTES], struct err *e);

#endif
