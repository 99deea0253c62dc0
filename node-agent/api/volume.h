// SPDX-License-Identifier: ISC
// An upload into a volume: its body goes on to a job of the volumes role while
// it arrives (volume/frame.h), and becomes good only at its end, when it has
// the digest that was signed.

#ifndef API_VOLUME_H
#define API_VOLUME_H

#include <stddef.h>

#include "lib/err.h"
#include "node-agent/api/request.h"

struct volume_upload;

// Asks for the job. NULL: the reply is made. Whoever asks is known already.
struct volume_upload *volume_upload_new(struct request *rq);
void volume_upload_free(struct volume_upload *u); // unfinished: it is cut off

// The next bytes. Returns the HTTP status with which to refuse the rest, and
// one sentence; 0 while all is well.
unsigned volume_upload_add(struct request *rq, const void *data, size_t len,
                           struct err *e);

#endif
