// SPDX-License-Identifier: ISC
// Requests that wait; see waits.h. There are never more of them than
// connections, so they are counted anew each time.

#include "node-agent/api/waits.h"

#include <string.h>

#include "node-agent/api/limits.h"

bool waits_enter(struct waits *w, struct wait_item *it,
                 const key_id_t *customer, bool *mine)
{
    unsigned all = 0, his = 0;
    bool room;

    if (it->prev)
        return true;
    it->customer = *customer;
    pthread_mutex_lock(&w->lock);
    for (const struct wait_item *o = w->list; o; o = o->next) {
        all++;
        his += !memcmp(&o->customer, customer, sizeof(*customer));
    }
    *mine = his >= WAITS_EACH_MAX;
    room = all < WAITS_MAX && !*mine;
    if (room) {
        it->next = w->list;
        it->prev = &w->list;
        if (w->list)
            w->list->prev = &it->next;
        w->list = it;
    }
    pthread_mutex_unlock(&w->lock);
    return room;
}

void waits_leave(struct waits *w, struct wait_item *it)
{
    if (!it->prev)
        return;
    pthread_mutex_lock(&w->lock);
    *it->prev = it->next;
    if (it->next)
        it->next->prev = it->prev;
    pthread_mutex_unlock(&w->lock);
    it->prev = NULL;
}
