// SPDX-License-Identifier: ISC
// A volume's files become a tar archive; see pack.h.

#include "node-agent/volume/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "node-agent/volume/frame.h"
#include "node-agent/volume/tree.h"

#define PATH_ROOM (TREE_DEPTH_MAX * 256)

struct packing {
    struct archive *a;
    struct archive_entry *entry;
    int stream_fd;
    int stream_error;     // -errno
    char path[PATH_ROOM]; // of the folder at hand, with a slash; "": the top
    char target[4096];
    char piece[65536];
};

static la_ssize_t piece_write(struct archive *a, void *arg, const void *data,
                              size_t len)
{
    struct packing *p = arg;
    int r = frame_send(p->stream_fd, data, len);

    if (r == 0)
        return (la_ssize_t)len;
    p->stream_error = r;
    archive_set_error(a, -r, "nobody reads the archive");
    return -1;
}

static int pack_fail(const struct packing *p, const char *name, struct err *e)
{
    if (p->stream_error)
        return err_set(e, -p->stream_error, "nobody reads the archive");
    return err_set(e, EIO, "\"%.64s\" cannot be put into a tar archive: %.120s",
                   name, archive_error_string(p->a));
}

static int header_write(struct packing *p, const char *name,
                        const struct stat *st, struct err *e)
{
    cleanup_free char *path = NULL;

    if (asprintf(&path, "%s%s", p->path, name) < 0) {
        path = NULL;
        return err_set(e, ENOMEM, "no memory for a name");
    }
    archive_entry_clear(p->entry);
    archive_entry_copy_stat(p->entry, st);
    archive_entry_set_nlink(p->entry, 1);
    archive_entry_set_uid(p->entry, 0);
    archive_entry_set_gid(p->entry, 0);
    archive_entry_unset_atime(p->entry);
    archive_entry_unset_ctime(p->entry);
    archive_entry_copy_pathname(p->entry, path);
    if (S_ISLNK(st->st_mode))
        archive_entry_copy_symlink(p->entry, p->target);
    return archive_write_header(p->a, p->entry) < ARCHIVE_WARN
               ? pack_fail(p, name, e)
               : 0;
}

// As many bytes as the header says, whatever becomes of the file meanwhile.
static int data_write(struct packing *p, int fd, const char *name,
                      uint64_t left, struct err *e)
{
    off_t at = 0;

    while (left) {
        size_t want = left < sizeof(p->piece) ? left : sizeof(p->piece);
        ssize_t n = pread(fd, p->piece, want, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "reading %.64s", name);
        if (n == 0) {
            memset(p->piece, 0, want);
            n = (ssize_t)want;
        }
        if (archive_write_data(p->a, p->piece, (size_t)n) != n)
            return pack_fail(p, name, e);
        at += n;
        left -= (uint64_t)n;
    }
    return 0;
}

static int folder_pack(struct packing *p, int dir_fd, int depth, struct err *e);

static int subfolder_pack(struct packing *p, int dir_fd, const char *name,
                          int depth, struct err *e)
{
    cleanup_close int fd = tree_enter(dir_fd, name, e);
    size_t n = strlen(p->path);
    int r;

    if (fd < 0)
        return fd;
    // The depth bounds it: 255 bytes and a slash each.
    if (depth + 1 >= TREE_DEPTH_MAX)
        return err_set(e, ELOOP, "folders are nested deeper than %d",
                       TREE_DEPTH_MAX);
    snprintf(p->path + n, sizeof(p->path) - n, "%s/", name);
    r = folder_pack(p, fd, depth + 1, e);
    p->path[n] = '\0';
    return r;
}

static int one_pack(struct packing *p, int dir_fd, const char *name, int depth,
                    struct err *e)
{
    cleanup_close int fd = -1;
    struct stat st;
    ssize_t n;
    int r;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_errno(e, "looking at %.64s", name);
    if (S_ISREG(st.st_mode)) {
        fd = openat(dir_fd, name,
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
            return errno == ENOENT ? 0 : err_errno(e, "opening %.64s", name);
    } else if (S_ISLNK(st.st_mode)) {
        n = readlinkat(dir_fd, name, p->target, sizeof(p->target));
        if (n < 0 || n == (ssize_t)sizeof(p->target))
            return err_set(e, EIO, "the link %.64s cannot be read", name);
        p->target[n] = '\0';
    } else if (!S_ISDIR(st.st_mode)) {
        return 0; // nobody can have made it
    }
    r = header_write(p, name, &st, e);
    if (r == 0 && S_ISREG(st.st_mode))
        r = data_write(p, fd, name, (uint64_t)st.st_size, e);
    if (r == 0 && S_ISDIR(st.st_mode))
        r = subfolder_pack(p, dir_fd, name, depth, e);
    return r;
}

static int folder_pack(struct packing *p, int dir_fd, int depth, struct err *e)
{
    DIR *d = tree_open(dir_fd, e);
    const struct dirent *entry;
    int r = d ? 0 : -e->code;

    while (r == 0 && (entry = tree_next(d, &r, e)))
        r = one_pack(p, dir_fd, entry->d_name, depth, e);
    if (d)
        closedir(d);
    return r;
}

int pack(int dir_fd, int stream_fd, struct err *e)
{
    struct packing *p = calloc(1, sizeof(*p));
    int r = -ENOMEM;

    if (!p)
        return err_set(e, ENOMEM, "no memory for an archive");
    p->stream_fd = stream_fd;
    p->a = archive_write_new();
    p->entry = archive_entry_new();
    if (!p->a || !p->entry ||
        archive_write_set_format_pax_restricted(p->a) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(p->a, 1) != ARCHIVE_OK ||
        archive_write_open(p->a, p, NULL, piece_write, NULL) != ARCHIVE_OK)
        r = err_set(e, ENOMEM, "no memory for an archive");
    else
        r = folder_pack(p, dir_fd, 0, e);
    if (r == 0 && archive_write_close(p->a) != ARCHIVE_OK)
        r = pack_fail(p, "the end", e);
    if (r == 0) {
        r = frame_send(stream_fd, NULL, 0);
        if (r < 0)
            err_set(e, -r, "nobody reads the archive");
    }
    if (r < 0 && p->a)
        archive_write_fail(p->a);
    archive_entry_free(p->entry);
    archive_write_free(p->a);
    free(p);
    return r;
}
