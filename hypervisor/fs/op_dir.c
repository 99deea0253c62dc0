// SPDX-License-Identifier: ISC
// Reading folders.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hypervisor/fs/handle.h"
#include "hypervisor/fs/message.h"

int op_opendir(struct fs *fs, struct message *m)
{
    struct fuse_open_out *out;
    struct handle *h;
    int error;
    struct node *n = node_get_folder(m->in.nodeid, &error);

    (void)fs;
    if (!n)
        return error;
    h = handle_new(n, node_open(n, O_RDONLY | O_DIRECTORY), O_RDONLY, &error);
    if (!h)
        return error;
    out = message_body(m, sizeof(*out));
    out->fh = h->id;
    return MESSAGE_DONE;
}

// As getdents64 writes them.
struct entry {
    uint64_t ino;
    int64_t next;
    uint16_t len;
    uint8_t type;
    char name[];
};

// One entry in FUSE's form; its length, or 0: it does not fit.
static size_t put_entry(uint8_t *to, size_t room, const struct entry *e)
{
    const size_t name_len = strlen(e->name);
    const size_t len = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name_len);
    const struct fuse_dirent d = {
        .ino = e->ino,
        .off = (uint64_t)e->next,
        .namelen = (uint32_t)name_len,
        .type = e->type,
    };

    if (len > room)
        return 0;
    memset(to, 0, len);
    memcpy(to, &d, FUSE_NAME_OFFSET);
    memcpy(to + FUSE_NAME_OFFSET, e->name, name_len);
    return len;
}

// What is read behind what fits is read again by the next request.
int op_readdir(struct fs *fs, struct message *m)
{
    static uint64_t raw[FS_LIST_MAX / sizeof(uint64_t)];
    const struct fuse_read_in *in = (const struct fuse_read_in *)m->args;
    const struct handle *h = handle_get(in->fh, node_get(m->in.nodeid));
    size_t room = in->size < m->room ? in->size : m->room;
    long n;

    (void)fs;
    if (!h)
        return -EBADF;
    if (!S_ISDIR(h->node->type))
        return -ENOTDIR;
    if (room > FS_LIST_MAX)
        room = FS_LIST_MAX;
    if (in->offset > INT64_MAX || lseek(h->fd, (off_t)in->offset, SEEK_SET) < 0)
        return -EINVAL;
    n = syscall(SYS_getdents64, h->fd, raw, room < 4096 ? 4096 : room);
    if (n < 0)
        return -errno;
    for (long at = 0; at < n;) {
        const struct entry *e = (const void *)((const char *)raw + at);
        size_t len = put_entry(m->body + m->body_len, room - m->body_len, e);

        if (len == 0)
            break;
        m->body_len += len;
        at += e->len;
    }
    return n && !m->body_len ? -EINVAL : MESSAGE_DONE;
}
