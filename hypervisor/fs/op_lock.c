// SPDX-License-Identifier: ISC
/*
 * Locks between the domains that share a volume. A guest is one process, and
 * so is its back end: the host's own locks mean what the guest's should. None
 * is waited for; the guest asks again.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "hypervisor/fs/handle.h"
#include "hypervisor/fs/message.h"

// A range as fcntl wants it.
static int range(const struct fuse_file_lock *l, struct flock *out)
{
    if (l->type != F_RDLCK && l->type != F_WRLCK && l->type != F_UNLCK)
        return -EINVAL;
    if (l->start > INT64_MAX || l->end < l->start)
        return -EINVAL;
    *out = (struct flock){
        .l_type = (short)l->type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)l->start,
        // 0: to the end, wherever that is.
        .l_len = l->end >= INT64_MAX ? 0 : (off_t)(l->end - l->start + 1)};
    return 0;
}

int op_getlk(struct fs *fs, struct message *m)
{
    const struct fuse_lk_in *in = (const struct fuse_lk_in *)m->args;
    const struct handle *h = handle_get(in->fh, node_get(m->in.nodeid));
    struct fuse_lk_out *out;
    struct flock l;
    int r = range(&in->lk, &l);

    (void)fs;
    if (!h)
        return -EBADF;
    if (r < 0)
        return r;
    if (fcntl(h->fd, F_GETLK, &l) < 0)
        return -errno;
    out = message_body(m, sizeof(*out));
    out->lk.type = (uint32_t)l.l_type;
    out->lk.start = (uint64_t)l.l_start;
    out->lk.end = l.l_len ? (uint64_t)(l.l_start + l.l_len - 1) : INT64_MAX;
    return MESSAGE_DONE; // whose it is is nobody's to know
}

static int set_flock(const struct handle *h, uint32_t type)
{
    const int how = type == F_RDLCK   ? LOCK_SH
                    : type == F_WRLCK ? LOCK_EX
                                      : LOCK_UN;

    return flock(h->fd, how | LOCK_NB) < 0 ? -errno : 0;
}

int op_setlk(struct fs *fs, struct message *m)
{
    const struct fuse_lk_in *in = (const struct fuse_lk_in *)m->args;
    const struct handle *h = handle_get(in->fh, node_get(m->in.nodeid));
    struct flock l;
    int r = range(&in->lk, &l);

    (void)fs;
    if (!h)
        return -EBADF;
    if (r < 0)
        return r;
    if (in->lk_flags & FUSE_LK_FLOCK)
        return set_flock(h, in->lk.type);
    if (fcntl(h->fd, F_SETLK, &l) < 0)
        return errno == EACCES ? -EAGAIN : -errno;
    return MESSAGE_DONE;
}
