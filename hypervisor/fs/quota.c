// SPDX-License-Identifier: ISC
// Counting against a volume's quota; see quota.h.

#include "hypervisor/fs/quota.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"

// ------------------------------------------------------------------- costs

int64_t quota_cost_of_len(uint64_t len)
{
    if (len > FS_UNIT * (UINT64_MAX / 4 / FS_UNIT))
        len = FS_UNIT * (UINT64_MAX / 4 / FS_UNIT);
    return (int64_t)((len + FS_UNIT - 1) / FS_UNIT * FS_UNIT);
}

int64_t quota_cost(const struct stat *st)
{
    int64_t links = st->st_nlink > 1 ? (int64_t)st->st_nlink : 1;

    return S_ISREG(st->st_mode) ? quota_cost_of_len(st->st_size) / links
                                : FS_UNIT;
}

int quota_take(struct fs *fs, int64_t bytes, int64_t files)
{
    int64_t b =
        __atomic_add_fetch(&fs->page->used_bytes, bytes, __ATOMIC_RELAXED);
    int64_t f =
        __atomic_add_fetch(&fs->page->used_files, files, __ATOMIC_RELAXED);

    if ((bytes <= 0 || !fs->quota_bytes || b <= (int64_t)fs->quota_bytes) &&
        (files <= 0 || !fs->quota_files || f <= (int64_t)fs->quota_files))
        return 0;
    __atomic_sub_fetch(&fs->page->used_bytes, bytes, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&fs->page->used_files, files, __ATOMIC_RELAXED);
    fs->meter->refused++;
    return -ENOSPC;
}

// ------------------------------------------------------------------- locks

/*
 * Locks of the page's file, which belong to processes: they go with a process
 * that dies, and guests' locks are elsewhere. A byte far behind the page stands
 * for an inode, byte 0 for the count.
 */
static void lock_page(const struct fs *fs, short type, uint64_t at)
{
    struct flock l = {.l_type = type,
                      .l_whence = SEEK_SET,
                      .l_start = (off_t)(at & INT64_MAX),
                      .l_len = 1};

    if (fs->page_fd < 0)
        return;
    while (fcntl(fs->page_fd, F_SETLKW, &l) < 0 && errno == EINTR)
        continue;
}

void quota_lock(struct fs *fs, uint64_t ino)
{
    if (fs->shared)
        lock_page(fs, F_WRLCK, ino ? ino : 1);
}

void quota_unlock(struct fs *fs, uint64_t ino)
{
    if (fs->shared)
        lock_page(fs, F_UNLCK, ino ? ino : 1);
}

// ---------------------------------------------------------------- counting

/*
 * The tree is walked with one folder open at a time, going up by "..": a guest
 * may have made it as deep as it likes. Nobody changes it meanwhile.
 */
struct level {
    struct level *up;
    char **name; // folders still to be visited
    size_t n, room;
};

static void level_free(struct level *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->name[i]);
    free(l->name);
    free(l);
}

static int level_add(struct level *l, const char *name)
{
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 16;
        char **more = realloc(l->name, room * sizeof(*more));

        if (!more)
            return -ENOMEM;
        l->name = more;
        l->room = room;
    }
    l->name[l->n] = strdup(name);
    return l->name[l->n] ? (l->n++, 0) : -ENOMEM;
}

static int count_entry(struct fs *fs, int dir_fd, const char *name,
                       struct level *l)
{
    struct stat st;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    fs->page->used_bytes += quota_cost(&st);
    fs->page->used_files++;
    return S_ISDIR(st.st_mode) ? level_add(l, name) : 0;
}

// Counts what is in the folder, and lists the folders in it.
static struct level *count_folder(struct fs *fs, int dir_fd, int *error)
{
    struct level *l = calloc(1, sizeof(*l));
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;

    *error = !l || !d ? -errno : 0;
    while (*error == 0 && (errno = 0, e = readdir(d)))
        *error = count_entry(fs, dir_fd, e->d_name, l);
    if (*error == 0)
        *error = -errno;
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
    return l;
}

static int move_to(int *fd, const char *name)
{
    int next =
        openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (next < 0)
        return -errno;
    close(*fd);
    *fd = next;
    return 0;
}

static int count_tree(struct fs *fs, int root_fd)
{
    cleanup_close int fd = openat(root_fd, ".", O_RDONLY | O_CLOEXEC);
    struct level *top = NULL;
    int error = 0;

    if (fd < 0)
        return -errno;
    top = count_folder(fs, fd, &error);
    while (top) {
        struct level *l = top;

        if (error == 0 && l->n) {
            char *name = l->name[--l->n];

            error = move_to(&fd, name);
            free(name);
            if (error < 0)
                continue;
            l = count_folder(fs, fd, &error);
            if (l) {
                l->up = top;
                top = l;
            }
            continue;
        }
        top = l->up;
        level_free(l);
        if (error == 0 && top)
            error = move_to(&fd, "..");
    }
    return error;
}

int quota_count(struct fs *fs, int root_fd)
{
    int r = 0;

    lock_page(fs, F_WRLCK, 0);
    if (!fs->page->counted) {
        fs->page->used_bytes = fs->page->used_files = 0;
        r = count_tree(fs, root_fd);
        fs->page->magic = FS_PAGE_MAGIC;
        if (r == 0)
            __atomic_store_n(&fs->page->counted, 1, __ATOMIC_RELEASE);
    }
    lock_page(fs, F_UNLCK, 0);
    return r;
}
