// SPDX-License-Identifier: ISC
/*
 * How the block back end's requests reach the file: one interface, so that
 * the rest does not know how.
 */
#ifndef DEV_BLOCK_IO_H
#define DEV_BLOCK_IO_H

#include "hypervisor/dev/device.h"

enum block_op {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH,
    BLOCK_DISCARD,
    BLOCK_ZERO
};

struct block_request {
    struct virtq_chain chain;
    uint8_t *status; // in the window
    enum block_op op;
    uint64_t offset, len; // bytes in the file
    struct iovec *iov;    // in chain; of READ and WRITE
    unsigned niov;
    void *owner;
    // Bytes moved, or -errno. May be called before block_submit returns.
    void (*done)(struct block_request *, int64_t result);
};

// Begins a request on d->fd[0], whose file wants memory aligned to
// align_bytes (0: any).
void block_submit(struct device *d, struct block_request *,
                  uint32_t align_bytes);

#endif
