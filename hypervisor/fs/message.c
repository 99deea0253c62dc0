// SPDX-License-Identifier: ISC
// Requests as a whole; see message.h.

#include "hypervisor/fs/message.h"

#include <errno.h>
#include <string.h>

// ------------------------------------------------------------- the answer

// Copies to the chain's `in`, skipping `skip` bytes of it.
static void scatter(const struct virtq_chain *c, size_t skip, const void *data,
                    size_t len)
{
    const uint8_t *at = data;

    for (unsigned i = 0; i < c->nin && len; i++) {
        const struct iovec *v = &c->in[i];
        size_t n;

        if (skip >= v->iov_len) {
            skip -= v->iov_len;
            continue;
        }
        n = v->iov_len - skip < len ? v->iov_len - skip : len;
        memcpy((uint8_t *)v->iov_base + skip, at, n);
        at += n;
        len -= n;
        skip = 0;
    }
}

size_t message_in(struct message *m, size_t len, struct iovec *v, unsigned *n)
{
    size_t skip = sizeof(struct fuse_out_header), all = 0;

    *n = 0;
    for (unsigned i = 0; i < m->chain.nin && all < len; i++) {
        const struct iovec *from = &m->chain.in[i];
        size_t some;

        if (skip >= from->iov_len) {
            skip -= from->iov_len;
            continue;
        }
        some =
            from->iov_len - skip < len - all ? from->iov_len - skip : len - all;
        v[(*n)++] = (struct iovec){(uint8_t *)from->iov_base + skip, some};
        all += some;
        skip = 0;
    }
    return all;
}

void *message_body(struct message *m, size_t len)
{
    memset(m->body, 0, len);
    m->body_len = len;
    return m->body;
}

int64_t message_answer(struct message *m, int error)
{
    struct fuse_out_header out = {.error = error, .unique = m->in.unique};

    if (error < 0)
        m->body_len = m->placed = 0;
    out.len = sizeof(out) + m->body_len + m->placed;
    scatter(&m->chain, 0, &out, sizeof(out));
    scatter(&m->chain, sizeof(out), m->body, m->body_len);
    return out.len;
}

// ------------------------------------------------------------- the request

// NUL-terminated strings that fill the rest exactly.
static int take_names(struct message *m, size_t at, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const char *s = (const char *)m->args + at;
        size_t len = strnlen(s, m->args_len - at);

        if (at + len == m->args_len)
            return -EINVAL; // no NUL
        m->name[i] = s;
        at += len + 1;
    }
    return at == m->args_len ? 0 : -EINVAL;
}

// What its operation wants, and nothing else.
static int take_args(struct message *m, const struct op *o)
{
    size_t rest = virtq_len(m->chain.out, m->chain.nout);
    size_t len = o->data ? o->fixed : rest;

    if (len < o->fixed || len > rest)
        return -EINVAL;
    if (len > FS_ARGS_MAX)
        return -ENAMETOOLONG;
    if (!virtq_pull(&m->chain, m->args, len))
        return -EINVAL;
    m->args[len] = 0;
    m->args_len = len;
    m->data_len = rest - len;
    if (o->names)
        return take_names(m, o->fixed, o->names);
    return 0;
}

static int serve(struct fs *fs, struct message *m, const struct op *o)
{
    int r = take_args(m, o);

    if (r < 0)
        return r;
    if (!fs->initialised && m->in.opcode != FUSE_INIT)
        return -EPROTO;
    if (o->changes && fs->read_only)
        return -EROFS;
    if (m->room < o->answer)
        return -EINVAL;
    return o->serve(fs, m);
}

int64_t message_serve(struct fs *fs, struct message *m)
{
    const struct op *o = NULL;
    size_t out = virtq_len(m->chain.out, m->chain.nout);
    size_t in = virtq_len(m->chain.in, m->chain.nin);
    int r;

    m->body_len = m->placed = 0;
    if (!virtq_pull(&m->chain, &m->in, sizeof(m->in)))
        return 0; // nothing to answer to
    fs->meter->requests++;
    if (m->in.opcode < op_table_len && op_table[m->in.opcode].serve)
        o = &op_table[m->in.opcode];
    if (o && o->silent) {
        m->room = 0;
        serve(fs, m, o);
        return 0;
    }
    if (in < sizeof(struct fuse_out_header))
        return 0; // no place for an answer
    m->room = in - sizeof(struct fuse_out_header);
    r = m->in.len != out ? -EINVAL : o ? serve(fs, m, o) : -ENOSYS;
    return r == MESSAGE_LATER ? -1 : message_answer(m, r);
}
