// SPDX-License-Identifier: ISC
// Walking a volume's files; see tree.h.

#include "node-agent/volume/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

#define LINK_MAX_BYTES 4096

static void cleanup_dir_(DIR **d)
{
    if (*d)
        closedir(*d);
}
#define cleanup_dir __attribute__((cleanup(cleanup_dir_)))

DIR *tree_open(int dir_fd, struct err *e)
{
    cleanup_close int fd =
        openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d)
        err_errno(e, "reading a folder of the volume");
    else
        steal_fd(&fd);
    return d;
}

const struct dirent *tree_next(DIR *d, int *r, struct err *e)
{
    const struct dirent *entry;

    if (*r < 0)
        return NULL;
    do {
        errno = 0;
        entry = readdir(d);
    } while (entry &&
             (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
    if (!entry && errno)
        *r = err_errno(e, "reading a folder of the volume");
    return entry;
}

int tree_enter(int dir_fd, const char *name, struct err *e)
{
    int fd =
        openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? err_errno(e, "opening the folder %.64s", name) : fd;
}

static int deep(int depth, struct err *e)
{
    return depth < TREE_DEPTH_MAX
               ? 0
               : err_set(e, ELOOP, "folders are nested deeper than %d",
                         TREE_DEPTH_MAX);
}

static int look(int dir_fd, const char *name, struct stat *st, struct err *e)
{
    return fstatat(dir_fd, name, st, AT_SYMLINK_NOFOLLOW) < 0
               ? err_errno(e, "looking at %.64s", name)
               : 0;
}

// ------------------------------------------------------------------ counting

uint64_t tree_cost(uint64_t len, int is_file)
{
    const uint64_t most = UINT64_MAX / 4 / TREE_UNIT * TREE_UNIT;

    if (!is_file)
        return TREE_UNIT;
    return len > most ? most : (len + TREE_UNIT - 1) / TREE_UNIT * TREE_UNIT;
}

int tree_take(struct tree_use *use, uint64_t len, int is_file, struct err *e)
{
    uint64_t cost = tree_cost(len, is_file);

    // Each is below a quarter of what 64 bits hold.
    if (use->max_bytes && use->bytes + cost > use->max_bytes)
        return err_set(e, ENOSPC,
                       "the volume's quota of %llu bytes is too small for this",
                       (unsigned long long)use->max_bytes);
    if (use->max_files && use->files + 1 > use->max_files)
        return err_set(e, ENOSPC,
                       "the volume may hold %llu files and folders, and this "
                       "is more",
                       (unsigned long long)use->max_files);
    if (use->bytes + cost < use->bytes)
        return err_set(e, ENOSPC, "the volume's files are too long");
    use->bytes += cost;
    use->files++;
    return 0;
}

static int count(int dir_fd, int depth, struct tree_use *use, struct err *e)
{
    cleanup_dir DIR *d = NULL;
    const struct dirent *entry;
    int r = deep(depth, e);

    if (r < 0 || !(d = tree_open(dir_fd, e)))
        return -e->code;
    while ((entry = tree_next(d, &r, e)) && r == 0) {
        cleanup_close int fd = -1;
        struct stat st;

        r = look(dir_fd, entry->d_name, &st, e);
        if (r == 0)
            r = tree_take(use, (uint64_t)st.st_size, S_ISREG(st.st_mode), e);
        if (r < 0 || !S_ISDIR(st.st_mode))
            continue;
        fd = tree_enter(dir_fd, entry->d_name, e);
        r = fd < 0 ? fd : count(fd, depth + 1, use, e);
    }
    return r;
}

int tree_count(int dir_fd, struct tree_use *use, struct err *e)
{
    *use = (struct tree_use){0};
    return count(dir_fd, 0, use, e);
}

// ------------------------------------------------------------------ removing

static int empty(int dir_fd, int depth, struct err *e);

static int remove_one(int dir_fd, const char *name, int depth, struct err *e)
{
    cleanup_close int fd = -1;
    int r;

    if (unlinkat(dir_fd, name, 0) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return err_errno(e, "removing %.64s", name);
    fd = tree_enter(dir_fd, name, e);
    r = fd < 0 ? fd : empty(fd, depth + 1, e);
    if (r == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0)
        r = err_errno(e, "removing the folder %.64s", name);
    return r;
}

static int empty(int dir_fd, int depth, struct err *e)
{
    cleanup_dir DIR *d = NULL;
    const struct dirent *entry;
    int r = deep(depth, e);

    if (r < 0 || !(d = tree_open(dir_fd, e)))
        return -e->code;
    while ((entry = tree_next(d, &r, e)) && r == 0)
        r = remove_one(dir_fd, entry->d_name, depth, e);
    return r;
}

int tree_empty(int dir_fd, struct err *e)
{
    return empty(dir_fd, 0, e);
}

// ------------------------------------------------------------------- merging

static int merge(int from_fd, int to_fd, int depth, struct err *e);

static int merge_folder(int from_fd, int to_fd, const char *name, int depth,
                        struct err *e)
{
    cleanup_close int from = tree_enter(from_fd, name, e);
    cleanup_close int to = from < 0 ? -1 : tree_enter(to_fd, name, e);
    struct stat st;
    int r;

    if (to < 0)
        return -e->code;
    r = merge(from, to, depth + 1, e);
    if (r < 0)
        return r;
    if (fstat(from, &st) < 0 || fchmod(to, st.st_mode & 0777) < 0 ||
        futimens(to, (struct timespec[]){st.st_atim, st.st_mtim}) < 0 ||
        unlinkat(from_fd, name, AT_REMOVEDIR) < 0)
        return err_errno(e, "moving the folder %.64s", name);
    return 0;
}

static int merge_one(int from_fd, int to_fd, const char *name, int depth,
                     struct err *e)
{
    struct stat new, old;
    int r = look(from_fd, name, &new, e);

    if (r < 0)
        return r;
    if (fstatat(to_fd, name, &old, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return err_errno(e, "looking at %.64s", name);
    } else if (S_ISDIR(new.st_mode) && S_ISDIR(old.st_mode)) {
        return merge_folder(from_fd, to_fd, name, depth, e);
    } else if (S_ISDIR(new.st_mode) || S_ISDIR(old.st_mode)) {
        r = remove_one(to_fd, name, depth, e);
        if (r < 0)
            return r;
    }
    return renameat(from_fd, name, to_fd, name) < 0
               ? err_errno(e, "moving %.64s into the volume", name)
               : 0;
}

static int merge(int from_fd, int to_fd, int depth, struct err *e)
{
    cleanup_dir DIR *d = NULL;
    const struct dirent *entry;
    int r = deep(depth, e);

    if (r < 0 || !(d = tree_open(from_fd, e)))
        return -e->code;
    while ((entry = tree_next(d, &r, e)) && r == 0)
        r = merge_one(from_fd, to_fd, entry->d_name, depth, e);
    return r;
}

int tree_merge(int from_fd, int to_fd, struct err *e)
{
    return merge(from_fd, to_fd, 0, e);
}

// ------------------------------------------------------------------- copying

static int bytes_copy(int from, int to, off_t at, off_t end)
{
    char buf[65536];

    while (at < end) {
        off_t to_at = at;
        ssize_t n =
            copy_file_range(from, &at, to, &to_at, (size_t)(end - at), 0);

        if (n > 0)
            continue;
        if (n == 0)
            return 0; // it has become shorter
        if (errno != EXDEV && errno != EINVAL && errno != ENOSYS &&
            errno != EOPNOTSUPP)
            return -errno;
        n = pread(from, buf, sizeof(buf), at);
        if (n <= 0)
            return n < 0 ? -errno : 0;
        if (pwrite(to, buf, (size_t)n, at) != n)
            return errno ? -errno : -EIO;
        at += n;
    }
    return 0;
}

// Its data, not its holes.
static int extents_copy(int from, int to, off_t size)
{
    off_t at = 0;
    int r = 0;

    while (r == 0 && at < size) {
        off_t data = lseek(from, at, SEEK_DATA), hole;

        if (data < 0 && errno == ENXIO)
            break;
        if (data < 0) // no such thing here
            return bytes_copy(from, to, at, size);
        hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0 || hole > size)
            hole = size;
        r = bytes_copy(from, to, data, hole);
        at = hole;
    }
    return r;
}

static int file_copy(int from_fd, int to_fd, const char *name,
                     const struct stat *st, struct err *e)
{
    cleanup_close int from =
        openat(from_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    cleanup_close int to =
        openat(to_fd, name,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = 0;

    if (from < 0 || to < 0)
        return err_errno(e, "copying %.64s", name);
    errno = 0;
    if (ioctl(to, FICLONE, from) < 0)
        r = extents_copy(from, to, st->st_size);
    // A file that changed meanwhile has the length that was counted.
    if (r == 0 && ftruncate(to, st->st_size) < 0)
        r = -errno;
    if (r == 0 &&
        (fchmod(to, st->st_mode & 0777) < 0 ||
         futimens(to, (struct timespec[]){st->st_atim, st->st_mtim}) < 0))
        r = -errno;
    errno = -r;
    return r < 0 ? err_errno(e, "copying %.64s", name) : 0;
}

static int link_copy(int from_fd, int to_fd, const char *name,
                     const struct stat *st, struct err *e)
{
    char target[LINK_MAX_BYTES];
    ssize_t n = readlinkat(from_fd, name, target, sizeof(target));

    if (n <= 0 || n == (ssize_t)sizeof(target))
        return err_set(e, EINVAL, "the symbolic link %.64s is too long", name);
    target[n] = '\0';
    if (symlinkat(target, to_fd, name) < 0 ||
        utimensat(to_fd, name, (struct timespec[]){st->st_atim, st->st_mtim},
                  AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, "copying the link %.64s", name);
    return 0;
}

static int copy(int from_fd, int to_fd, int depth, struct tree_use *use,
                struct err *e);

static int folder_copy(int from_fd, int to_fd, const char *name,
                       const struct stat *st, int depth, struct tree_use *use,
                       struct err *e)
{
    cleanup_close int from = tree_enter(from_fd, name, e), to = -1;
    int r;

    if (from < 0)
        return from;
    if (mkdirat(to_fd, name, 0700) < 0)
        return err_errno(e, "making the folder %.64s", name);
    to = tree_enter(to_fd, name, e);
    r = to < 0 ? to : copy(from, to, depth + 1, use, e);
    if (r == 0 &&
        (fchmod(to, st->st_mode & 0777) < 0 ||
         futimens(to, (struct timespec[]){st->st_atim, st->st_mtim}) < 0))
        r = err_errno(e, "copying the folder %.64s", name);
    return r;
}

static int copy_one(int from_fd, int to_fd, const char *name, int depth,
                    struct tree_use *use, struct err *e)
{
    struct stat st;
    int r = look(from_fd, name, &st, e);

    if (r == 0)
        r = tree_take(use, (uint64_t)st.st_size, S_ISREG(st.st_mode), e);
    if (r < 0)
        return r;
    if (S_ISDIR(st.st_mode))
        return folder_copy(from_fd, to_fd, name, &st, depth, use, e);
    if (S_ISLNK(st.st_mode))
        return link_copy(from_fd, to_fd, name, &st, e);
    if (S_ISREG(st.st_mode))
        return file_copy(from_fd, to_fd, name, &st, e);
    return err_set(e, EINVAL, "%.64s is neither file, folder nor symbolic link",
                   name);
}

static int copy(int from_fd, int to_fd, int depth, struct tree_use *use,
                struct err *e)
{
    cleanup_dir DIR *d = NULL;
    const struct dirent *entry;
    int r = deep(depth, e);

    if (r < 0 || !(d = tree_open(from_fd, e)))
        return -e->code;
    while ((entry = tree_next(d, &r, e)) && r == 0)
        r = copy_one(from_fd, to_fd, entry->d_name, depth, use, e);
    return r;
}

int tree_copy(int from_fd, int to_fd, struct tree_use *use, struct err *e)
{
    return copy(from_fd, to_fd, 0, use, e);
}
