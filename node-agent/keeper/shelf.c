// SPDX-License-Identifier: ISC
// Descriptors that outlive the keeper; see shelf.h.

#include "node-agent/keeper/shelf.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>
#include "lib/sock.h"

struct shelf_item {
    int64_t id;     // 0: a mark, by which a turn knows its end
    uint64_t nonce; // of the mark
};

void shelf_open(struct shelf *s, const int fds[2])
{
    *s = (struct shelf){.put_fd = fds[0], .take_fd = fds[1]};
}

void shelf_close(struct shelf *s)
{
    if (s->put_fd >= 0)
        close(s->put_fd);
    if (s->take_fd >= 0)
        close(s->take_fd);
    s->put_fd = s->take_fd = -1;
}

int shelf_put(struct shelf *s, int64_t id, const int *fds, uint32_t n)
{
    const struct shelf_item item = {.id = id};

    return s->put_fd < 0 ? -ENOTCONN
                         : sock_send(s->put_fd, &item, sizeof(item), fds, n);
}

int shelf_turn(struct shelf *s,
               bool (*keep)(void *arg, int64_t id, const int *fds, uint32_t n),
               void *arg)
{
    struct shelf_item mark = {0}, item;
    int fds[SOCK_FDS_MAX];
    bool marked, whole;

    if (s->put_fd < 0)
        return 0;
    randombytes_buf(&mark.nonce, sizeof(mark.nonce));
    marked = sock_send(s->put_fd, &mark, sizeof(mark), NULL, 0) == 0;
    for (;;) {
        size_t nfds = SOCK_FDS_MAX;
        ssize_t n = sock_recv(s->take_fd, &item, sizeof(item), fds, &nfds);

        if (n == -EMSGSIZE) // no room for its descriptors: it is lost
            continue;
        if (n <= 0) // empty, and there was no room for a mark
            return 1;
        whole = n == sizeof(item);
        if (whole && item.id == 0 && item.nonce == mark.nonce)
            return 0;
        // A mark of another's, who was killed amid a turn, goes.
        if (whole && item.id && keep(arg, item.id, fds, (uint32_t)nfds) &&
            marked)
            shelf_put(s, item.id, fds, (uint32_t)nfds);
        while (nfds)
            close(fds[--nfds]);
    }
}
