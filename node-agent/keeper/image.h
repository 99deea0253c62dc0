// SPDX-License-Identifier: ISC
// Taking over an image from the builder.
#ifndef KEEPER_IMAGE_H
#define KEEPER_IMAGE_H

#include "node-agent/keeper/store.h"

// Copies the file into the store under its digest, which is computed over
// what is copied and must be the one that was announced. 0 or -errno.
int image_store(struct store *st, const key_id_t *customer, int fd,
                const uint8_t digest[32], struct err *e);

// The same of a file that nobody has named: *digest becomes its name.
int image_put(struct store *st, const key_id_t *customer, int fd,
               uint8_t digest[32], struct err *e);

#endif
