// SPDX-License-Identifier: ISC
// Volumes: mounting, requests, and what is known of each file; see volume.h.
#include "unikernel-runtime/fs/volume.h"
#include "unikernel-runtime/fs/volume_behind.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

// ------------------------------------------------------------------- requests

int volume_ask(struct volume_node *n, enum fuse_opcode opcode, const void *in,
               size_t in_len, const struct vfs_name *name, void *out,
               size_t out_len)
{
    struct fs_call c = {.opcode = opcode,
                        .node = n->id,
                        .arg = {{in, in_len}},
                        .answer = out,
                        .answer_len = out_len};
    if (name) {
        c.arg[1].at = name->at;
        c.arg[1].len = name->len;
        c.arg[2].at = "";
        c.arg[2].len = 1;
    }
    return fs_call(n->of->front, &c);
}

static void forget(struct volume *v, uint64_t id, uint64_t lookups)
{
    const struct fuse_forget_in in = {lookups};
    struct fs_call c = {.opcode = FUSE_FORGET,
                        .node = id,
                        .arg = {{&in, sizeof in}},
                        .silent = 1};
    fs_call(v->front, &c);
}

// ---------------------------------------------------------------------- nodes

static struct volume_node **bucket(struct volume *v, uint64_t id)
{
    return &v->hash[(id ^ id >> 32) % VOLUME_HASH];
}

static struct volume_node *known(struct volume *v, uint64_t id)
{
    if (id == FUSE_ROOT)
        return &v->root;
    struct volume_node *n = *bucket(v, id);
    while (n && n->id != id)
        n = n->next;
    return n;
}

static void idle_put(struct volume *v, struct volume_node *n)
{
    n->newer = NULL;
    n->older = v->newest;
    *(v->newest ? &v->newest->newer : &v->oldest) = n;
    v->newest = n;
    v->idle++;
}

static void idle_take(struct volume *v, struct volume_node *n)
{
    *(n->newer ? &n->newer->older : &v->newest) = n->older;
    *(n->older ? &n->older->newer : &v->oldest) = n->newer;
    v->idle--;
}

static void hold_locked(struct volume_node *n)
{
    if (n->refs++ == 0)
        idle_take(n->of, n);
}

void volume_hold(struct volume_node *n)
{
    lock_take(&n->of->lock);
    hold_locked(n);
    lock_give(&n->of->lock);
}

// Takes the one that is longest unused out of the table, if there are too many.
static struct volume_node *surplus(struct volume *v)
{
    struct volume_node *n = v->oldest;
    if (v->idle <= VOLUME_IDLE)
        return NULL;
    idle_take(v, n);
    struct volume_node **link = bucket(v, n->id);
    while (*link != n)
        link = &(*link)->next;
    *link = n->next;
    known_drop(n);
    return n;
}

static void node_free(struct volume_node *n)
{
    struct volume *v = n->of;
    lock_take(&n->io);
    cache_drop(n);
    lock_give(&n->io);
    forget(v, n->id, n->lookups);
    struct volume_node *parent = n->parent;
    free(n->name);
    free(n);
    if (parent)
        volume_drop(parent);
}

void volume_drop(struct volume_node *n)
{
    struct volume *v = n->of;
    struct volume_node *old = NULL;
    lock_take(&v->lock);
    if (--n->refs == 0) {
        idle_put(v, n);
        old = surplus(v);
    }
    lock_give(&v->lock);
    if (old)
        node_free(old);
}

struct volume_node *volume_parent(struct volume_node *n, char *name)
{
    lock_take(&n->of->lock);
    struct volume_node *dir = n->parent;
    if (dir)
        hold_locked(dir);
    if (dir && name)
        strlcpy(name, n->name, 256);
    lock_give(&n->of->lock);
    return dir;
}

// Locked: its place in the tree; what is to be dropped afterwards is returned.
static struct volume_node *place(struct volume_node *n, struct volume_node *dir,
                                 char *name)
{
    struct volume_node *before = n->parent;
    known_drop(n);
    if (dir)
        hold_locked(dir);
    n->parent = dir;
    free(n->name);
    n->name = name;
    return before;
}

static mode_t kind_of(const struct fuse_attr *a)
{
    return a->mode & S_IFMT;
}

int volume_found(struct volume_node *dir, struct vfs_name name,
                 unsigned changes, const struct fuse_entry_out *e,
                 struct volume_node **out)
{
    struct volume *v = dir->of;
    struct volume_node *n, *made = calloc(1, sizeof *made), *before = NULL;
    char *copy = strndup(name.at, name.len);
    if (!made || !copy || !e->nodeid) {
        free(made);
        free(copy);
        if (e->nodeid)
            forget(v, e->nodeid, 1);
        return e->nodeid ? -ENOMEM : -ENOENT;
    }
    lock_take(&v->lock);
    n = known(v, e->nodeid);
    if (!n) {
        n = made;
        made = NULL;
        n->vnode.ops = &volume_ops;
        n->vnode.fs = &v->vfs;
        n->of = v;
        n->id = e->nodeid;
        n->kind = kind_of(&e->attr);
        n->next = *bucket(v, n->id);
        *bucket(v, n->id) = n;
        n->refs = 1;
    } else {
        hold_locked(n);
    }
    n->lookups++;
    if (n != &v->root && !known_is_at(n, dir, name)) {
        before = place(n, dir, copy);
        copy = NULL;
    }
    if (v->sole && n != &v->root && !n->named && v->name_changes == changes)
        known_add(n);
    unsigned attr_changes = n->attr_changes;
    lock_give(&v->lock);
    if (!n->attr_known)
        known_attr_set(n, &e->attr, attr_changes);
    free(made);
    free(copy);
    if (before)
        volume_drop(before);
    // A host that makes a folder of a file is none that we know.
    if (n->kind != kind_of(&e->attr)) {
        volume_drop(n);
        return -EIO;
    }
    *out = n;
    return 0;
}

int volume_known(struct volume_node *dir, struct vfs_name name,
                 struct volume_node **out, unsigned *changes)
{
    struct volume *v = dir->of;
    int absent = 0;
    lock_take(&v->lock);
    *out = v->sole ? known_find(dir, name, &absent) : NULL;
    if (*out)
        hold_locked(*out);
    *changes = v->name_changes;
    lock_give(&v->lock);
    return *out ? 0 : absent ? -ENOENT : 1;
}

void volume_renamed(struct volume_node *dir, struct vfs_name name,
                    struct volume_node *to, struct vfs_name to_name)
{
    struct volume *v = dir->of;
    struct volume_node *moved = NULL, *before = NULL;
    char *copy = to ? strndup(to_name.at, to_name.len) : NULL;
    lock_take(&v->lock);
    for (unsigned i = 0; i < VOLUME_HASH && !moved; i++)
        for (struct volume_node *n = v->hash[i]; n && !moved; n = n->next)
            if (known_is_at(n, dir, name))
                moved = n;
    if (moved) {
        before = place(moved, copy ? to : NULL, copy);
        copy = NULL;
        moved->attr_known = 0;
        moved->attr_changes++;
        if (v->sole && moved->parent)
            known_add(moved);
    }
    lock_give(&v->lock);
    free(copy);
    if (before)
        volume_drop(before);
}

// ----------------------------------------------------------------- attributes

void volume_stat_fill(struct volume_node *n, const struct fuse_attr *a,
                      struct stat *st)
{
    *st = (struct stat){
        .st_dev = n->of->dev,
        .st_ino = a->ino,
        .st_mode = a->mode,
        .st_nlink = a->nlink,
        .st_size = a->size,
        .st_blksize = 4096,
        .st_blocks = a->blocks,
        .st_atim = {a->atime, a->atimensec},
        .st_mtim = {a->mtime, a->mtimensec},
        .st_ctim = {a->ctime, a->ctimensec},
    };
    // What was written is perhaps not there yet.
    if (n->of->shared || !S_ISREG(n->kind) || !n->open)
        return;
    lock_take(&n->io);
    if (n->open)
        st->st_size = n->size;
    if (n->dirty)
        st->st_mtim = st->st_ctim = n->mtime;
    lock_give(&n->io);
}

int volume_getattr(struct volume_node *n, const struct volume_open *o,
                   struct fuse_attr *a)
{
    const struct fuse_getattr_in in = {.flags = o ? FUSE_GETATTR_FH : 0,
                                       .fh = o ? o->fh : 0};
    struct fuse_attr_out out;
    if (known_attr(n, a))
        return 0;
    unsigned changes = __atomic_load_n(&n->attr_changes, __ATOMIC_RELAXED);
    int r = volume_ask(n, FUSE_GETATTR, &in, sizeof in, NULL, &out, sizeof out);
    if (r == 0 && kind_of(&out.attr) != n->kind)
        return -EIO;
    if (r == 0)
        known_attr_set(n, &out.attr, changes);
    *a = out.attr;
    return r;
}

static void set_time(struct fuse_setattr_in *in, const struct timespec *t,
                     uint32_t set, uint32_t now, uint64_t *s, uint32_t *ns)
{
    if (t->tv_nsec == UTIME_OMIT)
        return;
    in->valid |= set | (t->tv_nsec == UTIME_NOW ? now : 0);
    if (t->tv_nsec != UTIME_NOW) {
        *s = t->tv_sec;
        *ns = t->tv_nsec;
    }
}

int volume_setattr(struct volume_node *n, const struct volume_open *o,
                   const struct vfs_change *c)
{
    struct fuse_setattr_in in = {.valid = o ? FUSE_FATTR_FH : 0,
                                 .fh = o ? o->fh : 0};
    struct fuse_attr_out out;
    if (c->what & VFS_MODE) {
        in.valid |= FUSE_FATTR_MODE;
        in.mode = c->mode;
    }
    if (c->what & VFS_SIZE) {
        in.valid |= FUSE_FATTR_SIZE;
        in.size = c->size;
    }
    if (c->what & VFS_TIMES) {
        set_time(&in, &c->times[0], FUSE_FATTR_ATIME, FUSE_FATTR_ATIME_NOW,
                 &in.atime, &in.atimensec);
        set_time(&in, &c->times[1], FUSE_FATTR_MTIME, FUSE_FATTR_MTIME_NOW,
                 &in.mtime, &in.mtimensec);
    }
    lock_take(&n->io);
    int r = 0;
    // Times are to stay as they are set; what is behind a new end is dropped.
    if (c->what & VFS_TIMES && n->dirty)
        r = cache_flush(n);
    if (r == 0)
        r = volume_ask(n, FUSE_SETATTR, &in, sizeof in, NULL, &out, sizeof out);
    if (r == 0 && c->what & VFS_SIZE)
        cache_truncate(n, c->size);
    known_attr_forget(n);
    if (r == 0 && !n->dirty)
        known_attr_set(n, &out.attr, n->attr_changes);
    lock_give(&n->io);
    return r;
}

int volume_statvfs(struct vnode *v, struct statvfs *st)
{
    struct fuse_statfs_out out;
    int r = volume_ask(volume_node_of(v), FUSE_STATFS, NULL, 0, NULL, &out,
                       sizeof out);
    if (r < 0)
        return r;
    *st = (struct statvfs){.f_bsize = out.bsize,
                           .f_frsize = out.frsize,
                           .f_blocks = out.blocks,
                           .f_bfree = out.bfree,
                           .f_bavail = out.bavail,
                           .f_files = out.files,
                           .f_ffree = out.ffree,
                           .f_favail = out.ffree,
                           .f_flag = ST_NOSUID,
                           .f_namemax = out.namelen};
    return 0;
}

// ------------------------------------------------------------------- mounting

static void mount_one(unsigned i)
{
    char mount[HV_FS_MOUNT_MAX];
    uint32_t flags;
    struct volume *v = calloc(1, sizeof *v);
    fs_describe(i, mount, sizeof mount, &flags);
    struct fs_front *f = fs_open(i);
    if (!v || !f)
        return;
    v->front = f;
    v->dev = 1 + i; // the file system in memory is 0
    v->shared = flags & HV_FS_SHARED;
    v->vfs.read_only = flags & HV_FS_READ_ONLY;
    v->sole = !v->shared && !v->vfs.read_only;
    v->vfs.root = &v->root.vnode;
    v->root = (struct volume_node){
        .vnode = {.ops = &volume_ops, .fs = &v->vfs},
        .of = v,
        .id = FUSE_ROOT,
        .kind = S_IFDIR,
        .refs = 1, // for ever
    };
    if (vfs_mount(&v->vfs, mount) < 0)
        return; // the host has named a place that cannot be one
    if (v->sole)
        volume_behind_start(v);
}

void volumes_mount(void)
{
    for (unsigned i = 0; i < fs_count(); i++)
        mount_one(i);
}
