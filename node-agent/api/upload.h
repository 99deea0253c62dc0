// SPDX-License-Identifier: ISC
// A bundle on its way in: read and checked while it arrives, and kept in a
// memfd until the keeper has it.

#ifndef API_UPLOAD_H
#define API_UPLOAD_H

#include <stddef.h>

#include "lib/err.h"
#include "node-agent/api/api.h"
#include "node-agent/api/conn.h"

struct upload;

// NULL: no memory. The connection is held to the pace of uploads.
struct upload *upload_new(struct api *api, struct conn *from);
void upload_free(struct upload *u);

// The next bytes. Returns the HTTP status with which to refuse the bundle, and
// one sentence; 0 while all is well.
unsigned upload_add(struct upload *u, const void *data, size_t len,
                    struct err *e);

#endif
