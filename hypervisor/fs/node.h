// SPDX-License-Identifier: ISC
/*
 * What the guest has looked up. A node is found by a number of ours, which is
 * checked: the guest may send any. A folder's node holds it open, so that it
 * stays what it is wherever it is moved; another's is where it was found, and
 * what is there now is compared with what was there then.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <stddef.h>

#include "hypervisor/fs/fs.h"

struct node {
    uint64_t id; // as the guest knows it; 0: not in use
    uint64_t lookups;
    uint32_t children, opens; // nodes and handles that refer to it
    uint32_t depth;
    struct node *parent; // NULL: the root, or it has no name any more
    char *name;
    int fd; // a folder's; else -1
    dev_t dev;
    ino_t ino;
    mode_t type;        // S_IFMT
    int64_t owed_bytes; // given back when it is closed: it has no name
    bool owed;
    struct node *next; // of the same hash, or free
};

// The root takes the descriptor.
int nodes_init(int root_fd);

// By number: NULL if there is none.
struct node *node_get(uint64_t id);
// A folder: NULL and -ENOENT or -ENOTDIR.
struct node *node_get_folder(uint64_t id, int *error);

// The node of what is at dir/name, of which *st is the state; made if it is
// not known, with one more lookup either way.
struct node *node_found(struct node *dir, const char *name,
                        const struct stat *st, int *error);
// Is it known already?
struct node *node_known(const struct stat *st);

// So many lookups less; a node nobody refers to goes.
void node_forget(struct node *n, uint64_t lookups);
void node_release(struct node *n); // after `children` or `opens` fell
void nodes_drop(void);             // all lookups

// It has another name from now on, or none.
int node_move(struct node *n, struct node *dir, const char *name);
void node_gone(struct node *n);

// The state of what it is; -ESTALE if that is no longer where it was found.
int node_stat(const struct node *n, struct stat *st);

// Opens it: flags are O_*; regular files and folders only.
int node_open(const struct node *n, int flags);

// One component: neither empty, ".", "..", nor with a slash.
bool name_good(const char *name, size_t len);

#endif
