// SPDX-License-Identifier: ISC
/*
 * Volumes: file systems that the host serves (front/fs.h).
 *
 *   volume.c        mounting, requests, what is known of each file
 *   volume_name.c   the tree's operations
 *   volume_file.c   open files and folders
 *   volume_lock.c   locks between domains
 *   volume_cache.c  pages of files, read ahead and written behind
 *
 *   volume_known.c  names and attributes that need not be asked for again
 *
 * What is kept depends on who else there is. Nothing of a shared volume. Of one
 * that is read only, contents, which are compared with the file's time and
 * length when it is opened first. Of a `sole` one, which no other domain has
 * and this one may change, names, attributes and contents.
 */
#ifndef RT_VOLUME_H
#define RT_VOLUME_H

#include "unikernel-runtime/front/fs.h"
#include "unikernel-runtime/fs/vfs.h"
#include "unikernel-runtime/kernel/lock.h"

#include <sys/stat.h>

// Mounts all there are. One that cannot be started is there and fails.
void volumes_mount(void);

#define VOLUME_HASH 256u
#define VOLUME_IDLE 512u // files that are kept in mind though nobody uses them

struct file;
struct flock;
struct statvfs;
struct volume_absent;
struct volume_page;

// An open file; `next` of the same node.
struct volume_open {
    struct volume_open *next;
    struct volume_node *node;
    uint64_t fh;
    int flags, direct;
    int locks; // it may have some (volume_lock.c)
    // Of a folder: what was read and not handed out.
    char *list;
    size_t list_len, list_at;
    off_t list_pos; // of what is handed out next
};

struct volume_node {
    struct vnode vnode; // first
    struct volume *of;
    uint64_t id, lookups;
    mode_t kind;
    unsigned refs;            // the volume's lock guards what is above `io`
    struct volume_node *next; // of the same hash
    struct volume_node *older, *newer; // while nobody uses it
    struct volume_node *parent;        // NULL: removed, or the root
    char *name;
    struct volume_node *namesake; // of the same hash, if `named`
    int named;                    // found by name without asking
    struct fuse_attr attr;        // if known
    int attr_known;
    unsigned attr_changes;
    struct volume_open *open;

    struct lock io; // contents, and all that follows
    uint64_t size;  // while it is open, and contents are kept
    struct timespec mtime;
    uint64_t next_index; // of a sequential reader
    unsigned ahead;
    struct volume_page *pages;
    unsigned dirty; // pages
    int error;      // of what was written behind; told once
};

struct volume {
    struct vfs vfs; // first
    struct fs_front *front;
    int shared, sole;
    dev_t dev;
    struct lock lock; // nodes
    struct volume_node root;
    struct volume_node *hash[VOLUME_HASH], *by_name[VOLUME_HASH];
    struct volume_absent *absent[VOLUME_HASH];
    unsigned name_changes;
    struct volume_node *oldest, *newest;
    unsigned idle;
    int64_t room; // bytes that may be written before the host is asked again
};

static inline struct volume_node *volume_node_of(struct vnode *v)
{
    return (struct volume_node *)v;
}

// ---------------------------------------------------------------- requests

// A request about a node: arguments as struct and name, an answer of fixed
// length.
int volume_ask(struct volume_node *n, enum fuse_opcode opcode, const void *in,
               size_t in_len, const struct vfs_name *name, void *out,
               size_t out_len);

// The node that an answer names, with one reference more. `changes`: the
// volume's name_changes when it was asked for.
int volume_found(struct volume_node *dir, struct vfs_name name,
                 unsigned changes, const struct fuse_entry_out *e,
                 struct volume_node **out);
// The same without asking: 0; -ENOENT: it is known not to be there; or 1 and
// name_changes, for asking.
int volume_known(struct volume_node *dir, struct vfs_name name,
                 struct volume_node **out, unsigned *changes);
void volume_hold(struct volume_node *n);
void volume_drop(struct volume_node *n);
// The folder it is in, with a reference, and its name; NULL: it is removed.
struct volume_node *volume_parent(struct volume_node *n, char *name);
// Its name is another now, or none (dir NULL).
void volume_renamed(struct volume_node *dir, struct vfs_name name,
                    struct volume_node *to, struct vfs_name to_name);

void volume_stat_fill(struct volume_node *n, const struct fuse_attr *a,
                      struct stat *st);
int volume_getattr(struct volume_node *n, const struct volume_open *o,
                   struct fuse_attr *a);
int volume_setattr(struct volume_node *n, const struct volume_open *o,
                   const struct vfs_change *c);
int volume_statvfs(struct vnode *v, struct statvfs *st);

extern const struct vfs_ops volume_ops;

// ------------------------------------------------- what is known (sole ones)

// The node of a name, not held, or NULL with *absent set if there is none.
// The volume's lock is held, also for the next three.
struct volume_node *known_find(struct volume_node *dir, struct vfs_name name,
                               int *absent);
void known_add(struct volume_node *n);  // by parent and name
void known_drop(struct volume_node *n); // before they change
int known_is_at(const struct volume_node *n, const struct volume_node *dir,
                struct vfs_name name);

// There is nothing of that name, unless something has changed since.
void known_absent(struct volume_node *dir, struct vfs_name name,
                  unsigned changes);
// Names of the folder have changed, this one of them.
void known_changed(struct volume_node *dir, struct vfs_name name);

int known_attr(struct volume_node *n, struct fuse_attr *a); // 1: here it is
void known_attr_set(struct volume_node *n, const struct fuse_attr *a,
                    unsigned changes);
void known_attr_forget(struct volume_node *n);

// ------------------------------------------------------------------- files

int volume_open_node(struct vnode *v, int flags);
int volume_create(struct vnode *dir, struct vfs_name name, int flags,
                  mode_t mode);
struct volume_open *volume_open_of(struct file *f);

int volume_record_lock(struct file *f, int command, struct flock *lock);
int volume_flock(struct file *f, int operation);
void volume_unlock_all(struct volume_open *o);

// Reading and writing without a cache.
ssize_t volume_read_direct(struct volume_open *o, void *data, size_t len,
                           uint64_t pos);
ssize_t volume_write_direct(struct volume_open *o, const void *data, size_t len,
                            uint64_t pos);

// ------------------------------------------------------------------- cache

// All with the node's io lock held.
ssize_t cache_read(struct volume_open *o, void *data, size_t len, uint64_t pos);
ssize_t cache_write(struct volume_open *o, const void *data, size_t len,
                    uint64_t pos);
int cache_flush(struct volume_node *n);
void cache_truncate(struct volume_node *n, uint64_t size);
void cache_drop(struct volume_node *n); // clean pages, and dirty ones lost

#endif
