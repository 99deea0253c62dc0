// SPDX-License-Identifier: ISC
/*
 * A FUSE request of the guest's: copied out of the window once, checked as a
 * whole against the table of what is understood, and then served from the copy.
 * Data alone stays where it is, since nothing is decided by it.
 */
#ifndef FS_MESSAGE_H
#define FS_MESSAGE_H

#include <linux/fuse.h>

#include "hypervisor/dev/virtq.h"
#include "hypervisor/fs/fs.h"
#include "hypervisor/fs/limits.h"

struct message {
    struct virtq_chain chain; // out: the data that follows; in: the answer's
    unsigned ring;            // that it came by
    struct fuse_in_header in;
    size_t args_len, data_len; // data: bytes left in chain.out
    union {
        uint8_t args[FS_ARGS_MAX + 1];
        uint64_t aligned;
    };
    const char *name[2]; // of those that have names
    size_t room;         // for an answer's body
    // The answer's body: in `body`, or put into the window already.
    size_t body_len, placed;
    uint8_t *body; // [FS_LIST_MAX]
};

// What a handler returns beside errors.
enum { MESSAGE_DONE = 0, MESSAGE_LATER = 1 };

struct op {
    int (*serve)(struct fs *, struct message *);
    uint16_t fixed;  // bytes of its struct
    uint8_t names;   // behind it
    bool data;       // behind that
    bool changes;    // EROFS where nothing may be
    bool silent;     // never answered
    uint16_t answer; // bytes that there must be room for
};

// Serves one. Returns the bytes of the answer to give back to the ring with,
// or -1: a job (job.h) has it now.
int64_t message_serve(struct fs *, struct message *);

// Writes the answer, error <= 0; returns its length.
int64_t message_answer(struct message *, int error);

// The answer's body, zeros: to be filled by a handler.
void *message_body(struct message *, size_t len);

// Of data behind the answer's header: what is there for at most len bytes, as
// a vector; returns its length and sets *n.
size_t message_in(struct message *, size_t len, struct iovec *v, unsigned *n);

// Handlers, by opcode, in op_*.c.
extern const struct op op_table[];
extern const unsigned op_table_len;

int op_lookup(struct fs *, struct message *);
int op_forget(struct fs *, struct message *);
int op_batch_forget(struct fs *, struct message *);
int op_getattr(struct fs *, struct message *);
int op_setattr(struct fs *, struct message *);
int op_readlink(struct fs *, struct message *);
int op_symlink(struct fs *, struct message *);
int op_mkdir(struct fs *, struct message *);
int op_unlink(struct fs *, struct message *);
int op_rmdir(struct fs *, struct message *);
int op_rename(struct fs *, struct message *);
int op_rename2(struct fs *, struct message *);
int op_open(struct fs *, struct message *);
int op_create(struct fs *, struct message *);
int op_read(struct fs *, struct message *);
int op_write(struct fs *, struct message *);
int op_release(struct fs *, struct message *);
int op_sync(struct fs *, struct message *);
int op_allocate(struct fs *, struct message *);
int op_opendir(struct fs *, struct message *);
int op_readdir(struct fs *, struct message *);
int op_statfs(struct fs *, struct message *);
int op_getlk(struct fs *, struct message *);
int op_setlk(struct fs *, struct message *);

// Of several handlers.
void attr_fill(struct fuse_attr *, const struct stat *);
void entry_fill(const struct fs *, struct fuse_entry_out *, uint64_t id,
                const struct stat *);
// Changes a file's length, within the quota.
int file_resize(struct fs *, uint64_t ino, int fd, uint64_t len);

#endif
