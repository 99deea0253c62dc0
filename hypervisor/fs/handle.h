// SPDX-License-Identifier: ISC
// What the guest has open. Numbers are checked as those of nodes are.
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include "hypervisor/fs/node.h"

struct handle {
    uint64_t id; // 0: not in use
    struct node *node;
    int fd;
    int access;   // O_ACCMODE of it
    bool append;  // the host puts what is written at the end
    bool closing; // by the last job
    unsigned jobs;
    struct handle *next; // free
};

// Takes the descriptor, whatever happens.
struct handle *handle_new(struct node *n, int fd, int flags, int *error);

// NULL if there is none of that node.
struct handle *handle_get(uint64_t id, const struct node *n);

// Any that may be written of a node; NULL.
struct handle *handle_writable(const struct node *n);

// Not used any more by the guest, by a job.
void handle_close(struct fs *fs, struct handle *h);
void handle_job_done(struct fs *fs, struct handle *h);
void handles_drop(struct fs *fs); // all

#endif
