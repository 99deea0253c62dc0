// SPDX-License-Identifier: ISC
// The tree's operations on volumes; see vfs.h.
#include "unikernel-runtime/fs/volume.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void hold(struct vnode *v)
{
    volume_hold(volume_node_of(v));
}

static void drop(struct vnode *v)
{
    volume_drop(volume_node_of(v));
}

static int lookup(struct vnode *dir, struct vfs_name name, struct vnode **out)
{
    struct fuse_entry_out e;
    struct volume_node *d = volume_node_of(dir), *n;
    unsigned changes;
    int r = volume_known(d, name, &n, &changes);
    if (r <= 0) {
        if (r == 0)
            *out = &n->vnode;
        return r;
    }
    r = volume_ask(d, FUSE_LOOKUP, NULL, 0, &name, &e, sizeof e);
    if (r == -ENOENT)
        known_absent(d, name, changes);
    if (r == 0)
        r = volume_found(d, name, changes, &e, &n);
    if (r == 0)
        *out = &n->vnode;
    return r;
}

static int parent(struct vnode *v, struct vnode **out, char *name)
{
    struct volume_node *dir = volume_parent(volume_node_of(v), name);
    if (!dir)
        return -ENOENT;
    *out = &dir->vnode;
    return 0;
}

static mode_t kind(struct vnode *v)
{
    return volume_node_of(v)->kind;
}

// A file without a name is asked for by one of its descriptors.
static int stat_op(struct vnode *v, struct stat *st)
{
    struct volume_node *n = volume_node_of(v);
    struct fuse_attr a;
    int r = volume_getattr(n, NULL, &a);
    if (r == 0)
        volume_stat_fill(n, &a, st);
    return r;
}

static int change(struct vnode *v, struct file *f, const struct vfs_change *c)
{
    return volume_setattr(volume_node_of(v), f ? volume_open_of(f) : NULL, c);
}

struct target {
    char *to;
    const char *from;
};

static void take_target(void *argument, const void *from, size_t len)
{
    memcpy(((struct target *)argument)->to, from, len);
}

static void give_target(void *argument, void *to, size_t len)
{
    memcpy(to, ((struct target *)argument)->from, len);
}

static ssize_t readlink_op(struct vnode *v, char *data, size_t len)
{
    struct volume_node *n = volume_node_of(v);
    char *whole = malloc(PATH_MAX);
    if (!whole)
        return -ENOMEM;
    struct target t = {.to = whole};
    struct fs_call c = {.opcode = FUSE_READLINK,
                        .node = n->id,
                        .take = take_target,
                        .into_len = PATH_MAX,
                        .argument = &t};
    ssize_t r = fs_call(n->of->front, &c);
    if (r > 0) {
        r = (size_t)r < len ? r : (ssize_t)len;
        memcpy(data, whole, r);
    }
    free(whole);
    return r;
}

static int made(struct volume_node *dir, struct vfs_name name,
                const struct fuse_entry_out *e)
{
    struct volume_node *n;
    known_changed(dir, name);
    int r = volume_found(dir, name, dir->of->name_changes, e, &n);
    if (r == 0)
        volume_drop(n);
    return r;
}

static int mkdir_op(struct vnode *dir, struct vfs_name name, mode_t mode)
{
    const struct fuse_mkdir_in in = {.mode = mode};
    struct volume_node *d = volume_node_of(dir);
    struct fuse_entry_out e;
    int r = volume_ask(d, FUSE_MKDIR, &in, sizeof in, &name, &e, sizeof e);
    return r < 0 ? r : made(d, name, &e);
}

// The target may be longer than a slot has room for arguments.
static int symlink_op(struct vnode *dir, struct vfs_name name, const char *to)
{
    struct volume_node *d = volume_node_of(dir);
    struct target t = {.from = to};
    struct fuse_entry_out e;
    struct fs_call c = {.opcode = FUSE_SYMLINK,
                        .node = d->id,
                        .arg = {{name.at, name.len}, {"", 1}},
                        .give = give_target,
                        .data_len = strlen(to) + 1,
                        .argument = &t,
                        .answer = &e,
                        .answer_len = sizeof e};
    int r = fs_call(d->of->front, &c);
    return r < 0 ? r : made(d, name, &e);
}

static int remove_op(struct vnode *dir, struct vfs_name name, int directory)
{
    struct volume_node *d = volume_node_of(dir);
    int r = volume_ask(d, directory ? FUSE_RMDIR : FUSE_UNLINK, NULL, 0, &name,
                       NULL, 0);
    if (r == 0) {
        known_changed(d, name);
        volume_renamed(d, name, NULL, name);
        known_absent(d, name, d->of->name_changes);
    }
    return r;
}

static int rename_op(struct vnode *from_dir, struct vfs_name from,
                     struct vnode *to_dir, struct vfs_name to)
{
    struct volume_node *f = volume_node_of(from_dir);
    struct volume_node *t = volume_node_of(to_dir);
    const struct fuse_rename2_in in = {.newdir = t->id};
    char names[2 * 256];
    size_t len = from.len + 1 + to.len + 1;
    memcpy(names, from.at, from.len);
    names[from.len] = '\0';
    memcpy(names + from.len + 1, to.at, to.len);
    names[len - 1] = '\0';
    struct fs_call c = {.opcode = FUSE_RENAME2,
                        .node = f->id,
                        .arg = {{&in, sizeof in}, {names, len}}};
    int r = fs_call(f->of->front, &c);
    if (r == 0) {
        known_changed(f, from);
        known_changed(t, to);
        volume_renamed(t, to, NULL, to); // what was there is gone
        volume_renamed(f, from, t, to);
    }
    return r;
}

const struct vfs_ops volume_ops = {
    .hold = hold,
    .drop = drop,
    .lookup = lookup,
    .parent = parent,
    .kind = kind,
    .stat = stat_op,
    .change = change,
    .readlink = readlink_op,
    .mkdir = mkdir_op,
    .symlink = symlink_op,
    .remove = remove_op,
    .rename = rename_op,
    .open = volume_open_node,
    .create = volume_create,
    .statvfs = volume_statvfs,
};
