// SPDX-License-Identifier: ISC
// Files: opening, reading, writing, what is to be on disk.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hypervisor/fs/handle.h"
#include "hypervisor/fs/job.h"
#include "hypervisor/fs/message.h"
#include "hypervisor/fs/quota.h"

// Of what a guest asks for; the rest is none of the host's business.
#define OPEN_FLAGS (O_ACCMODE | O_APPEND)

static bool changes(uint32_t flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
}

static void answer_open(const struct fs *fs, struct fuse_open_out *out,
                        const struct handle *h)
{
    out->fh = h->id;
    out->open_flags = fs->shared ? FOPEN_DIRECT_IO : FOPEN_KEEP_CACHE;
}

// A descriptor of the node becomes a handle.
static struct handle *open_handle(struct fs *fs, struct node *n, uint32_t flags,
                                  int *error)
{
    int fd;

    if ((flags & O_ACCMODE) == O_ACCMODE) {
        *error = -EINVAL;
        return NULL;
    }
    if (flags & O_TRUNC && (flags & O_ACCMODE) == O_RDONLY) {
        *error = -EACCES;
        return NULL;
    }
    fd = node_open(n, (int)(flags & OPEN_FLAGS));
    if (fd >= 0 && flags & O_TRUNC) {
        int r = file_resize(fs, n->ino, fd, 0);

        if (r < 0) {
            close(fd);
            fd = r;
        }
    }
    return handle_new(n, fd, (int)flags, error);
}

int op_open(struct fs *fs, struct message *m)
{
    const struct fuse_open_in *in = (const struct fuse_open_in *)m->args;
    struct node *n = node_get(m->in.nodeid);
    struct handle *h;
    int error;

    if (!n)
        return -ENOENT;
    if (S_ISDIR(n->type))
        return -EISDIR;
    if (fs->read_only && changes(in->flags))
        return -EROFS;
    h = open_handle(fs, n, in->flags, &error);
    if (!h)
        return error;
    answer_open(fs, message_body(m, sizeof(struct fuse_open_out)), h);
    return MESSAGE_DONE;
}

// A file that was not there; its descriptor.
static int make(struct fs *fs, const struct node *dir, const char *name,
                uint32_t mode, uint32_t flags)
{
    int fd, r = quota_take(fs, 0, 1);

    if (r < 0)
        return r;
    fd = openat(dir->fd, name,
                (int)(flags & OPEN_FLAGS) | O_CREAT | O_EXCL | O_NOFOLLOW |
                    O_CLOEXEC | O_NOCTTY,
                mode & 0777);
    if (fd < 0) {
        r = errno == EMFILE ? -ENFILE : -errno;
        quota_take(fs, 0, -1);
        return r;
    }
    return fd;
}

int op_create(struct fs *fs, struct message *m)
{
    const struct fuse_create_in *in = (const struct fuse_create_in *)m->args;
    struct fuse_entry_out *entry;
    struct handle *h;
    struct node *n, *dir;
    struct stat st;
    int fd, error;

    dir = node_get_folder(m->in.nodeid, &error);
    if (!dir)
        return error;
    if (!name_good(m->name[0], strlen(m->name[0])))
        return strlen(m->name[0]) > FS_NAME_MAX ? -ENAMETOOLONG : -EINVAL;
    if ((in->flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    fd = make(fs, dir, m->name[0], in->mode, in->flags);
    if (fd < 0 && (fd != -EEXIST || in->flags & O_EXCL))
        return fd;
    if (fstatat(dir->fd, m->name[0], &st, AT_SYMLINK_NOFOLLOW) < 0)
        error = -errno;
    n = error < 0 ? NULL : node_found(dir, m->name[0], &st, &error);
    if (!n) {
        if (fd >= 0)
            close(fd);
        return error;
    }
    h = fd >= 0            ? handle_new(n, fd, (int)in->flags, &error)
        : S_ISDIR(n->type) ? (error = -EISDIR, NULL)
                           : open_handle(fs, n, in->flags, &error);
    if (!h) {
        node_forget(n, 1);
        return error;
    }
    if (fstat(h->fd, &st) < 0)
        st.st_size = 0;
    entry = message_body(m, sizeof(*entry) + sizeof(struct fuse_open_out));
    entry_fill(fs, entry, n->id, &st);
    answer_open(fs, (struct fuse_open_out *)(entry + 1), h);
    return MESSAGE_DONE;
}

int op_release(struct fs *fs, struct message *m)
{
    const struct fuse_release_in *in = (const struct fuse_release_in *)m->args;
    struct handle *h = handle_get(in->fh, node_get(m->in.nodeid));

    if (!h)
        return -EBADF;
    handle_close(fs, h);
    return MESSAGE_DONE;
}

// ----------------------------------------------------------------- reading

// What is in memory is copied at once; the rest is a helper's.
int op_read(struct fs *fs, struct message *m)
{
    const struct fuse_read_in *in = (const struct fuse_read_in *)m->args;
    struct handle *h = handle_get(in->fh, node_get(m->in.nodeid));
    struct iovec v[HV_CHAIN_MAX];
    struct stat st;
    unsigned n;
    ssize_t r;
    size_t len = in->size < m->room ? in->size : m->room;

    if (!h || h->access == O_WRONLY)
        return -EBADF;
    if (!S_ISREG(h->node->type))
        return -EISDIR;
    if (in->offset > FS_FILE_MAX)
        return -EINVAL;
    if (len > FS_DATA_MAX)
        len = FS_DATA_MAX;
    len = message_in(m, len, v, &n);
    fs->meter->reads++;
    r = preadv2(h->fd, v, (int)n, (off_t)in->offset, RWF_NOWAIT);
    if (r < (ssize_t)len && (r < 0 || fstat(h->fd, &st) < 0 ||
                             (off_t)in->offset + r < st.st_size)) {
        int later = job_begin(m, JOB_READ, h, in->offset, len);

        if (later != -ENOBUFS)
            return later;
        r = preadv(h->fd, v, (int)n, (off_t)in->offset);
        if (r < 0)
            return -errno;
    }
    m->placed = (size_t)r;
    fs->meter->read_bytes += m->placed;
    return MESSAGE_DONE;
}

// ----------------------------------------------------------------- writing

// Room for a write that ends at `end`: what it takes, or an error.
static int64_t reserve(struct fs *fs, int fd, uint64_t end, off_t *old)
{
    struct stat st;
    int64_t more;

    if (fstat(fd, &st) < 0)
        return -errno;
    *old = st.st_size;
    more = quota_cost_of_len(end) - quota_cost_of_len(st.st_size);
    if (more <= 0)
        return 0;
    return quota_take(fs, more, 0) < 0 ? -ENOSPC : more;
}

// What was reserved and not used.
static void settle(struct fs *fs, int fd, int64_t reserved, off_t old)
{
    struct stat st;

    if (reserved && fstat(fd, &st) == 0)
        quota_take(fs,
                   quota_cost_of_len(st.st_size) - quota_cost_of_len(old) -
                       reserved,
                   0);
}

int op_write(struct fs *fs, struct message *m)
{
    const struct fuse_write_in *in = (const struct fuse_write_in *)m->args;
    struct handle *h = handle_get(in->fh, node_get(m->in.nodeid));
    struct fuse_write_out *out;
    uint64_t at = in->offset;
    int64_t reserved;
    off_t old = 0;
    ssize_t r = 0;

    if (!h || h->access == O_RDONLY || !S_ISREG(h->node->type))
        return -EBADF;
    if (in->size != m->data_len || in->size > FS_DATA_MAX)
        return -EINVAL;
    if (at > FS_FILE_MAX - in->size)
        return -EFBIG;
    quota_lock(fs, h->node->ino);
    if (h->append) {
        struct stat st;

        at = fstat(h->fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
    }
    reserved = reserve(fs, h->fd, at + in->size, &old);
    if (reserved >= 0) {
        r = pwritev(h->fd, m->chain.out, (int)m->chain.nout, (off_t)at);
        r = r < 0 ? -errno : r;
        settle(fs, h->fd, reserved, old);
    }
    quota_unlock(fs, h->node->ino);
    if (reserved < 0 || r < 0)
        return reserved < 0 ? (int)reserved : (int)r;
    fs->meter->writes++;
    fs->meter->write_bytes += (uint64_t)r;
    out = message_body(m, sizeof(*out));
    out->size = (uint32_t)r;
    return MESSAGE_DONE;
}

// The room is taken and counted; where the file system can, it is kept.
int op_allocate(struct fs *fs, struct message *m)
{
    const struct fuse_fallocate_in *in =
        (const struct fuse_fallocate_in *)m->args;
    struct handle *h = handle_get(in->fh, node_get(m->in.nodeid));
    int64_t reserved;
    off_t old;
    int r;

    if (!h || h->access == O_RDONLY || !S_ISREG(h->node->type))
        return -EBADF;
    if (in->mode)
        return -EOPNOTSUPP;
    if (in->length == 0 || in->offset > FS_FILE_MAX ||
        in->length > FS_FILE_MAX - in->offset)
        return -EFBIG;
    quota_lock(fs, h->node->ino);
    reserved = reserve(fs, h->fd, in->offset + in->length, &old);
    r = reserved < 0 ? (int)reserved
        : fallocate(h->fd, 0, (off_t)in->offset, (off_t)in->length) < 0 ? -errno
                                                                        : 0;
    if (reserved > 0)
        settle(fs, h->fd, reserved, old);
    quota_unlock(fs, h->node->ino);
    return r;
}

// A file or folder that is to be on disk.
int op_sync(struct fs *fs, struct message *m)
{
    const struct fuse_fsync_in *in = (const struct fuse_fsync_in *)m->args;
    struct handle *h = handle_get(in->fh, node_get(m->in.nodeid));
    const bool data = in->fsync_flags & FUSE_FSYNC_FDATASYNC;
    int r;

    if (!h)
        return -EBADF;
    fs->meter->syncs++;
    r = job_begin(m, data ? JOB_DATASYNC : JOB_SYNC, h, 0, 0);
    if (r == -ENOBUFS)
        r = (data ? fdatasync(h->fd) : fsync(h->fd)) < 0 ? -errno : 0;
    return r;
}
