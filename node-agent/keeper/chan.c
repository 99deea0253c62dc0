// SPDX-License-Identifier: ISC
// Queued sending between roles; see chan.h.

#include "node-agent/keeper/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct chan_item {
    struct chan_item *next;
    int fds[IPC_FDS_MAX];
    int nfds;
    struct msg_head head; // the message begins here and goes on behind
};

int chan_open(struct chan *c, int fd, const char *peer, struct err *e)
{
    int flags = fcntl(fd, F_GETFL);

    *c = (struct chan){.fd = fd, .peer = peer};
    c->last = &c->first;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_errno(e, "the channel to %s", peer);
    return 0;
}

static void item_free(struct chan_item *item)
{
    for (int i = 0; i < item->nfds; i++)
        close(item->fds[i]);
    free(item);
}

void chan_close(struct chan *c)
{
    while (c->first) {
        struct chan_item *item = c->first;

        c->first = item->next;
        item_free(item);
    }
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

void chan_post(struct chan *c, const void *msg, const int *fds, int nfds)
{
    const struct msg_head *head = msg;
    struct chan_item *item;
    bool other = c->other && head->tag & CHAN_TAG_OTHER;

    if (other)
        c = c->other;
    item = malloc(offsetof(struct chan_item, head) + head->size);
    if (!item) {
        for (int i = 0; i < nfds; i++)
            close(fds[i]);
        c->failed = true;
        return;
    }
    item->next = NULL;
    item->nfds = nfds;
    for (int i = 0; i < nfds; i++)
        item->fds[i] = fds[i];
    memcpy(&item->head, msg, head->size);
    if (other)
        item->head.tag &= ~CHAN_TAG_OTHER;
    *c->last = item;
    c->last = &item->next;
    c->waiting++;
}

int chan_flush(struct chan *c, struct err *e)
{
    if (c->failed)
        return err_set(e, ENOMEM, "no memory for a message to %s", c->peer);
    while (c->first) {
        struct chan_item *item = c->first;
        int r = ipc_send(c->fd, &item->head, item->fds, item->nfds, e);

        if (r == -EAGAIN)
            return 0;
        if (r < 0) {
            err_prefix(e, "to %s", c->peer);
            return r;
        }
        c->first = item->next;
        if (!c->first)
            c->last = &c->first;
        c->waiting--;
        item_free(item);
    }
    return 0;
}

int chan_take(struct chan *c, union ipc_any *any, int fds[IPC_FDS_MAX],
              struct err *e)
{
    int r = ipc_recv(c->fd, any, fds, e);

    if (r == -EAGAIN)
        return 0;
    if (r == 0)
        return err_set(e, EPIPE, "the %s role closed its channel", c->peer);
    if (r < 0)
        err_prefix(e, "from %s", c->peer);
    return r;
}

short chan_events(const struct chan *c)
{
    return (c->waiting < CHAN_WAITING_MAX ? POLLIN : 0) |
           (c->first ? POLLOUT : 0);
}

void chan_reply_fill(struct msg_reply *r, size_t size,
                     const struct msg_head *to, unsigned status,
                     const char *why)
{
    memset(r, 0, size);
    r->head.type = to->type | MSG_REPLY;
    r->head.size = size;
    r->head.tag = to->tag;
    r->status = status;
    if (why)
        ipc_text(r->text, why);
}

void chan_reply_ok(struct chan *c, const struct msg_head *to)
{
    struct msg_reply r;

    chan_reply_fill(&r, sizeof(r), to, 200, NULL);
    chan_post(c, &r, NULL, 0);
}

void chan_reply(struct chan *c, const struct msg_head *to, unsigned status,
                unsigned retry_after_s, const char *text, ...)
{
    struct msg_reply r;
    va_list args;

    chan_reply_fill(&r, sizeof(r), to, status, NULL);
    r.retry_after_s = retry_after_s;
    va_start(args, text);
    vsnprintf(r.text, sizeof(r.text), text, args);
    va_end(args);
    chan_post(c, &r, NULL, 0);
}

void chan_input_reply(struct chan *c, const struct msg_head *to,
                      const sub_id_t *id, unsigned status, const char *text)
{
    struct msg_input_reply r;

    chan_reply_init(&r, to, status, text);
    r.id = *id;
    chan_post(c, &r, NULL, 0);
}
