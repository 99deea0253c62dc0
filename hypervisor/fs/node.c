// SPDX-License-Identifier: ISC
// What the guest has looked up; see node.h.

#include "hypervisor/fs/node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hypervisor/fs/limits.h"

#define HASH  4096u
#define CHUNK 256u // nodes that are made at once

static struct node *chunks[FS_NODES_MAX / CHUNK];
static unsigned nchunks;
static struct node *free_nodes;
static struct node *hash[HASH];
static struct node *root;

// ------------------------------------------------------------------ numbers

/*
 * A number is the node's place and, above it, how often that was given to
 * another; the root is FUSE's 1.
 */
static struct node *at_place(uint64_t place)
{
    return place / CHUNK < nchunks ? &chunks[place / CHUNK][place % CHUNK]
                                   : NULL;
}

struct node *node_get(uint64_t id)
{
    struct node *n = at_place(id & UINT32_MAX);

    return id && n && n->id == id ? n : NULL;
}

struct node *node_get_folder(uint64_t id, int *error)
{
    struct node *n = node_get(id);

    *error = !n ? -ENOENT : S_ISDIR(n->type) ? 0 : -ENOTDIR;
    return *error ? NULL : n;
}

// The nodes' places outlive them; `owed_bytes` keeps the generation of a free
// one.
static int chunk_make(void)
{
    struct node *c;

    if (nchunks == FS_NODES_MAX / CHUNK)
        return -ENFILE;
    c = calloc(CHUNK, sizeof(*c));
    if (!c)
        return -ENOMEM;
    for (unsigned i = CHUNK; i--;) {
        c[i].owed_bytes = (int64_t)(nchunks * CHUNK + i);
        c[i].next = free_nodes;
        free_nodes = &c[i];
    }
    chunks[nchunks++] = c;
    return 0;
}

static struct node *node_new(int *error)
{
    struct node *n;
    uint64_t id;

    if (!free_nodes && (*error = chunk_make()) < 0)
        return NULL;
    n = free_nodes;
    free_nodes = n->next;
    id = (uint64_t)n->owed_bytes;
    *n = (struct node){.id = id, .fd = -1};
    return n;
}

static void node_free(struct node *n)
{
    uint64_t id = n->id;

    if (n->fd >= 0)
        close(n->fd);
    free(n->name);
    *n = (struct node){.owed_bytes = (int64_t)(id + (1ull << 32)),
                       .next = free_nodes};
    free_nodes = n;
}

// --------------------------------------------------------------------- hash

static struct node **bucket(dev_t dev, ino_t ino)
{
    return &hash[(ino * 0x9e3779b97f4a7c15ull + dev) >> 52 & (HASH - 1)];
}

struct node *node_known(const struct stat *st)
{
    struct node *n = *bucket(st->st_dev, st->st_ino);

    while (n && (n->ino != st->st_ino || n->dev != st->st_dev))
        n = n->next;
    return n;
}

static void hash_add(struct node *n)
{
    struct node **b = bucket(n->dev, n->ino);

    n->next = *b;
    *b = n;
}

static void hash_drop(struct node *n)
{
    struct node **b = bucket(n->dev, n->ino);

    while (*b && *b != n)
        b = &(*b)->next;
    if (*b)
        *b = n->next;
}

// -------------------------------------------------------------------- names

bool name_good(const char *name, size_t len)
{
    return len >= 1 && len <= FS_NAME_MAX && !memchr(name, '/', len) &&
           !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}

static void node_unname(struct node *n)
{
    struct node *dir = n->parent;

    n->parent = NULL;
    free(n->name);
    n->name = NULL;
    if (dir) {
        dir->children--;
        node_release(dir);
    }
}

int node_move(struct node *n, struct node *dir, const char *name)
{
    char *copy = strdup(name);

    if (!copy)
        return -ENOMEM;
    dir->children++;
    node_unname(n);
    n->parent = dir;
    n->depth = dir->depth + 1;
    n->name = copy;
    return 0;
}

// Whoever gets its number next is another.
void node_gone(struct node *n)
{
    hash_drop(n);
    node_unname(n);
    node_release(n);
}

static bool same(const struct node *n, const struct stat *st)
{
    return n->ino == st->st_ino && n->dev == st->st_dev &&
           n->type == (st->st_mode & S_IFMT);
}

int node_stat(const struct node *n, struct stat *st)
{
    if (n->fd >= 0)
        return fstat(n->fd, st) < 0 ? -errno : 0;
    if (!n->parent)
        return -ENOENT;
    if (fstatat(n->parent->fd, n->name, st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return same(n, st) ? 0 : -ESTALE;
}

// Nothing on the way is followed, whatever is there by now.
static int open_beneath(int dir_fd, const char *name, int flags)
{
    const struct open_how how = {
        .flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                   RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
    long fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

int node_open(const struct node *n, int flags)
{
    struct stat st;
    int fd;

    if (!S_ISREG(n->type) && !S_ISDIR(n->type))
        return S_ISLNK(n->type) ? -ELOOP : -ENXIO;
    if (n->fd >= 0)
        return open_beneath(n->fd, ".", flags);
    if (!n->parent)
        return -ENOENT;
    // A FIFO or device in its place must not hold us up: O_TRUNC is done by
    // who knows that it is the file.
    fd = open_beneath(n->parent->fd, n->name, flags | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fd == -ELOOP ? -ESTALE : fd;
    if (fstat(fd, &st) < 0 || !same(n, &st)) {
        close(fd);
        return -ESTALE;
    }
    return fd;
}

// -------------------------------------------------------------------- nodes

static int fill(struct node *n, struct node *dir, const char *name,
                const struct stat *st)
{
    struct stat now;
    int error;

    n->dev = st->st_dev;
    n->ino = st->st_ino;
    n->type = st->st_mode & S_IFMT;
    error = node_move(n, dir, name);
    if (error < 0 || !S_ISDIR(n->type))
        return error;
    n->fd = open_beneath(dir->fd, name, O_PATH | O_DIRECTORY);
    if (n->fd < 0)
        return n->fd == -EMFILE ? -ENFILE : n->fd;
    return fstat(n->fd, &now) == 0 && same(n, &now) ? 0 : -ESTALE;
}

struct node *node_found(struct node *dir, const char *name,
                        const struct stat *st, int *error)
{
    struct node *n = node_known(st);

    *error = 0;
    if (n && n->type != (st->st_mode & S_IFMT)) {
        *error = -ESTALE; // the host gave its number to another
        return NULL;
    }
    if (n && n != root && (n->parent != dir || strcmp(n->name, name) != 0))
        *error = node_move(n, dir, name); // somebody else has moved it
    if (!n) {
        n = node_new(error);
        if (!n)
            return NULL;
        *error = fill(n, dir, name, st);
        if (*error < 0) {
            node_unname(n);
            node_free(n);
            return NULL;
        }
        hash_add(n);
    }
    n->lookups++;
    return n;
}

void node_release(struct node *n)
{
    if (n == root || n->lookups || n->children || n->opens)
        return;
    hash_drop(n);
    node_unname(n);
    node_free(n);
}

void node_forget(struct node *n, uint64_t lookups)
{
    n->lookups -= lookups < n->lookups ? lookups : n->lookups;
    node_release(n);
}

void nodes_drop(void)
{
    for (uint64_t i = 0; i < nchunks * (uint64_t)CHUNK; i++) {
        struct node *n = at_place(i);

        if (n->id && n != root)
            node_forget(n, UINT64_MAX);
    }
}

int nodes_init(int root_fd)
{
    struct stat st;
    int error = chunk_make();

    if (error < 0 || fstat(root_fd, &st) < 0)
        return error < 0 ? error : -errno;
    node_new(&error); // number 0 is nobody's
    root = node_new(&error);
    root->fd = root_fd;
    root->dev = st.st_dev;
    root->ino = st.st_ino;
    root->type = S_IFDIR;
    root->lookups = 1;
    hash_add(root);
    return 0;
}
