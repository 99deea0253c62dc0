// SPDX-License-Identifier: ISC
// Locks between domains: the host keeps them, and a shared volume asks it. One
// that is not shared nobody else could lock. Waiting is asking again.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum lk_type { LK_READ = 0, LK_WRITE = 1, LK_NONE = 2 };

static int ask(struct volume_open *o, enum fuse_opcode opcode,
               const struct fuse_lk_in *in, struct fuse_lk_out *out)
{
    o->locks = 1;
    return volume_ask(o->node, opcode, in, sizeof *in, NULL, out,
                      out ? sizeof *out : 0);
}

// The range, from a beginning that is counted by whence.
static int range(struct file *f, const struct flock *l, struct fuse_lk *lk)
{
    off_t base = l->l_whence == SEEK_CUR ? f->pos : 0;
    if (l->l_whence == SEEK_END) {
        base = f->ops->seek(f, 0, SEEK_END);
        if (base < 0)
            return base;
    }
    off_t start, end = INT64_MAX;
    if (__builtin_add_overflow(base, l->l_start, &start) || start < 0)
        return -EINVAL;
    if (l->l_len > 0 && __builtin_add_overflow(start, l->l_len - 1, &end))
        return -EOVERFLOW;
    if (l->l_len < 0) {
        end = start - 1;
        start += l->l_len;
        if (start < 0)
            return -EINVAL;
    }
    lk->start = start;
    lk->end = end;
    lk->type = l->l_type == F_RDLCK   ? LK_READ
               : l->l_type == F_WRLCK ? LK_WRITE
                                      : LK_NONE;
    return 0;
}

int volume_record_lock(struct file *f, int command, struct flock *l)
{
    struct volume_open *o = f->object;
    struct fuse_lk_in in = {.fh = o->fh};
    struct fuse_lk_out out;
    if (!o->node->of->shared) {
        if (command == F_GETLK)
            l->l_type = F_UNLCK;
        return 0;
    }
    int r = range(f, l, &in.lk);
    if (r < 0)
        return r;
    if (command != F_GETLK)
        return ask(o, FUSE_SETLK, &in, NULL);
    r = ask(o, FUSE_GETLK, &in, &out);
    if (r < 0)
        return r;
    l->l_type = out.lk.type == LK_READ    ? F_RDLCK
                : out.lk.type == LK_WRITE ? F_WRLCK
                                          : F_UNLCK;
    if (l->l_type != F_UNLCK) {
        l->l_whence = SEEK_SET;
        l->l_start = out.lk.start;
        l->l_len = out.lk.end >= INT64_MAX ? 0 : out.lk.end - out.lk.start + 1;
        l->l_pid = -1; // in another domain
    }
    return 0;
}

int volume_flock(struct file *f, int operation)
{
    struct volume_open *o = f->object;
    const struct fuse_lk_in in = {.fh = o->fh,
                                  .lk = {.end = INT64_MAX,
                                         .type = operation == LOCK_SH ? LK_READ
                                                 : operation == LOCK_EX
                                                     ? LK_WRITE
                                                     : LK_NONE},
                                  .flags = FUSE_LK_FLOCK};
    return o->node->of->shared ? ask(o, FUSE_SETLK, &in, NULL) : 0;
}

// As POSIX wants it when any descriptor of the file is closed.
void volume_unlock_all(struct volume_open *o)
{
    const struct fuse_lk_in in = {.fh = o->fh,
                                  .lk = {.end = INT64_MAX, .type = LK_NONE}};
    if (o->node->of->shared)
        volume_ask(o->node, FUSE_SETLK, &in, sizeof in, NULL, NULL, 0);
}
