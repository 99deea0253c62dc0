// SPDX-License-Identifier: ISC
// The block back end; see block.h.

#include "hypervisor/dev/block.h"

#include <errno.h>
#include <linux/falloc.h>
#include <linux/virtio_blk.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hypervisor/dev/block_io.h"
#include "hypervisor/monitor/event.h"
#include "lib/clock.h"

#define SECTOR       512u
#define DISCARD_MAX  (1u << 21) // sectors a request: 1 GiB
#define SEGMENTS_MAX (HV_CHAIN_MAX - 2)
#define REQUESTS_MAX 128 // in flight; as many as a queue has, usually

static struct block {
    struct device *device;
    uint64_t sectors;
    uint32_t block_sectors, align_bytes;
    bool read_only;
    char id[HVC_BLOCK_ID_LEN];
    unsigned nfree;
    struct block_request *free[REQUESTS_MAX];
    struct block_request request[REQUESTS_MAX];
} blocks[HV_DEVICE_MAX] DEVICE_MEMORY;

// ------------------------------------------------------------- completion

static void finish(struct block *b, struct block_request *r, uint8_t status,
                   uint32_t written)
{
    b->device->stirred = true;
    *r->status = status;
    virtq_put(&b->device->queue[0], r->chain.head, written + 1);
    b->free[b->nfree++] = r;
}

// A request is done as far as the host goes: bytes moved, or -errno.
static void block_done(struct block_request *r, int64_t result)
{
    struct block *b = r->owner;
    struct hvc_page *page = b->device->all->page;
    uint8_t status = VIRTIO_BLK_S_OK;
    bool moves = r->op == BLOCK_READ || r->op == BLOCK_WRITE;

    if (result == -EOPNOTSUPP)
        status = VIRTIO_BLK_S_UNSUPP;
    else if (result < 0 || (moves && (uint64_t)result != r->len))
        status = VIRTIO_BLK_S_IOERR;
    if (status == VIRTIO_BLK_S_OK && r->op == BLOCK_READ) {
        page->disk_reads++;
        page->disk_read_bytes += r->len;
    } else if (status == VIRTIO_BLK_S_OK) {
        page->disk_writes++;
        page->disk_write_bytes += moves ? r->len : 0;
    }
    finish(b, r, status, r->op == BLOCK_READ && result > 0 ? result : 0);
}

// ---------------------------------------------------------------- requests

static bool range_ok(const struct block *b, uint64_t sector, uint64_t n)
{
    return sector <= b->sectors && n <= b->sectors - sector &&
           (sector | n) % b->block_sectors == 0;
}

static bool prepare_move(const struct block *b, struct block_request *r,
                         uint64_t sector)
{
    struct virtq_chain *c = &r->chain;
    bool read = r->op == BLOCK_READ;

    r->iov = read ? c->in : c->out;
    r->niov = read ? c->nin : c->nout;
    r->len = virtq_len(r->iov, r->niov);
    r->offset = sector * SECTOR;
    return r->len && r->len <= BLOCK_DATA_MAX && r->len % SECTOR == 0 &&
           range_ok(b, sector, r->len / SECTOR);
}

// Of DISCARD and WRITE_ZEROES: 0, or the status to answer with.
static uint8_t prepare_range(const struct block *b, struct block_request *r,
                             bool zero)
{
    struct virtio_blk_discard_write_zeroes range;

    if (virtq_len(r->chain.out, r->chain.nout) != sizeof(range) ||
        !virtq_pull(&r->chain, &range, sizeof(range)))
        return VIRTIO_BLK_S_IOERR;
    if (range.flags & ~(zero ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0u))
        return VIRTIO_BLK_S_UNSUPP;
    if (range.num_sectors == 0 || range.num_sectors > DISCARD_MAX ||
        !range_ok(b, range.sector, range.num_sectors))
        return VIRTIO_BLK_S_IOERR;
    r->op = zero && !range.flags ? BLOCK_ZERO : BLOCK_DISCARD;
    r->offset = range.sector * SECTOR;
    r->len = (uint64_t)range.num_sectors * SECTOR;
    return VIRTIO_BLK_S_OK;
}

static uint32_t say_id(const struct block *b, struct virtq_chain *c)
{
    uint32_t done = 0;

    for (unsigned i = 0; i < c->nin && done < sizeof(b->id); i++) {
        uint32_t n = sizeof(b->id) - done;

        if (n > c->in[i].iov_len)
            n = c->in[i].iov_len;
        memcpy(c->in[i].iov_base, b->id + done, n);
        done += n;
    }
    return done;
}

// What is asked for: true if it is to be submitted, false if it has been
// answered.
static bool decide(struct block *b, struct block_request *r,
                   const struct virtio_blk_outhdr *h)
{
    uint8_t status = VIRTIO_BLK_S_OK;
    bool writes = h->type == VIRTIO_BLK_T_OUT ||
                  h->type == VIRTIO_BLK_T_DISCARD ||
                  h->type == VIRTIO_BLK_T_WRITE_ZEROES;

    if (writes && b->read_only) {
        finish(b, r, VIRTIO_BLK_S_IOERR, 0);
        return false;
    }
    switch (h->type) {
    case VIRTIO_BLK_T_IN:
    case VIRTIO_BLK_T_OUT:
        r->op = writes ? BLOCK_WRITE : BLOCK_READ;
        status = prepare_move(b, r, h->sector) ? VIRTIO_BLK_S_OK
                                               : VIRTIO_BLK_S_IOERR;
        break;
    case VIRTIO_BLK_T_FLUSH:
        r->op = BLOCK_FLUSH;
        r->len = 0;
        break;
    case VIRTIO_BLK_T_DISCARD:
    case VIRTIO_BLK_T_WRITE_ZEROES:
        status = prepare_range(b, r, h->type == VIRTIO_BLK_T_WRITE_ZEROES);
        break;
    case VIRTIO_BLK_T_GET_ID:
        finish(b, r, VIRTIO_BLK_S_OK, say_id(b, &r->chain));
        return false;
    default:
        status = VIRTIO_BLK_S_UNSUPP;
    }
    if (status != VIRTIO_BLK_S_OK)
        finish(b, r, status, 0);
    return status == VIRTIO_BLK_S_OK;
}

static int begin(struct block *b, struct block_request *r)
{
    struct virtio_blk_outhdr h;
    struct device *d = b->device;

    r->owner = b;
    r->done = block_done;
    r->status = virtq_last_byte(&r->chain);
    if (!r->status || !virtq_pull(&r->chain, &h, sizeof(h)))
        return device_broke(d, "a disk request has no header or no status");
    if (decide(b, r, &h)) {
        bool moves = r->op == BLOCK_READ || r->op == BLOCK_WRITE;

        if (event_request_traced)
            event_request_traced(d->index, h.type, h.sector * 512, r->len);
        device_spend(d, 0, moves ? r->len : 0, clock_mono_ns());
        r->fd = d->fd[0];
        r->align_bytes = b->align_bytes;
        block_submit(&d->all->ring, r);
    }
    return 0;
}

// Takes what there is, as far as there is room and the rate allows. Each goes
// off at once: a disk that waits until all of them are ready waits too long.
static int block_kick(struct device *d)
{
    struct block *b = d->own;
    struct virtq *q = &d->queue[0];

    while (b->nfree && d->state == DEVICE_RUNNING &&
           device_may(d, 0, clock_mono_ns())) {
        struct block_request *r = b->free[b->nfree - 1];
        int n = virtq_take(q, &r->chain);

        if (n < 0)
            return device_broke(d, q->broken);
        if (n == 0) {
            if (virtq_arm(q))
                continue;
            break;
        }
        b->nfree--;
        if (begin(b, r) < 0)
            return -1;
        uring_submit(&d->all->ring);
    }
    device_tell(d);
    return 0;
}

static bool block_idle(const struct device *d)
{
    const struct block *b = d->own;

    return b->nfree == REQUESTS_MAX;
}

// ------------------------------------------------------------------ opening

static int check(const struct hvc_block *m, struct err *e)
{
    const uint32_t n = m->block_bytes, a = m->align_bytes;

    if (n < SECTOR || n > HV_PAGE || n & (n - 1) || a & (a - 1) ||
        a > HV_PAGE || m->capacity_bytes % n || m->capacity_bytes > INT64_MAX)
        return err_set(e, EINVAL, "a disk of %lu bytes in blocks of %u",
                       m->capacity_bytes, n);
    return 0;
}

static void offer(struct block *b)
{
    struct device *d = b->device;
    struct virtio_blk_config c = {
        .capacity = b->sectors,
        .size_max = BLOCK_DATA_MAX,
        .seg_max = SEGMENTS_MAX,
        .blk_size = b->block_sectors * SECTOR,
        .max_discard_sectors = DISCARD_MAX,
        .max_discard_seg = 1,
        .discard_sector_alignment = b->block_sectors,
        .max_write_zeroes_sectors = DISCARD_MAX,
        .max_write_zeroes_seg = 1,
        .write_zeroes_may_unmap = 1,
    };
    const size_t room = sizeof(((struct hv_device_control *)0)->config);

    d->offered |= 1ull << VIRTIO_BLK_F_SIZE_MAX | 1ull << VIRTIO_BLK_F_SEG_MAX |
                  1ull << VIRTIO_BLK_F_BLK_SIZE | 1ull << VIRTIO_BLK_F_FLUSH;
    if (b->read_only)
        d->offered |= 1ull << VIRTIO_BLK_F_RO;
    else
        d->offered |=
            1ull << VIRTIO_BLK_F_DISCARD | 1ull << VIRTIO_BLK_F_WRITE_ZEROES;
    device_config(d, &c, sizeof(c) < room ? sizeof(c) : room);
}

static int block_open(struct device *d, const struct hvc_device *m,
                      struct err *e)
{
    struct block *b = &blocks[d->index];
    struct stat st;

    if (m->flags & ~HVC_D_READ_ONLY || check(&m->block, e) < 0)
        return err_set(e, EINVAL, "a disk described as it cannot be");
    if (fstat(d->fd[0], &st) < 0 ||
        (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
        return err_set(e, EINVAL, "a disk is no file and no block device");
    b->device = d;
    b->sectors = m->block.capacity_bytes / SECTOR;
    b->block_sectors = m->block.block_bytes / SECTOR;
    b->align_bytes = m->block.align_bytes;
    b->read_only = m->flags & HVC_D_READ_ONLY;
    memcpy(b->id, m->block.id, sizeof(b->id));
    for (b->nfree = 0; b->nfree < REQUESTS_MAX; b->nfree++)
        b->free[b->nfree] = &b->request[b->nfree];
    d->own = b;
    offer(b);
    return 0;
}

const struct device_ops block_ops = {
    .type = HV_DEV_BLOCK,
    .name = "disk",
    .queues_min = 1,
    .queues_max = 1,
    .fds_min = 1,
    .fds_max = 1,
    .open = block_open,
    .kick = block_kick,
    .tick = block_kick,
    .idle = block_idle,
};
