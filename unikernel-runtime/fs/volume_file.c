// SPDX-License-Identifier: ISC
// Open files and folders of volumes; see volume.h.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_LEN 8192u

static const struct file_ops regular_ops, directory_ops;

struct volume_open *volume_open_of(struct file *f)
{
    return f->ops == &regular_ops || f->ops == &directory_ops ? f->object
                                                              : NULL;
}

// -------------------------------------------------------------------- opening

static uint32_t linux_flags(int flags, int shared)
{
    uint32_t l = flags & O_ACCMODE;
    // What is written behind needs to read pages that are written in part.
    if (l == O_WRONLY && !shared)
        l = O_RDWR;
    if (flags & O_TRUNC && l != O_RDONLY)
        l |= FUSE_O_TRUNC;
    if (flags & O_APPEND && shared)
        l |= FUSE_O_APPEND;
    return l;
}

static void release(struct volume_node *n, uint64_t fh, int directory)
{
    const struct fuse_release_in in = {.fh = fh};
    volume_ask(n, directory ? FUSE_RELEASEDIR : FUSE_RELEASE, &in, sizeof in,
               NULL, NULL, 0);
}

static int same_time(const struct volume_node *n, const struct fuse_attr *a)
{
    return n->mtime.tv_sec == (time_t)a->mtime &&
           n->mtime.tv_nsec == (long)a->mtimensec && n->size == a->size;
}

// Contents that are kept of what has changed meanwhile are not what they are.
static int first_open(struct volume_open *o, int truncated)
{
    struct volume_node *n = o->node;
    struct fuse_attr a;
    int r = volume_getattr(n, o, &a);
    if (r < 0)
        return r;
    if (truncated || !same_time(n, &a))
        cache_drop(n);
    n->size = a.size;
    n->mtime = (struct timespec){a.mtime, a.mtimensec};
    n->error = 0;
    return 0;
}

// Makes a descriptor of what the host has opened; takes the handle.
static int open_done(struct volume_node *n, uint64_t fh, int flags,
                     int truncated)
{
    int directory = S_ISDIR(n->kind);
    struct volume_open *o = calloc(1, sizeof *o);
    if (!o) {
        release(n, fh, directory);
        return -ENOMEM;
    }
    *o = (struct volume_open){.node = n, .fh = fh, .flags = flags};
    lock_take(&n->io);
    int r = 0;
    if (!directory && !n->of->shared && !n->open)
        r = first_open(o, truncated);
    else if (truncated && !directory)
        cache_truncate(n, 0);
    if (r == 0) {
        o->next = n->open;
        n->open = o;
    }
    lock_give(&n->io);
    if (r < 0) {
        release(n, fh, directory);
        free(o);
        return r;
    }
    volume_hold(n);
    struct file *f;
    int fd =
        fd_open_file(directory ? &directory_ops : &regular_ops, o, flags, &f);
    if (fd < 0) {
        struct file none = {.object = o};
        regular_ops.close(&none);
    }
    return fd;
}

static int ask_to_open(struct volume_node *n, enum fuse_opcode opcode,
                       uint32_t flags, struct fuse_open_out *out)
{
    const struct fuse_open_in in = {.flags = flags};
    return volume_ask(n, opcode, &in, sizeof in, NULL, out, sizeof *out);
}

int volume_open_node(struct vnode *v, int flags)
{
    struct volume_node *n = volume_node_of(v);
    struct fuse_open_out out;
    int shared = n->of->shared, r;
    if (S_ISDIR(n->kind)) {
        r = ask_to_open(n, FUSE_OPENDIR, O_RDONLY, &out);
        return r < 0 ? r : open_done(n, out.fh, flags, 0);
    }
    if (!S_ISREG(n->kind))
        return -ENXIO; // a pipe or a device that somebody has put there
    int truncates = flags & O_TRUNC && (flags & O_ACCMODE) != O_RDONLY;
    r = ask_to_open(n, FUSE_OPEN, linux_flags(flags, shared), &out);
    if (truncates)
        known_attr_forget(n);
    return r < 0 ? r : open_done(n, out.fh, flags, truncates);
}

int volume_create(struct vnode *dir, struct vfs_name name, int flags,
                  mode_t mode)
{
    struct volume_node *d = volume_node_of(dir), *n;
    struct {
        struct fuse_entry_out entry;
        struct fuse_open_out open;
    } out;
    const struct fuse_create_in in = {
        .flags = linux_flags(flags, d->of->shared) | FUSE_O_EXCL,
        .mode = S_IFREG | (mode & 0777)};
    int r = volume_ask(d, FUSE_CREATE, &in, sizeof in, &name, &out, sizeof out);
    if (r < 0)
        return r;
    known_changed(d, name);
    r = volume_found(d, name, d->of->name_changes, &out.entry, &n);
    if (r < 0)
        return r;
    r = S_ISREG(n->kind) ? open_done(n, out.open.fh, flags, 1) : -EIO;
    volume_drop(n);
    return r;
}

// -------------------------------------------------------------------- closing

static int writes(const struct volume_open *o)
{
    return (o->flags & O_ACCMODE) != O_RDONLY;
}

static int take_error(struct volume_node *n)
{
    int e = n->error;
    n->error = 0;
    return e;
}

// What was written is the host's when close says so.
static int flush_op(struct file *f)
{
    struct volume_open *o = f->object;
    struct volume_node *n = o->node;
    int r = 0;
    if (o->locks)
        volume_unlock_all(o);
    if (!writes(o) || n->of->shared)
        return 0;
    lock_take(&n->io);
    r = cache_flush(n);
    if (r == 0)
        r = take_error(n);
    lock_give(&n->io);
    return r;
}

// The last one remembers how the file is left, to know it again.
static void close_op(struct file *f)
{
    struct volume_open *o = f->object;
    struct volume_node *n = o->node;
    struct volume_open **link = &n->open;
    lock_take(&n->io);
    if (writes(o) && !n->of->shared)
        cache_flush(n);
    while (*link != o)
        link = &(*link)->next;
    *link = o->next;
    if (!n->open && writes(o) && !n->of->shared) {
        struct fuse_attr a;
        if (n->dirty || volume_getattr(n, o, &a) < 0 || a.size != n->size)
            cache_drop(n);
        else
            n->mtime = (struct timespec){a.mtime, a.mtimensec};
    }
    lock_give(&n->io);
    release(n, o->fh, S_ISDIR(n->kind));
    volume_drop(n);
    free(o->list);
    free(o);
}

// ----------------------------------------------------------- reading, writing

struct place {
    void *to;
    const void *from;
};

static void take_data(void *argument, const void *from, size_t len)
{
    memcpy(((struct place *)argument)->to, from, len);
}

static void give_data(void *argument, void *to, size_t len)
{
    memcpy(to, ((struct place *)argument)->from, len);
}

ssize_t volume_read_direct(struct volume_open *o, void *data, size_t len,
                           uint64_t pos)
{
    size_t done = 0;
    while (done < len) {
        size_t some = len - done < FS_DATA_MAX ? len - done : FS_DATA_MAX;
        const struct fuse_read_in in = {
            .fh = o->fh, .offset = pos + done, .size = some};
        struct place p = {.to = (char *)data + done};
        struct fs_call c = {.opcode = FUSE_READ,
                            .node = o->node->id,
                            .arg = {{&in, sizeof in}},
                            .take = take_data,
                            .into_len = some,
                            .argument = &p};
        ssize_t r = fs_call(o->node->of->front, &c);
        if (r < 0)
            return done ? (ssize_t)done : r;
        done += r;
        if ((size_t)r < some)
            break;
    }
    return done;
}

ssize_t volume_write_direct(struct volume_open *o, const void *data, size_t len,
                            uint64_t pos)
{
    size_t done = 0;
    while (done < len) {
        size_t some = len - done < FS_DATA_MAX ? len - done : FS_DATA_MAX;
        const struct fuse_write_in in = {
            .fh = o->fh, .offset = pos + done, .size = some};
        struct fuse_write_out out;
        struct place p = {.from = (const char *)data + done};
        struct fs_call c = {.opcode = FUSE_WRITE,
                            .node = o->node->id,
                            .arg = {{&in, sizeof in}},
                            .give = give_data,
                            .data_len = some,
                            .argument = &p,
                            .answer = &out,
                            .answer_len = sizeof out};
        ssize_t r = fs_call(o->node->of->front, &c);
        if (r == 0 && (out.size > some || out.size == 0))
            r = -EIO;
        if (r < 0)
            return done ? (ssize_t)done : r;
        done += out.size;
    }
    return done;
}

static ssize_t read_op(struct file *f, void *data, size_t len, off_t *pos)
{
    struct volume_open *o = f->object;
    struct volume_node *n = o->node;
    ssize_t r;
    if (len > SSIZE_MAX)
        len = SSIZE_MAX;
    if (n->of->shared) {
        r = volume_read_direct(o, data, len, *pos);
    } else {
        lock_take(&n->io);
        r = cache_read(o, data, len, *pos);
        lock_give(&n->io);
    }
    if (r > 0)
        *pos += r;
    return r;
}

static int sync_node(struct volume_open *o, int data)
{
    const struct fuse_fsync_in in = {.fh = o->fh,
                                     .flags = data ? FUSE_FSYNC_DATA : 0};
    struct volume_node *n = o->node;
    return volume_ask(n, S_ISDIR(n->kind) ? FUSE_FSYNCDIR : FUSE_FSYNC, &in,
                      sizeof in, NULL, NULL, 0);
}

static int sync_op(struct file *f, int data)
{
    struct volume_open *o = f->object;
    struct volume_node *n = o->node;
    int r = 0, e;
    if (!n->of->shared && S_ISREG(n->kind)) {
        lock_take(&n->io);
        r = cache_flush(n);
        e = take_error(n);
        lock_give(&n->io);
        r = r ? r : e;
    }
    e = sync_node(o, data);
    return r ? r : e;
}

// At the end of a shared file only the host can put something.
static ssize_t write_shared(struct file *f, const void *data, size_t len,
                            off_t *pos)
{
    struct volume_open *o = f->object;
    ssize_t r = volume_write_direct(o, data, len, *pos);
    struct fuse_attr a;
    if (r > 0 && f->flags & O_APPEND && volume_getattr(o->node, o, &a) == 0)
        *pos = a.size;
    else if (r > 0)
        *pos += r;
    return r;
}

static ssize_t write_op(struct file *f, const void *data, size_t len,
                        off_t *pos)
{
    struct volume_open *o = f->object;
    struct volume_node *n = o->node;
    ssize_t r;
    if (len > SSIZE_MAX)
        len = SSIZE_MAX;
    if (n->of->shared) {
        r = write_shared(f, data, len, pos);
    } else {
        lock_take(&n->io);
        if (f->flags & O_APPEND)
            *pos = n->size;
        r = (uint64_t)*pos + len > INT64_MAX / 2
                ? -EFBIG
                : cache_write(o, data, len, *pos);
        if (r > 0)
            *pos += r;
        lock_give(&n->io);
    }
    if (r > 0 && f->flags & O_SYNC) {
        int e = sync_op(f, 0);
        if (e < 0)
            return e;
    }
    return r;
}

static int stat_op(struct file *f, struct stat *st)
{
    struct volume_open *o = f->object;
    struct fuse_attr a;
    int r = volume_getattr(o->node, o, &a);
    if (r == 0)
        volume_stat_fill(o->node, &a, st);
    return r;
}

static off_t seek_to(off_t base, off_t offset)
{
    off_t at;
    if (__builtin_add_overflow(base, offset, &at))
        return -EOVERFLOW;
    return at < 0 ? -EINVAL : at;
}

static off_t seek_op(struct file *f, off_t offset, int whence)
{
    struct volume_open *o = f->object;
    struct fuse_attr a;
    int r;
    switch (whence) {
    case SEEK_SET:
        return seek_to(0, offset);
    case SEEK_CUR:
        return seek_to(f->pos, offset);
    case SEEK_END:
        if (!o->node->of->shared)
            return seek_to(o->node->size, offset);
        r = volume_getattr(o->node, o, &a);
        return r < 0 ? r : seek_to(a.size, offset);
    default:
        return -EINVAL;
    }
}

static int truncate_op(struct file *f, off_t len)
{
    const struct vfs_change c = {.what = VFS_SIZE, .size = len};
    struct volume_open *o = f->object;
    return volume_setattr(o->node, o, &c);
}

static struct vnode *vnode_op(struct file *f)
{
    return &((struct volume_open *)f->object)->node->vnode;
}

static const struct file_ops regular_ops = {
    .read = read_op,
    .write = write_op,
    .seek = seek_op,
    .stat = stat_op,
    .truncate = truncate_op,
    .sync = sync_op,
    .flush = flush_op,
    .vnode = vnode_op,
    .record_lock = volume_record_lock,
    .flock = volume_flock,
    .close = close_op,
};

// -------------------------------------------------------------------- folders

static int list_fill(struct volume_open *o, off_t pos)
{
    if (!o->list && !(o->list = malloc(LIST_LEN)))
        return -ENOMEM;
    const struct fuse_read_in in = {
        .fh = o->fh, .offset = pos, .size = LIST_LEN};
    struct place p = {.to = o->list};
    struct fs_call c = {.opcode = FUSE_READDIR,
                        .node = o->node->id,
                        .arg = {{&in, sizeof in}},
                        .take = take_data,
                        .into_len = LIST_LEN,
                        .argument = &p};
    o->list_len = o->list_at = 0;
    ssize_t r = fs_call(o->node->of->front, &c);
    if (r < 0)
        return r;
    o->list_len = r;
    o->list_pos = pos;
    return 0;
}

// The next entry of what was read: its length; 0: there is none; or -EIO.
static int list_take(struct volume_open *o, struct dirent *entry, off_t *next)
{
    size_t left = o->list_len - o->list_at;
    const struct fuse_dirent *d = (const void *)(o->list + o->list_at);
    if (!left)
        return 0;
    if (left < sizeof *d || d->namelen == 0 ||
        d->namelen >= sizeof entry->d_name || d->namelen > left - sizeof *d ||
        memchr(d->name, '/', d->namelen) || memchr(d->name, 0, d->namelen) ||
        d->off > INT64_MAX)
        return -EIO;
    size_t len = (sizeof *d + d->namelen + 7) & -8ul;
    entry->d_ino = d->ino;
    entry->d_reclen = sizeof *entry;
    entry->d_type = d->type;
    memcpy(entry->d_name, d->name, d->namelen);
    entry->d_name[d->namelen] = '\0';
    o->list_at += len < left ? len : left;
    *next = d->off;
    return 1;
}

// A position is the host's, so one that telldir gave finds its entry again.
static int readdir_op(struct file *f, struct dirent *entry)
{
    struct volume_open *o = f->object;
    off_t next = 0;
    lock_take(&o->node->io);
    int r = 0;
    if (!o->list || f->pos != o->list_pos || o->list_at == o->list_len)
        r = list_fill(o, f->pos);
    if (r == 0)
        r = list_take(o, entry, &next);
    if (r == 1)
        f->pos = o->list_pos = next;
    lock_give(&o->node->io);
    return r;
}

static off_t directory_seek(struct file *f, off_t offset, int whence)
{
    struct volume_open *o = f->object;
    if (whence == SEEK_END)
        return -EINVAL;
    o->list_len = o->list_at = 0;
    return seek_to(whence == SEEK_CUR ? f->pos : 0, offset);
}

static ssize_t directory_read(struct file *f, void *data, size_t len,
                              off_t *pos)
{
    (void)f, (void)data, (void)len, (void)pos;
    return -EISDIR;
}

static const struct file_ops directory_ops = {
    .read = directory_read,
    .seek = directory_seek,
    .stat = stat_op,
    .sync = sync_op,
    .readdir = readdir_op,
    .vnode = vnode_op,
    .close = close_op,
};
