// SPDX-License-Identifier: ISC
// Paths through the tree of names, and what is done with what they end at.
#include "unikernel-runtime/fs/vfs.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/fs/volume.h"
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define LINKS_MAX 40

void vfs_hold(struct vnode *v)
{
    v->ops->hold(v);
}

void vfs_drop(struct vnode *v)
{
    if (v)
        v->ops->drop(v);
}

// ------------------------------------------------------------------ the roots

static struct vnode *cwd; // NULL: the root
static struct lock cwd_lock;

// The tree is built when the program first names a file. Who does that sees it
// half built; others wait.
static struct vnode *root(void)
{
    static struct lock building;
    static struct vnode *built, *half;
    static struct thread *builder;
    struct vnode *r = __atomic_load_n(&built, __ATOMIC_ACQUIRE);
    if (r)
        return r;
    if (builder == thread_self())
        return half;
    lock_take(&building);
    if (!built) {
        half = ramfs_root();
        builder = thread_self();
        volumes_mount();
        builder = NULL;
        __atomic_store_n(&built, half, __ATOMIC_RELEASE);
    }
    lock_give(&building);
    return built;
}

struct vnode *vfs_cwd(void)
{
    struct vnode *v = root();
    lock_take(&cwd_lock);
    if (cwd)
        v = cwd;
    vfs_hold(v);
    lock_give(&cwd_lock);
    return v;
}

int vfs_chdir(struct vnode *v)
{
    if (!S_ISDIR(v->ops->kind(v)))
        return -ENOTDIR;
    vfs_hold(v);
    lock_take(&cwd_lock);
    struct vnode *old = cwd;
    cwd = v;
    lock_give(&cwd_lock);
    vfs_drop(old);
    return 0;
}

// What is really there: a directory may be hidden by what is mounted at it.
static struct vnode *uncover(struct vnode *v)
{
    while (v->mounted) {
        struct vnode *top = v->mounted;
        vfs_hold(top);
        vfs_drop(v);
        v = top;
    }
    return v;
}

// -------------------------------------------------------------------- walking

/*
 * A walk under way: the directory it has come to, and what is left of the path.
 * A link puts its target before that, in a buffer of the walk's.
 */
struct walk {
    struct vnode *at;
    const char *rest;
    struct vfs_name name; // the component looked at; empty at the end
    char *buffer;
    int links;
};

static int walk_begin(struct walk *w, struct vnode *start, const char *path)
{
    *w = (struct walk){.rest = path};
    if (!path[0])
        return -ENOENT;
    if (strnlen(path, PATH_MAX) == PATH_MAX)
        return -ENAMETOOLONG;
    w->at = path[0] == '/' ? root() : start;
    vfs_hold(w->at);
    return 0;
}

static void walk_end(struct walk *w)
{
    vfs_drop(w->at);
    free(w->buffer);
}

// Looks at the next component; 1: it is the last, without any there is none.
static int component(struct walk *w)
{
    w->rest += strspn(w->rest, "/");
    w->name = (struct vfs_name){w->rest, strcspn(w->rest, "/")};
    const char *after = w->rest + w->name.len;
    return !after[strspn(after, "/")];
}

static int has_slash(const struct walk *w)
{
    return w->name.at[w->name.len] == '/';
}

static int is_dot(struct vfs_name n)
{
    return n.len == 1 && n.at[0] == '.';
}

static int is_dots(struct vfs_name n)
{
    return n.len == 2 && n.at[0] == '.' && n.at[1] == '.';
}

static int up(struct vnode *v, struct vnode **out)
{
    vfs_hold(v);
    while (v == v->fs->root && v->fs->covered) {
        struct vnode *below = v->fs->covered;
        vfs_hold(below);
        vfs_drop(v);
        v = below;
    }
    if (v == v->fs->root) {
        *out = v;
        return 0;
    }
    int r = v->ops->parent(v, out, NULL);
    vfs_drop(v);
    if (r == 0)
        *out = uncover(*out);
    return r;
}

// What the component is.
static int step(struct walk *w, struct vnode **out)
{
    struct vnode *dir = w->at;
    if (!S_ISDIR(dir->ops->kind(dir)))
        return -ENOTDIR;
    if (!w->name.len || is_dot(w->name)) {
        vfs_hold(dir);
        *out = dir;
        return 0;
    }
    if (is_dots(w->name))
        return up(dir, out);
    if (w->name.len > RAMFS_NAME_MAX)
        return -ENAMETOOLONG;
    int r = dir->ops->lookup(dir, w->name, out);
    if (r == 0)
        *out = uncover(*out);
    return r;
}

// The walk goes on at a link's target, which may begin at the root.
static int follow(struct walk *w, struct vnode *link)
{
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    char *buffer = malloc(2 * PATH_MAX);
    if (!buffer)
        return -ENOMEM;
    ssize_t n = link->ops->readlink
                    ? link->ops->readlink(link, buffer, PATH_MAX - 1)
                    : -EINVAL;
    const char *after = w->name.at + w->name.len;
    int r = n < 0 ? (int)n : n == 0 ? -ENOENT : 0;
    if (r == 0 && n + strlen(after) >= PATH_MAX)
        r = -ENAMETOOLONG;
    if (r < 0) {
        free(buffer);
        return r;
    }
    strcpy(buffer + n, after);
    free(w->buffer);
    w->buffer = buffer;
    w->rest = buffer;
    if (buffer[0] == '/') {
        vfs_drop(w->at);
        w->at = root();
        vfs_hold(w->at);
    }
    return 0;
}

static int is_link(struct vnode *v)
{
    return S_ISLNK(v->ops->kind(v));
}

// To the directory of the last component, which is left in w->name.
static int walk_to_last(struct walk *w)
{
    while (!component(w)) {
        struct vnode *next;
        int r = step(w, &next);
        if (r < 0)
            return r;
        if (is_link(next)) {
            r = follow(w, next);
            vfs_drop(next);
            if (r < 0)
                return r;
            continue;
        }
        vfs_drop(w->at);
        w->at = next;
        w->rest += w->name.len;
    }
    return S_ISDIR(w->at->ops->kind(w->at)) ? 0 : -ENOTDIR;
}

// And to what that is. Links are followed, if they are to be or a slash stands
// behind them. On -ENOENT the walk is where the missing name would be.
static int walk_through(struct walk *w, int follow_last, struct vnode **out)
{
    for (;;) {
        int r = walk_to_last(w);
        if (r == 0)
            r = step(w, out);
        if (r < 0)
            return r;
        if (!is_link(*out) || !(follow_last || has_slash(w)))
            break;
        r = follow(w, *out);
        vfs_drop(*out);
        if (r < 0)
            return r;
    }
    if (has_slash(w) && !S_ISDIR((*out)->ops->kind(*out))) {
        vfs_drop(*out);
        return -ENOTDIR;
    }
    return 0;
}

int vfs_find(struct vnode *start, const char *path, int follow_last,
             struct vnode **out)
{
    struct walk w;
    int r = walk_begin(&w, start, path);
    if (r == 0)
        r = walk_through(&w, follow_last, out);
    walk_end(&w);
    return r;
}

// ------------------------------------------------------------------- changing

// Is the component one that can be made or removed?
static int name_check(const struct walk *w)
{
    if (w->name.len > RAMFS_NAME_MAX)
        return -ENAMETOOLONG;
    if (!w->name.len || is_dot(w->name) || is_dots(w->name))
        return -EEXIST;
    return vfs_may_change(w->at) ? 0 : -EROFS;
}

static int open_found(struct vnode *v, int flags)
{
    mode_t kind = v->ops->kind(v);
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    if (S_ISLNK(kind))
        return -ELOOP;
    if (S_ISDIR(kind) && (writes || flags & O_CREAT))
        return -EISDIR;
    if (!S_ISDIR(kind) && flags & O_DIRECTORY)
        return -ENOTDIR;
    if (S_ISREG(kind) && (writes || flags & O_TRUNC) && !vfs_may_change(v))
        return -EROFS;
    return v->ops->open(v, flags);
}

static int create(struct walk *w, int flags, mode_t mode)
{
    if (has_slash(w))
        return -EISDIR;
    int r = name_check(w);
    if (r < 0)
        return r;
    const struct vfs_ops *ops = w->at->ops;
    return ops->create ? ops->create(w->at, w->name, flags, mode) : -EPERM;
}

// Somebody else may make the file, or remove it, between two of our looks.
#define TRIES 64

int vfs_open(struct vnode *start, const char *path, int flags, mode_t mode)
{
    int exclusive = flags & O_CREAT && flags & O_EXCL, r = -ENOENT;
    for (int i = 0; i < TRIES; i++) {
        struct walk w;
        struct vnode *v = NULL;
        r = walk_begin(&w, start, path);
        if (r == 0)
            r = walk_through(&w, !exclusive && !(flags & O_NOFOLLOW), &v);
        if (r == 0 && exclusive)
            r = -EEXIST;
        else if (r == 0)
            r = open_found(v, flags);
        else if (r == -ENOENT && flags & O_CREAT && w.at && component(&w))
            r = create(&w, flags, mode);
        vfs_drop(v);
        walk_end(&w);
        if (r != -ESTALE && !(r == -EEXIST && !exclusive))
            break;
    }
    return r == -ESTALE ? -ENOENT : r;
}

// What a call on the last component's directory and name results in.
static int walk_for_change(struct walk *w, struct vnode *start,
                           const char *path)
{
    int r = walk_begin(w, start, path);
    return r < 0 ? r : walk_to_last(w);
}

static int is_there(struct walk *w)
{
    struct vnode *v;
    int r = step(w, &v);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    vfs_drop(v);
    return -EEXIST;
}

int vfs_mkdir(struct vnode *start, const char *path, mode_t mode)
{
    struct walk w;
    int r = walk_for_change(&w, start, path);
    if (r == 0)
        r = is_there(&w);
    if (r == 0)
        r = name_check(&w);
    if (r == 0)
        r = w.at->ops->mkdir ? w.at->ops->mkdir(w.at, w.name, mode) : -EPERM;
    walk_end(&w);
    return r;
}

int vfs_symlink(const char *to, struct vnode *start, const char *path)
{
    struct walk w;
    size_t len = strnlen(to, PATH_MAX);
    if (len == 0 || len == PATH_MAX)
        return len ? -ENAMETOOLONG : -ENOENT;
    int r = walk_for_change(&w, start, path);
    if (r == 0)
        r = is_there(&w);
    if (r == 0)
        r = has_slash(&w) ? -ENOENT : name_check(&w);
    if (r == 0)
        r = w.at->ops->symlink ? w.at->ops->symlink(w.at, w.name, to) : -EPERM;
    walk_end(&w);
    return r;
}

static int is_busy(const struct vnode *v)
{
    return v == v->fs->root || v->mounted;
}

static int remove_last(struct walk *w, int directory)
{
    struct vnode *v;
    int r = step(w, &v);
    if (r < 0)
        return r;
    int is_directory = S_ISDIR(v->ops->kind(v));
    int busy = is_busy(v) || v == cwd;
    vfs_drop(v);
    if (!directory && is_directory)
        return -EISDIR;
    if ((directory || has_slash(w)) && !is_directory)
        return -ENOTDIR;
    if (busy)
        return -EBUSY;
    if (is_dot(w->name))
        return -EINVAL;
    if (is_dots(w->name))
        return -ENOTEMPTY;
    r = name_check(w);
    if (r < 0)
        return r;
    return w->at->ops->remove ? w->at->ops->remove(w->at, w->name, directory)
                              : -EPERM;
}

int vfs_remove(struct vnode *start, const char *path, int directory)
{
    struct walk w;
    int r = walk_for_change(&w, start, path);
    if (r == 0)
        r = remove_last(&w, directory);
    walk_end(&w);
    return r;
}

// Is `v` the directory `top` or below it? A volume may say that it is below
// itself.
static int is_within(struct vnode *v, const struct vnode *top)
{
    vfs_hold(v);
    for (unsigned depth = 0;; depth++) {
        struct vnode *next;
        int found = v == top;
        int end = v == v->fs->root || depth == PATH_MAX;
        if (found || end || v->ops->parent(v, &next, NULL) < 0) {
            vfs_drop(v);
            return found;
        }
        vfs_drop(v);
        v = next;
    }
}

static int rename_check(struct walk *from, struct walk *to, struct vnode *v,
                        struct vnode *old)
{
    int directory = S_ISDIR(v->ops->kind(v));
    if (is_busy(v) || (old && is_busy(old)))
        return -EBUSY;
    if (from->at->fs != to->at->fs)
        return -EXDEV;
    if (is_dot(from->name) || is_dots(from->name) || is_dot(to->name) ||
        is_dots(to->name))
        return -EINVAL;
    if ((has_slash(from) || has_slash(to)) && !directory)
        return -ENOTDIR;
    if (directory && is_within(to->at, v))
        return -EINVAL;
    if (old && directory && !S_ISDIR(old->ops->kind(old)))
        return -ENOTDIR;
    if (old && !directory && S_ISDIR(old->ops->kind(old)))
        return -EISDIR;
    if (to->name.len > RAMFS_NAME_MAX)
        return -ENAMETOOLONG;
    return vfs_may_change(from->at) ? 0 : -EROFS;
}

static int rename_last(struct walk *from, struct walk *to)
{
    struct vnode *v = NULL, *old = NULL;
    int r = step(from, &v);
    if (r < 0)
        return r;
    r = step(to, &old);
    if (r == -ENOENT)
        r = 0;
    if (r == 0 && v != old)
        r = rename_check(from, to, v, old);
    if (r == 0 && v != old)
        r = from->at->ops->rename
                ? from->at->ops->rename(from->at, from->name, to->at, to->name)
                : -EPERM;
    vfs_drop(old);
    vfs_drop(v);
    return r;
}

int vfs_rename(struct vnode *from_start, const char *from,
               struct vnode *to_start, const char *to)
{
    struct walk f = {0}, t = {0};
    int r = walk_for_change(&f, from_start, from);
    if (r == 0)
        r = walk_for_change(&t, to_start, to);
    if (r == 0)
        r = rename_last(&f, &t);
    walk_end(&f);
    walk_end(&t);
    return r;
}

// --------------------------------------------------------------- what is there

int vfs_stat(struct vnode *v, struct stat *st)
{
    return v->ops->stat(v, st);
}

int vfs_change(struct vnode *v, struct file *f, const struct vfs_change *c)
{
    if (!vfs_may_change(v))
        return -EROFS;
    return v->ops->change ? v->ops->change(v, f, c) : -EPERM;
}

ssize_t vfs_readlink(struct vnode *v, char *data, size_t len)
{
    if (!is_link(v) || !v->ops->readlink)
        return -EINVAL;
    return v->ops->readlink(v, data, len);
}

int vfs_statvfs(struct vnode *v, struct statvfs *st)
{
    int r = v->ops->statvfs(v, st);
    if (r == 0 && v->fs->read_only)
        st->f_flag |= ST_RDONLY;
    return r;
}

// Written from its end, since the walk is upwards.
int vfs_path(struct vnode *v, char *path, size_t len)
{
    char *whole = malloc(PATH_MAX), *at = whole + PATH_MAX - 1;
    int r = whole ? 0 : -ENOMEM;
    vfs_hold(v);
    if (whole)
        *at = '\0';
    while (r == 0 && (v != v->fs->root || v->fs->covered)) {
        struct vnode *next;
        char name[256];
        if (v == v->fs->root) {
            next = v->fs->covered;
            vfs_hold(next);
            vfs_drop(v);
            v = next;
            continue;
        }
        r = v->ops->parent(v, &next, name);
        if (r < 0)
            break;
        size_t n = strlen(name);
        vfs_drop(v);
        v = next;
        if ((size_t)(at - whole) < n + 1) {
            r = -ENAMETOOLONG;
            break;
        }
        at = memcpy(at - n, name, n);
        *--at = '/';
    }
    vfs_drop(v);
    if (r == 0 && !*at)
        *--at = '/';
    size_t need = r == 0 ? whole + PATH_MAX - at : 0;
    if (need > len)
        r = -ERANGE;
    if (r == 0)
        memcpy(path, at, need);
    free(whole);
    return r;
}

// -------------------------------------------------------------------- mounting

static int make_folders(const char *path)
{
    char part[PATH_MAX];
    if (strlcpy(part, path, sizeof part) >= sizeof part)
        return -ENAMETOOLONG;
    for (char *slash = part; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        int r = vfs_mkdir(root(), part, 0755);
        if (r < 0 && r != -EEXIST)
            return r;
        if (slash)
            *slash = '/';
    }
    return 0;
}

int vfs_mount(struct vfs *fs, const char *path)
{
    struct vnode *v;
    int r = path[0] == '/' ? make_folders(path) : -EINVAL;
    if (r == 0)
        r = vfs_find(root(), path, 1, &v);
    if (r < 0)
        return r;
    if (v == root() || !S_ISDIR(v->ops->kind(v))) {
        vfs_drop(v);
        return -EBUSY;
    }
    fs->covered = v; // and stays
    v->mounted = fs->root;
    return 0;
}
