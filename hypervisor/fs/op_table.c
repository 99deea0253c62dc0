// SPDX-License-Identifier: ISC
// What is understood of FUSE, and how each request looks. What is not here is
// ENOSYS: device nodes, hard links and extended attributes are not to be had.

#include <errno.h>

#include "hypervisor/fs/handle.h"
#include "hypervisor/fs/message.h"
#include "hypervisor/fs/quota.h"

static int op_init(struct fs *fs, struct message *m)
{
    const struct fuse_init_in *in = (const struct fuse_init_in *)m->args;
    const uint32_t known = FUSE_ASYNC_READ | FUSE_POSIX_LOCKS |
                           FUSE_FLOCK_LOCKS | FUSE_BIG_WRITES |
                           FUSE_ATOMIC_O_TRUNC | FUSE_MAX_PAGES;
    struct fuse_init_out *out;
    int r;

    if (in->major < 7)
        return -EPROTO;
    out = message_body(m, sizeof(*out));
    out->major = 7;
    if (in->major > 7)
        return MESSAGE_DONE; // it asks again, with ours
    if (in->minor < 31)
        return -EPROTO;
    if (fs->initialised) { // another driver, after a reset
        handles_drop(fs);
        nodes_drop();
    }
    r = fs->counts ? quota_count(fs, node_get(FUSE_ROOT_ID)->fd) : 0;
    if (r < 0)
        return r;
    out->minor = 31;
    out->max_readahead = in->max_readahead;
    out->flags = in->flags & known;
    out->max_background = FS_JOBS_MAX;
    out->max_write = FS_DATA_MAX;
    out->time_gran = 1;
    out->max_pages = FS_DATA_MAX / 4096;
    fs->initialised = true;
    return MESSAGE_DONE;
}

static int op_nothing(struct fs *fs, struct message *m)
{
    (void)fs, (void)m;
    return MESSAGE_DONE;
}

#define IN(s)  sizeof(struct fuse_##s##_in)
#define OUT(s) sizeof(struct fuse_##s##_out)

// INIT grew; its first four words are what we read.
#define INIT_LEN 16

const struct op op_table[] = {
    [FUSE_LOOKUP] = {op_lookup, .names = 1, .answer = OUT(entry)},
    [FUSE_FORGET] = {op_forget, IN(forget), .silent = true},
    [FUSE_GETATTR] = {op_getattr, IN(getattr), .answer = OUT(attr)},
    [FUSE_SETATTR] = {op_setattr, IN(setattr), .changes = true,
                      .answer = OUT(attr)},
    [FUSE_READLINK] = {op_readlink},
    [FUSE_SYMLINK] = {op_symlink, .names = 2, .changes = true,
                      .answer = OUT(entry)},
    [FUSE_MKDIR] = {op_mkdir, IN(mkdir), .names = 1, .changes = true,
                    .answer = OUT(entry)},
    [FUSE_UNLINK] = {op_unlink, .names = 1, .changes = true},
    [FUSE_RMDIR] = {op_rmdir, .names = 1, .changes = true},
    [FUSE_RENAME] = {op_rename, IN(rename), .names = 2, .changes = true},
    [FUSE_OPEN] = {op_open, IN(open), .answer = OUT(open)},
    [FUSE_READ] = {op_read, IN(read)},
    [FUSE_WRITE] = {op_write, IN(write), .data = true, .changes = true,
                    .answer = OUT(write)},
    [FUSE_STATFS] = {op_statfs, .answer = OUT(statfs)},
    [FUSE_RELEASE] = {op_release, IN(release)},
    [FUSE_FSYNC] = {op_sync, IN(fsync)},
    [FUSE_FLUSH] = {op_nothing, IN(flush)},
    [FUSE_INIT] = {op_init, INIT_LEN, .answer = OUT(init)},
    [FUSE_OPENDIR] = {op_opendir, IN(open), .answer = OUT(open)},
    [FUSE_READDIR] = {op_readdir, IN(read)},
    [FUSE_RELEASEDIR] = {op_release, IN(release)},
    [FUSE_FSYNCDIR] = {op_sync, IN(fsync)},
    [FUSE_GETLK] = {op_getlk, IN(lk), .answer = OUT(lk)},
    [FUSE_SETLK] = {op_setlk, IN(lk)},
    [FUSE_SETLKW] = {op_setlk, IN(lk)}, // never waits: EAGAIN, ask again
    [FUSE_CREATE] = {op_create, IN(create), .names = 1, .changes = true,
                     .answer = OUT(entry) + OUT(open)},
    [FUSE_DESTROY] = {op_nothing},
    [FUSE_BATCH_FORGET] = {op_batch_forget, IN(batch_forget), .silent = true},
    [FUSE_FALLOCATE] = {op_allocate, IN(fallocate), .changes = true},
    [FUSE_RENAME2] = {op_rename2, IN(rename2), .names = 2, .changes = true},
};
const unsigned op_table_len = sizeof(op_table) / sizeof(op_table[0]);
