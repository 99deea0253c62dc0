// SPDX-License-Identifier: ISC
// Memory that uploads take; see spool.h. There are never more of them than
// connections, so sums are made anew each time.

#include "node-agent/api/spool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "node-agent/api/limits.h"

static void address_of(char out[64], const char *peer)
{
    struct in6_addr v6;
    const char *end = strstr(peer, " port ");

    if (!end)
        end = strstr(peer, " pid ");
    snprintf(out, 64, "%.*s", end ? (int)(end - peer) : 63, peer);
    if (inet_pton(AF_INET6, out, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
        memset(v6.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &v6, out, 64);
    }
}

void spool_enter(struct spool *s, struct spool_item *it, const char *peer)
{
    *it = (struct spool_item){0};
    address_of(it->address, peer);
    pthread_mutex_lock(&s->lock);
    it->next = s->list;
    it->prev = &s->list;
    if (s->list)
        s->list->prev = &it->next;
    s->list = it;
    pthread_mutex_unlock(&s->lock);
}

void spool_leave(struct spool *s, struct spool_item *it)
{
    pthread_mutex_lock(&s->lock);
    s->bytes -= it->bytes;
    *it->prev = it->next;
    if (it->next)
        it->next->prev = it->prev;
    pthread_mutex_unlock(&s->lock);
}

// With the lock held: whether it may have len more.
static unsigned room(const struct spool *s, const struct spool_item *it,
                     uint64_t len, struct err *e)
{
    uint64_t address = len, customer = len;

    for (const struct spool_item *o = s->list; o; o = o->next) {
        if (!strcmp(o->address, it->address))
            address += o->bytes;
        if (it->has_customer && o->has_customer &&
            !memcmp(o->customer, it->customer, sizeof(o->customer)))
            customer += o->bytes;
    }
    if (s->bytes + len > SPOOL_BYTES_MAX) {
        err_set(e, EBUSY, "the node is taking in too much at once");
        return 503;
    }
    if (address > SPOOL_BYTES_EACH_MAX) {
        err_set(e, EBUSY,
                "the node is taking in too much from your address "
                "at once");
        return 429;
    }
    if (customer > SPOOL_BYTES_EACH_MAX) {
        err_set(e, EBUSY, "the node is taking in too much from you at once");
        return 429;
    }
    return 0;
}

unsigned spool_take(struct spool *s, struct spool_item *it, uint64_t len,
                    struct err *e)
{
    unsigned status;

    pthread_mutex_lock(&s->lock);
    status = room(s, it, len, e);
    if (!status) {
        it->bytes += len;
        s->bytes += len;
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

unsigned spool_customer(struct spool *s, struct spool_item *it,
                        const uint8_t customer[32], struct err *e)
{
    unsigned status;

    pthread_mutex_lock(&s->lock);
    memcpy(it->customer, customer, sizeof(it->customer));
    it->has_customer = true;
    status = room(s, it, 0, e);
    pthread_mutex_unlock(&s->lock);
    return status;
}

uint64_t spool_bytes(struct spool *s)
{
    uint64_t bytes;

    pthread_mutex_lock(&s->lock);
    bytes = s->bytes;
    pthread_mutex_unlock(&s->lock);
    return bytes;
}
