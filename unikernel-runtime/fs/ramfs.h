// SPDX-License-Identifier: ISC
/*
 * The file tree in memory: the domain's files (from the initrd, in place until
 * they are written), what the program makes, and /dev.
 *
 * Functions return 0 or more, or -errno. A directory's children are a list:
 * looking a name up is linear in the size of its directory. One lock guards
 * the tree and all contents; a thread may take it again.
 */
#ifndef RT_RAMFS_H
#define RT_RAMFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "unikernel-runtime/fs/vfs.h"

struct file_ops;
struct stat;

int ramfs_lock(void);
void ramfs_unlock(const int *unused);

// Takes the lock until the block is left.
#define RAMFS_LOCKED                                                           \
    const int ramfs_locked __attribute__((cleanup(ramfs_unlock), unused)) =    \
        ramfs_lock()

struct node {
    struct vnode vnode;         // first
    struct node *parent, *next; // next: the sibling made after this one
    struct node *first, *last;  // children
    char *name;
    const struct file_ops *device; // of a device, else NULL
    void *device_object;           // ... what its files have as their object
    const uint8_t *data;           // a regular file's bytes, a link's target
    uint64_t len;
    uint64_t capacity; // pages behind `data`; 0: still in the initrd, or none
    uint64_t mtime_ns; // wall clock
    uint64_t version;  // of the contents; 0: nobody has asked for it yet
    ino_t ino;
    mode_t mode;
    unsigned refs; // of the vnode, and open files
};

#define RAMFS_NAME_MAX 255 // one component; fits struct dirent

// The root, with /dev, /tmp and the domain's files in it. Called once.
struct vnode *ramfs_root(void);

// Makes a node at an absolute path that must not be there yet, and folders on
// the way: while the tree is built. NULL and an error.
struct node *ramfs_make(const char *path, mode_t mode, int *error);

int ramfs_truncate(struct node *n, off_t len);
void ramfs_stat(const struct node *n, struct stat *st);

#endif
