// SPDX-License-Identifier: ISC
// Folders and archives; see tar.h.
//
// libarchive pulls what it reads, and the client pushes what arrives: a pipe
// and a thread bring the two together.

#include "node-agent/cli/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

// -------------------------------------------------------------------- making

static int temporary(struct err *e)
{
    const char *dir = getenv("TMPDIR");
    int fd =
        open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
        fd = memfd_create("archive", MFD_CLOEXEC);
    return fd < 0 ? err_errno(e, "a file for the archive (see TMPDIR)") : fd;
}

static int file_write(struct archive *out, struct archive_entry *entry,
                      const char *path, struct err *e)
{
    cleanup_close int fd =
        open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int64_t left = archive_entry_size(entry);
    char buf[65536];

    if (fd < 0)
        return err_errno(e, "%s", path);
    while (left > 0) {
        size_t want = left < (int64_t)sizeof(buf) ? (size_t)left : sizeof(buf);
        ssize_t n = read(fd, buf, want);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, EIO, "%s changed while it was read", path);
        if (archive_write_data(out, buf, (size_t)n) != n)
            return err_set(e, EIO, "writing the archive: %s",
                           archive_error_string(out));
        left -= n;
    }
    return 0;
}

// The name that it has in the archive: relative to the folder.
static const char *name_in(const char *path, size_t prefix)
{
    const char *name = path + prefix;

    while (*name == '/')
        name++;
    return *name ? name : ".";
}

static int entry_write(struct archive *disk, struct archive *out,
                       struct archive_entry *entry, size_t prefix,
                       struct err *e)
{
    cleanup_free char *path = strdup(archive_entry_pathname(entry));
    mode_t type = archive_entry_filetype(entry);

    if (!path)
        return err_set(e, ENOMEM, "no memory for a name");
    archive_read_disk_descend(disk);
    if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
        return err_set(e, EINVAL,
                       "%s is a device, pipe or socket: a volume holds files, "
                       "folders and symbolic links",
                       path);
    archive_entry_copy_pathname(entry, name_in(path, prefix));
    // Volumes know neither owners nor hard links.
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    archive_entry_set_uname(entry, NULL);
    archive_entry_set_gname(entry, NULL);
    archive_entry_set_hardlink(entry, NULL);
    archive_entry_acl_clear(entry);
    archive_entry_xattr_clear(entry);
    archive_entry_sparse_clear(entry);
    if (archive_write_header(out, entry) < ARCHIVE_WARN)
        return err_set(e, EIO, "%s: %s", path, archive_error_string(out));
    return type == AE_IFREG ? file_write(out, entry, path, e) : 0;
}

static int tree_write(struct archive *disk, struct archive *out,
                      const char *path, struct err *e)
{
    struct archive_entry *entry;
    struct stat st;
    size_t prefix = strlen(path);
    int r = 0, status;

    if (stat(path, &st) < 0)
        return err_errno(e, "%s", path);
    if (!S_ISDIR(st.st_mode)) // one file: its own name
        prefix = strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path) : 0;
    if (archive_read_disk_open(disk, path) != ARCHIVE_OK)
        return err_set(e, EIO, "%s", archive_error_string(disk));
    while (r == 0 &&
           (status = archive_read_next_header(disk, &entry)) != ARCHIVE_EOF) {
        if (status < ARCHIVE_WARN)
            return err_set(e, EIO, "%s", archive_error_string(disk));
        r = entry_write(disk, out, entry, prefix, e);
    }
    return r;
}

int tar_make(const char *path, struct err *e)
{
    cleanup_close int fd = temporary(e);
    struct archive *disk, *out;
    int r = -ENOMEM;

    if (fd < 0)
        return fd;
    setlocale(LC_CTYPE, "C.UTF-8");
    disk = archive_read_disk_new();
    out = archive_write_new();
    if (!disk || !out ||
        archive_read_disk_set_symlink_physical(disk) != ARCHIVE_OK ||
        archive_write_set_format_pax_restricted(out) != ARCHIVE_OK ||
        archive_write_open_fd(out, fd) != ARCHIVE_OK)
        err_set(e, ENOMEM, "no memory for an archive");
    else
        r = tree_write(disk, out, path, e);
    if (r == 0 && archive_write_close(out) != ARCHIVE_OK)
        r = err_set(e, EIO, "writing the archive: %s",
                    archive_error_string(out));
    archive_read_free(disk);
    archive_write_free(out);
    return r < 0 ? r : steal_fd(&fd);
}

// ------------------------------------------------------------------- reading

struct tar_in {
    pthread_t thread;
    int read_fd, write_fd;
    int code;
    struct err error;
    char *folder;
};

#define SECURE                                                                 \
    (ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |                             \
     ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_SYMLINKS |       \
     ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS)

static int one_read(struct archive *in, struct archive_entry *entry,
                    struct err *e)
{
    mode_t type = archive_entry_filetype(entry);

    archive_entry_set_perm(entry, archive_entry_perm(entry) & 0777);
    if (archive_entry_hardlink(entry) ||
        (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK))
        return err_set(e, EINVAL,
                       "the archive has what no volume has: \"%.100s\"",
                       archive_entry_pathname(entry));
    return archive_read_extract(in, entry, SECURE) < ARCHIVE_WARN
               ? err_set(e, EIO, "%s", archive_error_string(in))
               : 0;
}

static void *tar_read(void *arg)
{
    struct tar_in *t = arg;
    struct archive *in = archive_read_new();
    struct archive_entry *entry;
    int status = ARCHIVE_FATAL;
    char rest[4096];

    if (in && archive_read_support_format_tar(in) == ARCHIVE_OK &&
        archive_read_support_format_empty(in) == ARCHIVE_OK &&
        archive_read_open_fd(in, t->read_fd, 65536) == ARCHIVE_OK)
        while (t->code == 0 &&
               (status = archive_read_next_header(in, &entry)) >=
                   ARCHIVE_WARN &&
               status != ARCHIVE_EOF)
            t->code = one_read(in, entry, &t->error);
    if (t->code == 0 && status != ARCHIVE_EOF)
        t->code = err_set(&t->error, EIO, "the archive cannot be read: %s",
                          in ? archive_error_string(in) : "no memory");
    archive_read_free(in);
    while (t->code == 0 && read(t->read_fd, rest, sizeof(rest)) > 0)
        ;
    close(steal_fd(&t->read_fd)); // whoever writes hears of it
    return NULL;
}

struct tar_in *tar_begin(const char *folder, struct err *e)
{
    struct tar_in *t = calloc(1, sizeof(*t));
    int pipe[2];

    setlocale(LC_CTYPE, "C.UTF-8");
    if (!t || (mkdir(folder, 0777) < 0 && errno != EEXIST) ||
        chdir(folder) < 0 || pipe2(pipe, O_CLOEXEC) < 0) {
        err_errno(e, "%s", folder);
        free(t);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    t->read_fd = pipe[0];
    t->write_fd = pipe[1];
    if (pthread_create(&t->thread, NULL, tar_read, t) != 0) {
        err_set(e, EAGAIN, "no thread to read the archive");
        close(pipe[0]);
        close(pipe[1]);
        free(t);
        return NULL;
    }
    return t;
}

int tar_add(void *tar, const void *data, size_t len)
{
    struct tar_in *t = tar;

    return write_full(t->write_fd, data, len);
}

int tar_end(struct tar_in *t, struct err *e)
{
    int r;

    close(t->write_fd);
    pthread_join(t->thread, NULL);
    r = t->code;
    if (r < 0)
        *e = t->error;
    free(t);
    return r;
}
