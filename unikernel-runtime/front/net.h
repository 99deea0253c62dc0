// SPDX-License-Identifier: ISC
/*
 * The front end of network devices: frames in and out, as they are. What is
 * received stays where the device has put it until its buffers are given back.
 *
 * Callers exclude each other; the device's event does no more than call
 * `kicked`, as an event handler.
 */
#ifndef RT_FRONT_NET_H
#define RT_FRONT_NET_H

#include "unikernel-runtime/front/front.h"

#define NET_BUFFER_LEN 4096u
#define NET_BUFFERS    512u
#define NET_SLOT_LEN                                                           \
    2048u // with the header, of a frame out what lies in no buffer
#define NET_SLOT_ROOM  (NET_SLOT_LEN - sizeof(struct virtio_net_header))
#define NET_SLOTS      256u
#define NET_PIECES_MAX 60u

struct net_front;

// A piece of a frame that was received.
struct net_buffer {
    struct net_buffer *next; // of the same frame
    struct net_front *of;
    uint8_t *data;
    uint32_t len;
    // The receiver's, for as long as it has the buffer.
    uint8_t user[64] __attribute__((aligned(16)));
};

// A frame to be sent. Its start is in the window, in the slot itself; pieces
// follow, which lie there too and stay as they are until `sent` is called.
struct net_slot {
    struct virtio_net_header *header; // in the window; zeros
    uint8_t *data;                    // behind it: NET_SLOT_ROOM
    uint32_t len;                     // used of data[]
    unsigned n;
    struct virtq_piece piece[NET_PIECES_MAX];
};

struct net_front {
    struct front front;
    struct virtq in, out;
    uint8_t mac[6];
    uint16_t mtu;
    struct hv_net_config config;
    unsigned lent; // buffers that the receiver has
    int unkicked;  // frames were added that the device may not know of
    struct net_buffer *buffers;
    struct net_slot *slots, *free_slot[NET_SLOTS];
    unsigned free_slots;
    void (*sent)(struct net_slot *s);
};

unsigned net_count(void);

// Starts the n-th: 0 or negative. `kicked` is called at its events, `sent` by
// net_reap. *f is zeros.
int net_open(struct net_front *f, unsigned n, void (*kicked)(struct front *f),
             void (*sent)(struct net_slot *s));

// The next frame that has come, with a copy of its header; NULL.
struct net_buffer *net_receive(struct net_front *f,
                               struct virtio_net_header *header);
void net_buffer_give(struct net_buffer *b);

// Asks for an event at the next frame. True: one is there already.
int net_arm(struct net_front *f);

// A slot to fill, and its frame on its way; it returns by itself. NULL: all
// are in use.
struct net_slot *net_slot_get(struct net_front *f);
int net_send(struct net_front *f, struct net_slot *s); // -EAGAIN: it is yours
void net_slot_put(struct net_front *f, struct net_slot *s); // unsent

// Are half of the slots free, and can be used?
int net_has_room(const struct net_front *f);

// Takes back what was sent. With `arm`: an event shall come when more was.
void net_reap(struct net_front *f, int arm);

// Has the device frames that it has not sent yet? Then an event will come when
// it has sent one.
int net_busy(struct net_front *f);

// Lets the device know of what was added.
void net_flush(struct net_front *f);

#endif
