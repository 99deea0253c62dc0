// SPDX-License-Identifier: ISC
/*
 * The tree of names: file systems, one mounted in another, and paths through
 * them. The one in memory (ramfs.h) is at the root, volumes (volume.h) where
 * the host says. A path is walked component by component, so a slow file
 * system holds up nobody but who asks it.
 *
 * Functions return 0 or more, or -errno.
 */
#ifndef RT_VFS_H
#define RT_VFS_H

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct file;
struct stat;
struct statvfs;
struct vnode;

// One component: up to RAMFS_NAME_MAX bytes, without a NUL of its own.
struct vfs_name {
    const char *at;
    size_t len;
};

// What is to be changed of a file.
#define VFS_MODE  1u
#define VFS_SIZE  2u
#define VFS_TIMES 4u
struct vfs_change {
    unsigned what;
    mode_t mode;
    off_t size;
    struct timespec times[2]; // read, changed; UTIME_NOW and UTIME_OMIT too
};

/*
 * What a file system does. Directories that are passed are of its own, and
 * exist; names are neither "." nor "..". A vnode that is handed out has one
 * more reference. A null operation is -EPERM.
 */
struct vfs_ops {
    void (*hold)(struct vnode *v);
    void (*drop)(struct vnode *v);
    int (*lookup)(struct vnode *dir, struct vfs_name name, struct vnode **out);
    // The directory it is in, and its name of up to 256 bytes with the NUL
    // (null: not wanted). -ENOENT: it has been removed.
    int (*parent)(struct vnode *v, struct vnode **out, char *name);
    // S_IFMT as it was looked up, for walking.
    mode_t (*kind)(struct vnode *v);
    int (*stat)(struct vnode *v, struct stat *st);
    // By an open file of it if there is one.
    int (*change)(struct vnode *v, struct file *f, const struct vfs_change *c);
    ssize_t (*readlink)(struct vnode *v, char *data, size_t len);
    int (*mkdir)(struct vnode *dir, struct vfs_name name, mode_t mode);
    int (*symlink)(struct vnode *dir, struct vfs_name name, const char *to);
    int (*remove)(struct vnode *dir, struct vfs_name name, int directory);
    int (*rename)(struct vnode *from_dir, struct vfs_name from,
                  struct vnode *to_dir, struct vfs_name to);
    // Descriptors: of what is there; of a file that must not be (-EEXIST).
    int (*open)(struct vnode *v, int flags);
    int (*create)(struct vnode *dir, struct vfs_name name, int flags,
                  mode_t mode);
    int (*statvfs)(struct vnode *v, struct statvfs *st);
};

// Inside what a file system has for each of its files.
struct vnode {
    const struct vfs_ops *ops;
    struct vfs *fs;
    struct vnode *mounted; // the root of what hides this directory; for ever
};

struct vfs {
    struct vnode *root, *covered; // the directory it is mounted at; or NULL
    int read_only;
};

void vfs_hold(struct vnode *v);
void vfs_drop(struct vnode *v); // may be NULL

// Where paths begin that do not with "/": the working directory, or of an open
// directory. Its reference is the caller's.
struct vnode *vfs_cwd(void);
int vfs_chdir(struct vnode *v);

// What is at a path, seen from `start`; a link at its end is followed, or not.
int vfs_find(struct vnode *start, const char *path, int follow,
             struct vnode **out);

int vfs_open(struct vnode *start, const char *path, int flags, mode_t mode);
int vfs_mkdir(struct vnode *start, const char *path, mode_t mode);
int vfs_symlink(const char *to, struct vnode *start, const char *path);
int vfs_remove(struct vnode *start, const char *path, int directory);
int vfs_rename(struct vnode *from_start, const char *from,
               struct vnode *to_start, const char *to);

int vfs_stat(struct vnode *v, struct stat *st);
int vfs_change(struct vnode *v, struct file *f, const struct vfs_change *c);
ssize_t vfs_readlink(struct vnode *v, char *data, size_t len);
int vfs_statvfs(struct vnode *v, struct statvfs *st);

// Its path from the root, of at most len bytes with the NUL.
int vfs_path(struct vnode *v, char *path, size_t len);

// Mounts a file system at an absolute path, making directories on the way.
int vfs_mount(struct vfs *fs, const char *path);

// What every change asks first.
static inline int vfs_may_change(const struct vnode *v)
{
    return v->fs->read_only ? 0 : 1;
}

#endif
