// SPDX-License-Identifier: ISC
// Names: making, removing and renaming.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hypervisor/fs/handle.h"
#include "hypervisor/fs/message.h"
#include "hypervisor/fs/quota.h"

// The folder of a request and a good name in it.
static struct node *folder_and_name(uint64_t id, const char *name, int *error)
{
    struct node *dir = node_get_folder(id, error);

    if (!dir)
        return NULL;
    if (!name_good(name, strlen(name))) {
        *error = strlen(name) > FS_NAME_MAX ? -ENAMETOOLONG : -EINVAL;
        return NULL;
    }
    return dir;
}

// What was just made becomes known to the guest.
static int answer_entry(struct fs *fs, struct message *m, struct node *dir)
{
    struct stat st;
    struct node *n;
    int error;

    if (fstatat(dir->fd, m->name[0], &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    n = node_found(dir, m->name[0], &st, &error);
    if (!n)
        return error;
    entry_fill(fs, message_body(m, sizeof(struct fuse_entry_out)), n->id, &st);
    return MESSAGE_DONE;
}

int op_mkdir(struct fs *fs, struct message *m)
{
    const struct fuse_mkdir_in *in = (const struct fuse_mkdir_in *)m->args;
    int error;
    struct node *dir = folder_and_name(m->in.nodeid, m->name[0], &error);

    if (!dir)
        return error;
    if (dir->depth >= FS_DEPTH_MAX)
        return -ENAMETOOLONG;
    error = quota_take(fs, FS_UNIT, 1);
    if (error < 0)
        return error;
    if (mkdirat(dir->fd, m->name[0], (in->mode & 0777) | 0700) < 0) {
        error = -errno;
        quota_take(fs, -(int64_t)FS_UNIT, -1);
        return error;
    }
    return answer_entry(fs, m, dir);
}

int op_symlink(struct fs *fs, struct message *m)
{
    int error;
    struct node *dir = folder_and_name(m->in.nodeid, m->name[0], &error);

    if (!dir)
        return error;
    if (!m->name[1][0])
        return -ENOENT;
    if (strlen(m->name[1]) > FS_TARGET_MAX)
        return -ENAMETOOLONG;
    error = quota_take(fs, FS_UNIT, 1);
    if (error < 0)
        return error;
    if (symlinkat(m->name[1], dir->fd, m->name[0]) < 0) {
        error = -errno;
        quota_take(fs, -(int64_t)FS_UNIT, -1);
        return error;
    }
    return answer_entry(fs, m, dir);
}

int op_readlink(struct fs *fs, struct message *m)
{
    const struct node *n = node_get(m->in.nodeid);
    ssize_t len;

    (void)fs;
    if (!n || !n->parent)
        return -ENOENT;
    if (!S_ISLNK(n->type))
        return -EINVAL;
    message_body(m, FS_TARGET_MAX);
    len = readlinkat(n->parent->fd, n->name, (char *)m->body, FS_TARGET_MAX);
    if (len < 0)
        return -errno;
    m->body_len = (size_t)len;
    return m->body_len > m->room ? -ENAMETOOLONG : MESSAGE_DONE;
}

// --------------------------------------------------------------- removing

/*
 * What a name held: gives back what it took up, now or when the last who has
 * it open closes it. fd: of a file of a shared volume, opened before the name
 * went, to ask whether others have it open too (handle.c); else -1.
 */
static void let_go(struct fs *fs, const struct stat *st, int fd)
{
    struct node *n = node_known(st);
    bool open = n && n->opens;

    if (S_ISREG(st->st_mode) && st->st_nlink > 1) {
        // Other names remain, each with a larger share.
    } else if (S_ISREG(st->st_mode) && fs->shared && !open) {
        if (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
            quota_take(fs, -quota_cost(st), -1);
    } else if (open && S_ISREG(st->st_mode)) {
        n->owed = true;
    } else {
        quota_take(fs, -quota_cost(st), -1);
    }
    if (n && st->st_nlink <= 1 + S_ISDIR(st->st_mode))
        node_gone(n);
}

static int open_to_ask(const struct fs *fs, const struct node *dir,
                       const char *name, const struct stat *st)
{
    if (!fs->shared || !S_ISREG(st->st_mode) || st->st_nlink > 1)
        return -1;
    return openat(dir->fd, name,
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int remove_name(struct fs *fs, struct message *m, int flags)
{
    int error, fd, r;
    struct node *dir = folder_and_name(m->in.nodeid, m->name[0], &error);
    struct stat st;

    if (!dir)
        return error;
    if (fstatat(dir->fd, m->name[0], &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode) && !flags)
        return -EISDIR;
    fd = open_to_ask(fs, dir, m->name[0], &st);
    r = unlinkat(dir->fd, m->name[0], flags) < 0 ? -errno : 0;
    if (r == 0)
        let_go(fs, &st, fd);
    if (fd >= 0)
        close(fd);
    return r;
}

int op_unlink(struct fs *fs, struct message *m)
{
    return remove_name(fs, m, 0);
}

int op_rmdir(struct fs *fs, struct message *m)
{
    return remove_name(fs, m, AT_REMOVEDIR);
}

// --------------------------------------------------------------- renaming

static int rename_name(struct fs *fs, struct message *m, uint64_t to_id,
                       unsigned flags)
{
    int error, fd = -1;
    struct node *n, *from = folder_and_name(m->in.nodeid, m->name[0], &error);
    struct node *to = from ? folder_and_name(to_id, m->name[1], &error) : NULL;
    struct stat st, old;
    bool replaces;

    if (!to)
        return error;
    // An exchange would need nothing else than we do, but nobody wants it.
    if (flags & ~RENAME_NOREPLACE)
        return -EINVAL;
    if (fstatat(from->fd, m->name[0], &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode) && to->depth >= FS_DEPTH_MAX)
        return -ENAMETOOLONG;
    replaces = fstatat(to->fd, m->name[1], &old, AT_SYMLINK_NOFOLLOW) == 0 &&
               (old.st_ino != st.st_ino || old.st_dev != st.st_dev);
    if (replaces)
        fd = open_to_ask(fs, to, m->name[1], &old);
    // Not glibc's function, which makes another call of it without flags.
    error = syscall(SYS_renameat2, from->fd, m->name[0], to->fd, m->name[1],
                    flags) < 0
                ? -errno
                : 0;
    if (error == 0 && replaces)
        let_go(fs, &old, fd);
    if (fd >= 0)
        close(fd);
    n = error == 0 ? node_known(&st) : NULL;
    if (n && n->parent)
        error = node_move(n, to, m->name[1]);
    return error;
}

int op_rename(struct fs *fs, struct message *m)
{
    const struct fuse_rename_in *in = (const struct fuse_rename_in *)m->args;

    return rename_name(fs, m, in->newdir, 0);
}

int op_rename2(struct fs *fs, struct message *m)
{
    const struct fuse_rename2_in *in = (const struct fuse_rename2_in *)m->args;

    return rename_name(fs, m, in->newdir, in->flags);
}
