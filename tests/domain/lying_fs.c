// SPDX-License-Identifier: ISC
/*
 * hostel-fs that lies: one answer in four is not what it should be. For what a
 * guest makes of a back end that somebody has taken over. LIAR_SEED says which
 * lies.
 */
#include <stdlib.h>

#include "hypervisor/fs/message.h"

static int64_t lie(struct fs *, struct message *);

#define message_serve lie
#include "hypervisor/fs/server.c"
#undef message_serve

static uint32_t draw(void)
{
    static uint64_t state;

    if (!state)
        state = getenv("LIAR_SEED")
                    ? strtoull(getenv("LIAR_SEED"), NULL, 10) + 1
                    : 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static int64_t lie(struct fs *f, struct message *m)
{
    int64_t n = message_serve(f, m);
    struct fuse_out_header *h;
    uint8_t *bytes;
    size_t len;

    // A guest that cannot even begin would see nothing of it.
    if (n <= 0 || m->in.opcode == FUSE_INIT || draw() % 4 || m->chain.nin == 0)
        return n;
    h = m->chain.in[0].iov_base;
    bytes = m->chain.in[m->chain.nin - 1].iov_base;
    len = m->chain.in[m->chain.nin - 1].iov_len;
    switch (draw() % 8) {
    case 0:
        h->error = (int32_t)draw();
        break;
    case 1:
        h->error = -(int32_t)(draw() % 200);
        break;
    case 2:
        h->len = draw();
        break;
    case 3:
        h->unique = draw();
        break;
    case 4: // the body of an answer, or data
        for (unsigned i = 0; i < 16; i++)
            bytes[draw() % len] = (uint8_t)draw();
        break;
    case 5:
        if (m->chain.in[0].iov_len > sizeof(*h))
            ((uint8_t *)(h +
                         1))[draw() % (m->chain.in[0].iov_len - sizeof(*h))] =
                (uint8_t)draw();
        break;
    case 6:
        h->error = 0;
        h->len =
            (uint32_t)(m->chain.in[0].iov_len + (m->chain.nin > 1 ? len : 0));
        break;
    default:
        return draw();
    }
    return n;
}
