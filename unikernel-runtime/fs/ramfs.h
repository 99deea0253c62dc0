// SPDX-License-Identifier: ISC
/*
 * The file tree in memory: the domain's files (from the initrd, in place until
 * they are written), what the program makes, and /dev.
 *
 * Functions return 0 or more, or -errno. A directory's children are a list:
 * looking a name up is linear in the size of its directory. One lock guards
 * the tree and all contents; a thread may take it again, and a caller that
 * holds on to a node holds the lock.
 */
#ifndef RT_RAMFS_H
#define RT_RAMFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file_ops;
struct stat;

int ramfs_lock(void);
void ramfs_unlock(const int *unused);

// Takes the lock until the block is left.
#define RAMFS_LOCKED                                                           \
    const int ramfs_locked __attribute__((cleanup(ramfs_unlock), unused)) =    \
        ramfs_lock()

struct node {
    struct node *parent, *next; // next: the sibling made after this one
    struct node *first, *last;  // children
    char *name;
    const struct file_ops *device; // of a device, else NULL
    void *device_object;           // ... what its files have as their object
    const uint8_t *data;           // a regular file's bytes
    uint64_t len;
    uint64_t capacity; // pages behind `data`; 0: still in the initrd, or none
    uint64_t mtime_ns; // wall clock
    ino_t ino;
    mode_t mode;
    unsigned opens;
};

#define RAMFS_NAME_MAX 255 // one component; fits struct dirent

// The node at a path, relative to the working directory; NULL and an error.
struct node *ramfs_find(const char *path, int *error);

// Makes a node at a path that must not be there yet, but its folder must;
// with `parents`, missing folders are made too.
struct node *ramfs_make(const char *path, mode_t mode, int parents, int *error);

int ramfs_open(const char *path, int flags, mode_t mode);
int ramfs_remove(const char *path, int directory);
int ramfs_rename(const char *from, const char *to);
int ramfs_truncate(struct node *n, off_t len);
int ramfs_chdir(struct node *n);
int ramfs_getcwd(char *path, size_t len);
int ramfs_path(const struct node *n, char *path, size_t len); // from the root
void ramfs_stat(const struct node *n, struct stat *st);

// The node of an open file, or NULL if it is of another kind.
struct file;
struct node *ramfs_node(struct file *f);

#endif
