// SPDX-License-Identifier: ISC
/*
 * Names and attributes of files on a volume that is this domain's alone: what
 * the host has said holds until the domain itself changes it. An answer that
 * was under way while something changed is not remembered. See volume.h.
 */
#include "unikernel-runtime/fs/volume.h"

#include <stdlib.h>
#include <string.h>

// A name that there is not. One for each place in the table: a new one takes
// the old one's.
struct volume_absent {
    uint64_t dir;
    size_t len;
    char name[];
};

static size_t place_of(const struct volume_node *dir, struct vfs_name name)
{
    size_t h = dir->id * 0x9e3779b97f4a7c15ull >> 40;
    for (size_t i = 0; i < name.len; i++)
        h = h * 31 + (unsigned char)name.at[i];
    return h % VOLUME_HASH;
}

static struct vfs_name name_of(const struct volume_node *n)
{
    return (struct vfs_name){n->name, strlen(n->name)};
}

static int is_absent(const struct volume_absent *a,
                     const struct volume_node *dir, struct vfs_name name)
{
    return a && a->dir == dir->id && a->len == name.len &&
           !memcmp(a->name, name.at, name.len);
}

int known_is_at(const struct volume_node *n, const struct volume_node *dir,
                struct vfs_name name)
{
    return n->parent == dir && n->name &&
           !strncmp(n->name, name.at, name.len) && !n->name[name.len];
}

struct volume_node *known_find(struct volume_node *dir, struct vfs_name name,
                               int *absent)
{
    size_t at = place_of(dir, name);
    struct volume_node *n = dir->of->by_name[at];
    while (n && !known_is_at(n, dir, name))
        n = n->namesake;
    *absent = !n && is_absent(dir->of->absent[at], dir, name);
    return n;
}

void known_add(struct volume_node *n)
{
    struct volume_node **b = &n->of->by_name[place_of(n->parent, name_of(n))];
    n->namesake = *b;
    *b = n;
    n->named = 1;
}

void known_drop(struct volume_node *n)
{
    if (!n->named)
        return;
    struct volume_node **link =
        &n->of->by_name[place_of(n->parent, name_of(n))];
    while (*link != n)
        link = &(*link)->namesake;
    *link = n->namesake;
    n->named = 0;
}

void known_absent(struct volume_node *dir, struct vfs_name name,
                  unsigned changes)
{
    struct volume *v = dir->of;
    if (!v->sole)
        return;
    struct volume_absent *a = malloc(sizeof *a + name.len), *old = NULL;
    if (!a)
        return;
    a->dir = dir->id;
    a->len = name.len;
    memcpy(a->name, name.at, name.len);
    lock_take(&v->lock);
    struct volume_absent **to = &v->absent[place_of(dir, name)];
    if (v->name_changes == changes) {
        old = *to;
        *to = a;
        a = NULL;
    }
    lock_give(&v->lock);
    free(a);
    free(old);
}

void known_changed(struct volume_node *dir, struct vfs_name name)
{
    struct volume *v = dir->of;
    struct volume_absent *old = NULL;
    lock_take(&v->lock);
    v->name_changes++;
    struct volume_absent **at = &v->absent[place_of(dir, name)];
    if (is_absent(*at, dir, name)) {
        old = *at;
        *at = NULL;
    }
    lock_give(&v->lock);
    free(old);
    known_attr_forget(dir);
}

int known_attr(struct volume_node *n, struct fuse_attr *a)
{
    lock_take(&n->of->lock);
    int known = n->attr_known;
    if (known)
        *a = n->attr;
    lock_give(&n->of->lock);
    return known;
}

void known_attr_set(struct volume_node *n, const struct fuse_attr *a,
                    unsigned changes)
{
    if (!n->of->sole)
        return;
    lock_take(&n->of->lock);
    if (n->attr_changes == changes) {
        n->attr = *a;
        n->attr_known = 1;
    }
    lock_give(&n->of->lock);
}

void known_attr_forget(struct volume_node *n)
{
    lock_take(&n->of->lock);
    n->attr_known = 0;
    n->attr_changes++;
    lock_give(&n->of->lock);
}
