// SPDX-License-Identifier: ISC
// What is known of files: looking them up, their attributes, forgetting.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hypervisor/fs/handle.h"
#include "hypervisor/fs/message.h"
#include "hypervisor/fs/quota.h"

// How long a guest may believe what it was told, where nobody else changes it.
#define VALID_S 3600

void attr_fill(struct fuse_attr *a, const struct stat *st)
{
    *a = (struct fuse_attr){.ino = st->st_ino,
                            .size = st->st_size,
                            .blocks = st->st_blocks,
                            .atime = st->st_atim.tv_sec,
                            .mtime = st->st_mtim.tv_sec,
                            .ctime = st->st_ctim.tv_sec,
                            .atimensec = st->st_atim.tv_nsec,
                            .mtimensec = st->st_mtim.tv_nsec,
                            .ctimensec = st->st_ctim.tv_nsec,
                            .mode = st->st_mode,
                            .nlink = st->st_nlink,
                            .blksize = FS_UNIT};
}

void entry_fill(const struct fs *fs, struct fuse_entry_out *e, uint64_t id,
                const struct stat *st)
{
    e->nodeid = id;
    e->generation = 0;
    e->entry_valid = e->attr_valid = fs->shared ? 0 : VALID_S;
    attr_fill(&e->attr, st);
}

int op_lookup(struct fs *fs, struct message *m)
{
    int error;
    struct node *n, *dir = node_get_folder(m->in.nodeid, &error);
    struct stat st;

    if (!dir)
        return error;
    if (strlen(m->name[0]) > FS_NAME_MAX)
        return -ENAMETOOLONG;
    if (!name_good(m->name[0], strlen(m->name[0])))
        return -EINVAL;
    if (fstatat(dir->fd, m->name[0], &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    n = node_found(dir, m->name[0], &st, &error);
    if (!n)
        return error;
    entry_fill(fs, message_body(m, sizeof(struct fuse_entry_out)), n->id, &st);
    return MESSAGE_DONE;
}

static void forget(uint64_t id, uint64_t lookups)
{
    struct node *n = node_get(id);

    if (n && id != FUSE_ROOT_ID)
        node_forget(n, lookups);
}

int op_forget(struct fs *fs, struct message *m)
{
    const struct fuse_forget_in *in = (const struct fuse_forget_in *)m->args;

    (void)fs;
    forget(m->in.nodeid, in->nlookup);
    return MESSAGE_DONE;
}

int op_batch_forget(struct fs *fs, struct message *m)
{
    const struct fuse_batch_forget_in *in =
        (const struct fuse_batch_forget_in *)m->args;
    const struct fuse_forget_one *one = (const void *)(in + 1);
    size_t most = (m->args_len - sizeof(*in)) / sizeof(*one);

    (void)fs;
    for (size_t i = 0; i < in->count && i < most; i++)
        forget(one[i].nodeid, one[i].nlookup);
    return MESSAGE_DONE;
}

// By handle if there is one, so that a file without a name has attributes.
static int stat_of(const struct node *n, const struct handle *h,
                   struct stat *st)
{
    if (!h)
        return node_stat(n, st);
    return fstat(h->fd, st) < 0 ? -errno : 0;
}

static int answer_attr(const struct fs *fs, struct message *m,
                       const struct stat *st)
{
    struct fuse_attr_out *out = message_body(m, sizeof(*out));

    out->attr_valid = fs->shared ? 0 : VALID_S;
    attr_fill(&out->attr, st);
    return MESSAGE_DONE;
}

int op_getattr(struct fs *fs, struct message *m)
{
    const struct fuse_getattr_in *in = (const struct fuse_getattr_in *)m->args;
    const struct node *n = node_get(m->in.nodeid);
    const struct handle *h = NULL;
    struct stat st;
    int r;

    if (!n)
        return -ENOENT;
    if (in->getattr_flags & FUSE_GETATTR_FH && !(h = handle_get(in->fh, n)))
        return -EBADF;
    r = stat_of(n, h, &st);
    return r < 0 ? r : answer_attr(fs, m, &st);
}

// ---------------------------------------------------------------- changes

int file_resize(struct fs *fs, uint64_t ino, int fd, uint64_t len)
{
    struct stat st;
    int64_t more;
    int r = 0;

    if (len > FS_FILE_MAX)
        return -EFBIG;
    quota_lock(fs, ino);
    if (fstat(fd, &st) < 0)
        r = -errno;
    more = quota_cost_of_len(len) - quota_cost_of_len(st.st_size);
    if (r == 0 && more > 0)
        r = quota_take(fs, more, 0);
    if (r == 0 && ftruncate(fd, (off_t)len) < 0) {
        r = -errno;
        if (more > 0)
            quota_take(fs, -more, 0);
    } else if (r == 0 && more < 0) {
        quota_take(fs, more, 0);
    }
    quota_unlock(fs, ino);
    return r;
}

static int set_size(struct fs *fs, const struct node *n, const struct handle *h,
                    uint64_t len)
{
    int fd, r;

    if (!S_ISREG(n->type))
        return S_ISDIR(n->type) ? -EISDIR : -EINVAL;
    // Closing a descriptor of ours would drop the guest's locks of the file.
    if (!h || h->access == O_RDONLY)
        h = handle_writable(n);
    if (h)
        return file_resize(fs, n->ino, h->fd, len);
    fd = node_open(n, O_WRONLY);
    if (fd < 0)
        return fd;
    r = file_resize(fs, n->ino, fd, len);
    close(fd);
    return r;
}

// The owner keeps the right to folders: it is us, and walks them.
static int set_mode(const struct node *n, const struct handle *h, mode_t mode)
{
    mode_t m = (mode & 0777) | (S_ISDIR(n->type) ? 0700 : 0);
    int r;

    if (S_ISLNK(n->type))
        return -EOPNOTSUPP;
    if (h)
        r = fchmod(h->fd, m);
    else if (!n->parent)
        return n->fd >= 0 ? fchmodat(n->fd, ".", m, 0) : -ENOENT;
    else
        r = fchmodat(n->parent->fd, n->name, m, 0); // see confine.h
    return r < 0 ? -errno : 0;
}

static struct timespec time_of(uint32_t valid, uint32_t set, uint32_t set_now,
                               uint64_t s, uint32_t ns)
{
    if (valid & set_now)
        return (struct timespec){.tv_nsec = UTIME_NOW};
    if (!(valid & set))
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    return (struct timespec){(time_t)s, ns < 1000000000 ? ns : 0};
}

static int set_times(const struct node *n, const struct handle *h,
                     const struct fuse_setattr_in *in)
{
    const struct timespec t[2] = {
        time_of(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime,
                in->atimensec),
        time_of(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime,
                in->mtimensec)};
    int r;

    if (h)
        r = futimens(h->fd, t);
    else if (n->fd >= 0)
        r = utimensat(n->fd, ".", t, AT_SYMLINK_NOFOLLOW);
    else if (!n->parent)
        return -ENOENT;
    else
        r = utimensat(n->parent->fd, n->name, t, AT_SYMLINK_NOFOLLOW);
    return r < 0 ? -errno : 0;
}

#define TIMES (FATTR_ATIME | FATTR_ATIME_NOW | FATTR_MTIME | FATTR_MTIME_NOW)

// Owners are nobody's to set, and silently stay as they are.
int op_setattr(struct fs *fs, struct message *m)
{
    const struct fuse_setattr_in *in = (const struct fuse_setattr_in *)m->args;
    const struct node *n = node_get(m->in.nodeid);
    const struct handle *h = NULL;
    struct stat st;
    int r;

    if (!n)
        return -ENOENT;
    if (in->valid & FATTR_FH && !(h = handle_get(in->fh, n)))
        return -EBADF;
    r = stat_of(n, h, &st); // it is there, and what it was
    if (r == 0 && in->valid & FATTR_SIZE)
        r = set_size(fs, n, h, in->size);
    if (r == 0 && in->valid & FATTR_MODE)
        r = set_mode(n, h, in->mode);
    if (r == 0 && in->valid & TIMES)
        r = set_times(n, h, in);
    if (r == 0)
        r = stat_of(n, h, &st);
    return r < 0 ? r : answer_attr(fs, m, &st);
}

// ----------------------------------------------------------------- statfs

// What is free of a limit.
static uint64_t left(uint64_t most, int64_t used)
{
    return used < 0 ? most : (uint64_t)used < most ? most - (uint64_t)used : 0;
}

int op_statfs(struct fs *fs, struct message *m)
{
    struct fuse_kstatfs *k = &((struct fuse_statfs_out *)message_body(
                                   m, sizeof(struct fuse_statfs_out)))
                                  ->st;
    const struct node *root = node_get(FUSE_ROOT_ID);
    struct statvfs s;
    uint64_t free_units;

    // Of a folder held by its path only.
    if (fstatvfs(root->fd, &s) < 0)
        return -errno;
    free_units = s.f_bavail * s.f_frsize / FS_UNIT;
    k->blocks = s.f_blocks * s.f_frsize / FS_UNIT;
    k->files = s.f_files;
    k->ffree = s.f_favail;
    if (fs->quota_bytes) {
        uint64_t ours = left(fs->quota_bytes, fs->page->used_bytes) / FS_UNIT;

        k->blocks = fs->quota_bytes / FS_UNIT;
        free_units = ours < free_units ? ours : free_units;
    }
    if (fs->quota_files) {
        uint64_t ours = left(fs->quota_files, fs->page->used_files);

        k->files = fs->quota_files;
        k->ffree = ours < k->ffree || !s.f_files ? ours : k->ffree;
    }
    k->bfree = k->bavail = free_units;
    k->bsize = k->frsize = FS_UNIT;
    k->namelen = FS_NAME_MAX;
    return MESSAGE_DONE;
}
