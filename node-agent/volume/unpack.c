// SPDX-License-Identifier: ISC
// A tar archive becomes files; see unpack.h.
//
// libarchive reads the archive and nothing else: what is made is made here, by
// descriptors of folders that were made or opened here, without following any
// symbolic link.

#include "node-agent/volume/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "node-agent/volume/contract.h"
#include "node-agent/volume/frame.h"

#define PATH_BYTES_MAX 4095
#define NAME_BYTES_MAX 255

struct unpacking {
    int stream_fd, dir_fd;
    struct frame_in in;
    int stream_error; // -errno
    char piece[VOLUME_FRAME_MAX];
    struct tree_use *use;
    char path[PATH_BYTES_MAX + 1]; // of the entry at hand
};

// ------------------------------------------------------------------- reading

static la_ssize_t piece_read(struct archive *a, void *arg, const void **data)
{
    struct unpacking *u = arg;
    ssize_t n = frame_recv(u->stream_fd, &u->in, u->piece, sizeof(u->piece));

    *data = u->piece;
    if (n < 0 || (n == 0 && !u->in.good)) {
        u->stream_error = n < 0 ? (int)n : -ECONNABORTED;
        archive_set_error(a, ECONNABORTED, "the upload was cut off");
        return ARCHIVE_FATAL;
    }
    return n;
}

static int archive_fail(const struct unpacking *u, struct archive *a,
                        struct err *e)
{
    const char *why = archive_error_string(a);

    if (u->stream_error)
        return err_set(e, -u->stream_error, "the upload was cut off");
    return err_set(e, EINVAL, "this is no tar archive that can be read: %.160s",
                   why ? why : "it is malformed");
}

static int refuse(const struct unpacking *u, const char *why, struct err *e)
{
    return err_set(e, EINVAL, "the archive's entry \"%.100s\" %s", u->path,
                   why);
}

// --------------------------------------------------------------------- names

// The entry's name, relative and clean, into u->path; "" for the top itself.
static int path_take(struct unpacking *u, const char *name, struct err *e)
{
    size_t n = 0;

    if (!name || strlen(name) > PATH_BYTES_MAX)
        return err_set(e, EINVAL,
                       "the archive has an entry whose name cannot be read, or "
                       "is longer than %d bytes",
                       PATH_BYTES_MAX);
    strcpy(u->path, name);
    if (*name == '/')
        return refuse(u, "is an absolute path", e);
    while (*name) {
        size_t len = strcspn(name, "/");

        if (len == 2 && !strncmp(name, "..", 2))
            return refuse(u, "leads out of the volume", e);
        if (len > NAME_BYTES_MAX)
            return refuse(u, "has a name of more than 255 bytes", e);
        if (len && !(len == 1 && *name == '.')) {
            if (n)
                u->path[n++] = '/';
            memmove(u->path + n, name, len);
            n += len;
        }
        name += len + (name[len] == '/');
    }
    u->path[n] = '\0';
    return 0;
}

// The folder in which the entry's last name lies; those that are missing are
// made. *last: that name, in u->path.
static int parent_open(struct unpacking *u, const char **last, struct err *e)
{
    cleanup_close int dir = fcntl(u->dir_fd, F_DUPFD_CLOEXEC, 0);
    char name[NAME_BYTES_MAX + 1];
    const char *at = u->path;
    const char *slash;
    int depth = 0;

    if (dir < 0)
        return err_errno(e, "a folder of the volume");
    for (; (slash = strchr(at, '/')); at = slash + 1) {
        int next;

        memcpy(name, at, (size_t)(slash - at));
        name[slash - at] = '\0';
        if (++depth >= TREE_DEPTH_MAX)
            return refuse(u, "is nested too deep", e);
        if (mkdirat(dir, name, 0755) == 0) {
            if (tree_take(u->use, 0, 0, e) < 0)
                return -e->code;
        } else if (errno != EEXIST) {
            return err_errno(e, "making the folder %.64s", name);
        }
        next =
            openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
            return refuse(u, "lies in something that is no folder", e);
        if (next < 0)
            return err_errno(e, "opening the folder %.64s", name);
        close(dir);
        dir = next;
    }
    *last = at;
    return steal_fd(&dir);
}

// What an earlier entry of this name has made goes, unless it is a folder.
static int place_clear(const struct unpacking *u, int dir, const char *name,
                       struct err *e)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    return errno == EISDIR
               ? refuse(u, "is a folder in one place and not in another", e)
               : err_errno(e, "replacing %.64s", name);
}

// -------------------------------------------------------------------- making

static int times_set(int dir, const char *name, struct archive_entry *entry)
{
    struct timespec at[2] = {{.tv_nsec = UTIME_OMIT},
                             {.tv_sec = archive_entry_mtime(entry),
                              .tv_nsec = archive_entry_mtime_nsec(entry)}};

    if (!archive_entry_mtime_is_set(entry))
        at[1].tv_nsec = UTIME_NOW;
    // A time that the file system cannot hold is no reason to refuse.
    return utimensat(dir, name, at, AT_SYMLINK_NOFOLLOW);
}

static int folder_make(struct unpacking *u, int dir, const char *name,
                       struct archive_entry *entry, struct err *e)
{
    cleanup_close int fd = -1;

    if (mkdirat(dir, name, 0755) == 0) {
        if (tree_take(u->use, 0, 0, e) < 0)
            return -e->code;
    } else if (errno != EEXIST) {
        return err_errno(e, "making the folder %.64s", name);
    }
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return refuse(u, "is a folder in one place and not in another", e);
    // What comes later is put into it, whatever its mode.
    if (fchmod(fd, archive_entry_perm(entry) & 0777) < 0)
        return err_errno(e, "the folder %.64s", name);
    return 0;
}

static int link_make(struct unpacking *u, int dir, const char *name,
                     struct archive_entry *entry, struct err *e)
{
    const char *target = archive_entry_symlink(entry);

    if (!target || !*target || strlen(target) > PATH_BYTES_MAX)
        return refuse(u, "is a symbolic link to nowhere", e);
    if (tree_take(u->use, 0, 0, e) < 0 || place_clear(u, dir, name, e) < 0)
        return -e->code;
    // Where it leads is the guest's affair: here nobody follows it.
    if (symlinkat(target, dir, name) < 0)
        return err_errno(e, "making the link %.64s", name);
    return 0;
}

static int data_write(struct unpacking *u, struct archive *a, int fd,
                      uint64_t size, struct err *e)
{
    const void *data;
    size_t len;
    la_int64_t at;
    int r;

    while ((r = archive_read_data_block(a, &data, &len, &at)) == ARCHIVE_OK) {
        if (at < 0 || (uint64_t)at > size || len > size - (uint64_t)at)
            return refuse(u, "is longer than it says", e);
        for (size_t done = 0; done < len;) {
            ssize_t n = pwrite(fd, (const char *)data + done, len - done,
                               (off_t)at + (off_t)done);

            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return err_errno(e, "writing \"%.100s\"", u->path);
            done += (size_t)n;
        }
    }
    return r == ARCHIVE_EOF ? 0 : archive_fail(u, a, e);
}

static int file_open(struct unpacking *u, int dir, const char *name,
                     uint64_t size, struct err *e)
{
    int fd;

    // Counted before anything of it is written; what it replaces stays counted.
    if (tree_take(u->use, size, 1, e) < 0 || place_clear(u, dir, name, e) < 0)
        return -e->code;
    fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                0600);
    return fd < 0 ? err_errno(e, "making \"%.100s\"", u->path) : fd;
}

static int file_make(struct unpacking *u, struct archive *a, int dir,
                     const char *name, struct archive_entry *entry,
                     struct err *e)
{
    int64_t size = archive_entry_size(entry);
    cleanup_close int fd = -1;
    int r;

    if (!archive_entry_size_is_set(entry) || size < 0)
        return refuse(u, "does not say how long it is", e);
    fd = file_open(u, dir, name, (uint64_t)size, e);
    if (fd < 0)
        return fd;
    r = data_write(u, a, fd, (uint64_t)size, e);
    if (r == 0 && (ftruncate(fd, size) < 0 || // its end may be a hole
                   fchmod(fd, archive_entry_perm(entry) & 0777) < 0))
        r = err_errno(e, "writing \"%.100s\"", u->path);
    return r;
}

// A hard link in the archive: a copy of what it names, which came before it.
// Volumes have no hard links.
static int twin_make(struct unpacking *u, int dir, const char *name,
                     struct archive_entry *entry, struct err *e)
{
    cleanup_close int from_dir = -1, from = -1, to = -1;
    char own[PATH_BYTES_MAX + 1];
    const char *last;
    struct stat st;
    off_t at = 0;

    strcpy(own, u->path);
    if (path_take(u, archive_entry_hardlink(entry), e) < 0)
        return -e->code;
    from_dir = parent_open(u, &last, e);
    if (from_dir < 0)
        return from_dir;
    from = openat(from_dir, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    strcpy(u->path, own);
    if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
        return refuse(u, "is a hard link to what is not in the archive", e);
    if (fstatat(dir, name, &(struct stat){0}, AT_SYMLINK_NOFOLLOW) == 0)
        return refuse(u, "is a hard link, and in the archive before", e);
    to = file_open(u, dir, name, (uint64_t)st.st_size, e);
    if (to < 0)
        return to;
    while (at < st.st_size) {
        char buf[16384];
        ssize_t n = pread(from, buf, sizeof(buf), at);

        if (n <= 0 || pwrite(to, buf, (size_t)n, at) != n)
            return err_errno(e, "copying \"%.100s\"", u->path);
        at += n;
    }
    return fchmod(to, st.st_mode & 0777) < 0
               ? err_errno(e, "copying \"%.100s\"", u->path)
               : 0;
}

static int entry_make(struct unpacking *u, struct archive *a,
                      struct archive_entry *entry, struct err *e)
{
    cleanup_close int dir = -1;
    const char *name;
    int r = path_take(u, archive_entry_pathname(entry), e);

    if (r < 0 || !*u->path) // the top is there
        return r;
    dir = parent_open(u, &name, e);
    if (dir < 0)
        return dir;
    if (archive_entry_hardlink(entry))
        return twin_make(u, dir, name, entry, e);
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        r = file_make(u, a, dir, name, entry, e);
        break;
    case AE_IFDIR:
        r = folder_make(u, dir, name, entry, e);
        break;
    case AE_IFLNK:
        r = link_make(u, dir, name, entry, e);
        break;
    default:
        return refuse(u,
                      "is a device, pipe or socket: a volume holds files, "
                      "folders and symbolic links",
                      e);
    }
    if (r == 0)
        times_set(dir, name, entry);
    return r;
}

// ------------------------------------------------------------------- the loop

static struct archive *reader_new(struct unpacking *u, struct err *e)
{
    struct archive *a = archive_read_new();

    // No other formats: each parser that is not there cannot be attacked.
    if (a && archive_read_support_format_tar(a) == ARCHIVE_OK &&
        archive_read_support_filter_gzip(a) == ARCHIVE_OK &&
        archive_read_support_filter_bzip2(a) == ARCHIVE_OK &&
        archive_read_support_filter_xz(a) == ARCHIVE_OK &&
        archive_read_support_filter_zstd(a) == ARCHIVE_OK &&
        archive_read_support_format_empty(a) == ARCHIVE_OK)
        return a;
    archive_read_free(a);
    (void)u;
    err_set(e, ENOMEM, "no memory to read the archive");
    return NULL;
}

// Past the archive's end: only when the last frame has come is it all good.
static int rest_read(struct unpacking *u, struct err *e)
{
    ssize_t n;

    do
        n = frame_recv(u->stream_fd, &u->in, u->piece, sizeof(u->piece));
    while (n > 0);
    return u->in.good ? 0 : err_set(e, ECONNABORTED, "the upload was cut off");
}

int unpack(int stream_fd, int dir_fd, struct tree_use *use, struct err *e)
{
    struct unpacking *u = calloc(1, sizeof(*u));
    struct archive *a = NULL;
    struct archive_entry *entry;
    int r = -ENOMEM, status = ARCHIVE_FATAL;

    if (!u || !(a = reader_new(u, e))) {
        free(u);
        return err_set(e, ENOMEM, "no memory to read the archive");
    }
    u->stream_fd = stream_fd;
    u->dir_fd = dir_fd;
    u->use = use;
    r = archive_read_open(a, u, NULL, piece_read, NULL) == ARCHIVE_OK
            ? 0
            : archive_fail(u, a, e);
    while (r == 0 &&
           ((status = archive_read_next_header(a, &entry)) == ARCHIVE_OK ||
            status == ARCHIVE_WARN))
        r = entry_make(u, a, entry, e);
    if (r == 0 && status != ARCHIVE_EOF)
        r = archive_fail(u, a, e);
    if (r == 0)
        r = rest_read(u, e);
    archive_read_free(a);
    free(u);
    return r;
}
