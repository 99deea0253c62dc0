// SPDX-License-Identifier: ISC
// Copying a state folder; see backup.h.

#include "node-agent/agent/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/db.h"
#include "lib/io.h"
#include "node-agent/agent/backup_volumes.h"
#include "node-agent/agent/roles.h"

#define PIECE_BYTES (1u << 20)
#define FOLDERS_MAX 8 // state/keeper/blobs/CUSTOMER is the deepest

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static int own(int fd, const char *path, const struct stat *st, struct err *e)
{
    if (fchown(fd, st->st_uid, st->st_gid) < 0 ||
        fchmod(fd, st->st_mode & 07777) < 0)
        return err_errno(e, "%s", path);
    return 0;
}

static int copy_file(const char *from, const char *to, const struct stat *st,
                     struct err *e)
{
    cleanup_close int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    cleanup_close int out =
        open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t n;

    // Swept, or a draft that was finished: it is not needed.
    if (in < 0 && errno == ENOENT) {
        unlink(to);
        return 0;
    }
    if (in < 0 || out < 0)
        return err_errno(e, "copying %s", from);
    while ((n = copy_file_range(in, NULL, out, NULL, PIECE_BYTES, 0)) > 0)
        ;
    if (n < 0 || fsync(out) < 0)
        return err_errno(e, "copying %s", from);
    return own(out, to, st, e);
}

// What is in SQLite's own files beside is in the copy.
static int copy_db(const char *from, const char *to, const struct stat *st,
                   struct err *e)
{
    cleanup_close int out = -1;
    int r = db_backup(from, to, e);

    if (r < 0)
        return r;
    out = open(to, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return out < 0 ? err_errno(e, "%s", to) : own(out, to, st, e);
}

static int copy_folder(const char *from, const char *to, int depth,
                       struct err *e);

static int copy_entry(const char *from, const char *to, int depth,
                      struct err *e)
{
    struct stat st;

    if (lstat(from, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(e, "%s", from);
    if (S_ISDIR(st.st_mode))
        return depth == FOLDERS_MAX
                   ? err_set(e, ELOOP, "%s: folders are nested too deeply",
                             from)
                   : copy_folder(from, to, depth + 1, e);
    if (!S_ISREG(st.st_mode) || ends_with(from, "-wal") ||
        ends_with(from, "-shm") || ends_with(from, "/reserve"))
        return 0;
    return (ends_with(from, ".db") ? copy_db : copy_file)(from, to, &st, e);
}

static int copy_folder(const char *from, const char *to, int depth,
                       struct err *e)
{
    char in[2 * NODE_PATH_MAX], out[2 * NODE_PATH_MAX];
    const struct dirent *entry;
    cleanup_close int fd = -1;
    struct stat st;
    DIR *d;
    int r = 0;

    if (stat(from, &st) < 0 || mkdir(to, 0700) < 0)
        return err_errno(e, "making %s", to);
    d = opendir(from);
    if (!d)
        return err_errno(e, "%s", from);
    while (r == 0 && (entry = readdir(d))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (snprintf(in, sizeof(in), "%s/%s", from, entry->d_name) >=
                (int)sizeof(in) ||
            snprintf(out, sizeof(out), "%s/%s", to, entry->d_name) >=
                (int)sizeof(out))
            r = err_set(e, ENAMETOOLONG, "%s: the path is too long", from);
        else
            r = copy_entry(in, out, depth, e);
    }
    closedir(d);
    fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r == 0)
        r = fd < 0 || fsync(fd) < 0 ? err_errno(e, "%s", to)
                                    : own(fd, to, &st, e);
    return r;
}

int backup_make(const struct node_config *cfg, const char *dir, bool volumes,
                struct err *e)
{
    static const char *const order[] = {"identity", "keeper",  "ledger", "api",
                                        "builder",  "spawner", "net"};
    char from[2 * NODE_PATH_MAX], to[2 * NODE_PATH_MAX];
    int r = 0;

    if (mkdir(dir, 0711) < 0)
        return err_errno(e, "making %s", dir);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && r == 0; i++) {
        snprintf(from, sizeof(from), "%s/%s", cfg->state_dir, order[i]);
        snprintf(to, sizeof(to), "%.400s/%s", dir, order[i]);
        if (access(from, F_OK) == 0)
            r = copy_folder(from, to, 1, e);
    }
    // Last, by what the copied journal has.
    if (r == 0 && volumes)
        r = backup_volumes(cfg, dir, e);
    return r < 0 ? err_prefix(e, "backing up %s", cfg->state_dir) : 0;
}
