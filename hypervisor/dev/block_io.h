// SPDX-License-Identifier: ISC
/*
 * How the block back end's requests reach the file: through the monitor's
 * io_uring, or, where a slot was made without one (or the ring cannot do it),
 * by system calls that wait. One interface, so that the rest does not know.
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
    int fd;
    uint32_t align_bytes; // of memory, as the file wants it; 0: any
    uint64_t offset, len; // bytes in the file
    struct iovec *iov;    // in chain; of READ and WRITE
    unsigned niov;
    void *owner;
    // Bytes moved, or -errno. May be called before block_submit returns.
    void (*done)(struct block_request *, int64_t result);
};

// Begins a request; uring_submit sends it off.
void block_submit(struct uring *, struct block_request *);

// For uring_reap: the request that was submitted is done.
void block_completed(uint64_t user_data, int32_t result);

#endif
