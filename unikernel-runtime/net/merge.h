// SPDX-License-Identifier: ISC
/*
 * Making one large frame of TCP segments that follow each other: what network
 * cards call segmentation offload, the other way round. lwIP makes segments of
 * the link's size; those that lie in a row in one connection's stream and that
 * are sent together need their headers only once.
 *
 * It also leaves every TCP checksum to the device.
 */
#ifndef RT_NET_MERGE_H
#define RT_NET_MERGE_H

#include "unikernel-runtime/front/net.h"

struct merge {
    struct net_slot *slot; // the frame so far, or NULL
    uint8_t tcp, headers;  // where TCP begins, where data does; 0: not to grow
    uint8_t last;          // a short segment: nothing may follow
    uint32_t next_seq;
    uint32_t data_len; // so far
    uint16_t size;     // of the first segment: of all but the last
};

// Starts with a frame that is complete in itself.
void merge_begin(struct merge *m, struct net_slot *s);

// Adds another's data: 1; the slot is not needed any more then.
int merge_add(struct merge *m, const struct net_slot *s);

// Is it several segments already, with room for as much again?
int merge_grows(const struct merge *m);

// The frame, ready to be sent, or NULL.
struct net_slot *merge_finish(struct merge *m);

#endif
