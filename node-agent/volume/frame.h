// SPDX-License-Identifier: ISC
// The stream between the api and a job on a volume: frames, as contract.h has
// them. Both ends are ours; an archive inside is not looked at here.
#ifndef VOLUME_FRAME_H
#define VOLUME_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Sends so many bytes in as many frames as it takes; len 0: the last frame, by
// which all of it becomes good. 0 or -errno. Blocks.
int frame_send(int fd, const void *data, size_t len);

struct frame_in {
    uint32_t left; // of the frame at hand
    bool good;     // the last frame has come
};

// The next bytes, at most `max`. 0: the end, and in->good says which; or
// -errno. Blocks.
ssize_t frame_recv(int fd, struct frame_in *in, void *data, size_t max);

#endif
