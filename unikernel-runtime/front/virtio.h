// SPDX-License-Identifier: ISC
// What front ends use of virtio 1.x: the structures and numbers of its text.
#ifndef RT_VIRTIO_H
#define RT_VIRTIO_H

#include <stdint.h>

// Of the status.
#define VIRTIO_ACKNOWLEDGE 1u
#define VIRTIO_DRIVER      2u
#define VIRTIO_DRIVER_OK   4u
#define VIRTIO_FEATURES_OK 8u
#define VIRTIO_NEEDS_RESET 64u
#define VIRTIO_FAILED      128u

// Features of all devices; each bit by its number.
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX     29
#define VIRTIO_F_VERSION_1     32

// A split virtqueue. Behind each ring stands the index at which the other
// side wants to hear of it.
#define VIRTQ_DESC_NEXT     1u
#define VIRTQ_DESC_WRITE    2u
#define VIRTQ_DESC_INDIRECT 4u
struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};
struct virtq_avail {
    uint16_t flags, idx;
    uint16_t ring[]; // [size], then the used event
};
struct virtq_used_elem {
    uint32_t id, len;
};
struct virtq_used {
    uint16_t flags, idx;
    struct virtq_used_elem ring[]; // [size], then the available event (u16)
};

// Network devices.
#define VIRTIO_NET_F_CSUM       0
#define VIRTIO_NET_F_GUEST_CSUM 1
#define VIRTIO_NET_F_MTU        3
#define VIRTIO_NET_F_MAC        5
#define VIRTIO_NET_F_GUEST_TSO4 7
#define VIRTIO_NET_F_GUEST_TSO6 8
#define VIRTIO_NET_F_HOST_TSO4  11
#define VIRTIO_NET_F_HOST_TSO6  12
#define VIRTIO_NET_F_MRG_RXBUF  15
#define VIRTIO_NET_F_STATUS     16
struct virtio_net_config {
    uint8_t mac[6];
    uint16_t status, max_virtqueue_pairs, mtu;
};
struct virtio_net_header {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
#define VIRTIO_NET_NEEDS_CSUM 1u // flags: what is there is the pseudo header's
#define VIRTIO_NET_DATA_VALID 2u // flags: the checksum was found right
#define VIRTIO_NET_GSO_NONE   0u
#define VIRTIO_NET_GSO_TCPV4  1u
#define VIRTIO_NET_GSO_TCPV6  4u

// Block devices.
#define VIRTIO_BLK_F_SIZE_MAX     1
#define VIRTIO_BLK_F_SEG_MAX      2
#define VIRTIO_BLK_F_RO           5
#define VIRTIO_BLK_F_BLK_SIZE     6
#define VIRTIO_BLK_F_FLUSH        9
#define VIRTIO_BLK_F_DISCARD      13
#define VIRTIO_BLK_F_WRITE_ZEROES 14
struct virtio_blk_config {
    uint64_t capacity; // sectors of 512 bytes
    uint32_t size_max, seg_max;
    uint8_t geometry[4];
    uint32_t blk_size;
    uint8_t topology[8];
    uint8_t writeback, unused;
    uint16_t num_queues;
    uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
    uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
    uint8_t write_zeroes_may_unmap, unused2[3];
};
enum virtio_blk_type {
    VIRTIO_BLK_IN = 0,
    VIRTIO_BLK_OUT = 1,
    VIRTIO_BLK_FLUSH = 4,
    VIRTIO_BLK_GET_ID = 8,
    VIRTIO_BLK_DISCARD = 11,
    VIRTIO_BLK_WRITE_ZEROES = 13,
};
struct virtio_blk_head {
    uint32_t type, reserved;
    uint64_t sector;
};
struct virtio_blk_range {
    uint64_t sector;
    uint32_t sectors, flags;
};
#define VIRTIO_BLK_UNMAP  1u // flag of WRITE_ZEROES
#define VIRTIO_BLK_OK     0
#define VIRTIO_BLK_IOERR  1
#define VIRTIO_BLK_UNSUPP 2

#endif
