// SPDX-License-Identifier: ISC
/*
 * The front end of block devices. The program's memory is its own: what goes
 * to or comes from a disk passes through the I/O window, in pieces of which a
 * few are under way at once. Compiled without vector registers, because of the
 * event handler.
 */
#include "unikernel-runtime/front/blk.h"
#include "unikernel-runtime/front/front.h"
#include "unikernel-runtime/front/window.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR     512u
#define QUEUE_SIZE 256
#define SLOTS      64 // requests under way; bits of blk.slots_free
#define PIECE      (256u * 1024)
#define PIECES     4 // of one call under way
#define BLOCK_MAX  4096
// A disk that answers nothing for so long is given up.
#define SILENCE_NS (60 * NS_PER_S)

// In the window: what a request needs beside its data.
struct slot {
    struct virtio_blk_head head;
    struct virtio_blk_range range;
    uint8_t status;
    uint8_t pad[31];
};
_Static_assert(SLOTS * sizeof(struct slot) == HV_PAGE, "one page");

struct request {
    struct waitq waiter;
    int8_t done, lost; // lost: the host may still use the buffer
    uint8_t status;
    void *buffer;
    uint32_t len;
};

struct blk {
    struct front front;
    struct virtq queue;
    struct slot *slots;
    struct request *request[SLOTS]; // whose slot it is
    uint64_t slots_free;
    unsigned sleepers;  // threads that wait for events
    struct waitq room;  // who waits for a slot or descriptors
    uint64_t came_back; // requests
    int failed;
    uint64_t bytes;
    uint32_t block;
    struct lock part_lock; // over read, change, write
};

static struct blk *disks[BLK_MAX];
static struct lock disks_lock;

// ------------------------------------------------------------- coming back

static void slot_give(struct blk *b, unsigned n)
{
    b->request[n] = NULL;
    b->slots_free |= 1ull << n;
    sched_wake_all(&b->room);
}

static void request_end(struct request *r, uint8_t status)
{
    r->status = status;
    r->done = 1;
    sched_wake_all(&r->waiter);
}

// Nothing will come back any more. Buffers and slots are not used again.
static void fail(struct blk *b)
{
    b->failed = 1;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct request *r = b->request[i];
        b->request[i] = NULL;
        if (r) {
            r->lost = 1;
            request_end(r, VIRTIO_BLK_IOERR);
        }
    }
    sched_wake_all(&b->room);
}

static void collect(struct blk *b)
{
    uint32_t len;
    for (;;) {
        struct slot *s = virtq_take(&b->queue, &len);
        if (!s)
            break;
        unsigned n = s - b->slots;
        struct request *r = b->request[n];
        uint8_t status = __atomic_load_n(&s->status, __ATOMIC_RELAXED);
        slot_give(b, n);
        b->came_back++;
        if (r)
            request_end(r, status);
    }
}

// Handler of the device's event, and called by who waits. Events are asked for
// only while somebody sleeps.
static void blk_event(struct front *f)
{
    struct blk *b = (struct blk *)f;
    do
        collect(b);
    while (b->sleepers && virtq_arm(&b->queue) && !b->queue.broken);
    if (b->queue.broken || front_failed(f))
        fail(b);
}

// -------------------------------------------------------------- going there

// Sleeps until an event has brought what is waited for; like sched_wait.
static int blk_sleep(struct blk *b, struct waitq *q, uint64_t deadline_ns)
{
    int r = 0;
    b->sleepers++;
    if (virtq_arm(&b->queue))
        blk_event(&b->front);
    else
        r = sched_wait(q, deadline_ns);
    b->sleepers--;
    return r;
}

// Scheduler locked. 0, or -EIO when the disk has failed.
static int slot_take(struct blk *b, unsigned *n)
{
    while (!b->failed && (!b->slots_free || b->queue.nfree < 3))
        blk_sleep(b, &b->room, SCHED_NEVER);
    if (b->failed)
        return -EIO;
    *n = __builtin_ctzll(b->slots_free);
    b->slots_free &= ~(1ull << *n);
    return 0;
}

// Begins a request with the data in r->buffer, which lies in the window; or
// with `range`, or neither.
static int begin(struct blk *b, struct request *r, enum virtio_blk_type type,
                 uint64_t sector, const struct virtio_blk_range *range)
{
    unsigned n;
    sched_lock();
    if (slot_take(b, &n) < 0) {
        sched_unlock();
        return -EIO;
    }
    struct slot *s = &b->slots[n];
    s->head = (struct virtio_blk_head){.type = type, .sector = sector};
    s->status = VIRTIO_BLK_IOERR;
    struct virtq_piece p[3] = {{&s->head, sizeof s->head}};
    unsigned out = 1, in = 0;
    if (range) {
        s->range = *range;
        p[out++] = (struct virtq_piece){&s->range, sizeof s->range};
    } else if (r->len) {
        p[1] = (struct virtq_piece){r->buffer, r->len};
        *(type == VIRTIO_BLK_OUT ? &out : &in) += 1;
    }
    p[out + in] = (struct virtq_piece){&s->status, 1};
    b->request[n] = r;
    virtq_add(&b->queue, p, out, in + 1, s); // there is room: see slot_take
    front_kick(&b->front, &b->queue);
    sched_unlock();
    return 0;
}

static int finish(struct blk *b, struct request *r)
{
    sched_lock();
    blk_event(&b->front);
    while (!r->done) {
        uint64_t before = b->came_back;
        int e = blk_sleep(b, &r->waiter, clock_real_ns() + SILENCE_NS);
        if (e == -ETIMEDOUT && !r->done && b->came_back == before)
            fail(b);
    }
    sched_unlock();
    switch (r->status) {
    case VIRTIO_BLK_OK:
        return 0;
    case VIRTIO_BLK_UNSUPP:
        return -EOPNOTSUPP;
    default:
        return -EIO;
    }
}

// A request without data.
static int simple(struct blk *b, enum virtio_blk_type type,
                  const struct virtio_blk_range *range)
{
    struct request r = {0};
    int e = begin(b, &r, type, 0, range);
    return e < 0 ? e : finish(b, &r);
}

// ------------------------------------------------------------------ moving

// A buffer of at most r->len bytes, perhaps less; sleeps if it `must` have
// one.
static void buffer_take(struct request *r, int must)
{
    for (;;) {
        uint32_t len = r->len;
        while (!(r->buffer = window_alloc(len)) && len > BLOCK_MAX)
            len = (len / 2 + BLOCK_MAX - 1) & -BLOCK_MAX;
        if (r->buffer || !must) {
            r->len = len < r->len ? len : r->len;
            return;
        }
        window_wait();
    }
}

static void buffer_give(struct request *r)
{
    if (!r->lost)
        window_free(r->buffer, r->len);
}

struct move {
    struct blk *disk;
    char *data; // the program's
    uint64_t offset;
    size_t len;
    int write;
    size_t sent, moved; // bytes: begun, done in order
    int error;
};

// Begins the next piece; false if it has to wait for others.
static int piece_begin(struct move *m, struct request *r, int must)
{
    size_t left = m->len - m->sent;
    *r = (struct request){.len = left < PIECE ? left : PIECE};
    buffer_take(r, must);
    if (!r->buffer)
        return 0;
    if (m->write)
        memcpy(r->buffer, m->data + m->sent, r->len);
    int e = begin(m->disk, r, m->write ? VIRTIO_BLK_OUT : VIRTIO_BLK_IN,
                  (m->offset + m->sent) / SECTOR, NULL);
    if (e < 0) {
        r->status = VIRTIO_BLK_IOERR;
        r->done = 1;
    }
    m->sent += r->len;
    return 1;
}

static void piece_finish(struct move *m, struct request *r)
{
    int e = finish(m->disk, r);
    if (e == 0 && m->error == 0) {
        if (!m->write)
            memcpy(m->data + m->moved, r->buffer, r->len);
        m->moved += r->len;
    } else if (m->error == 0) {
        m->error = e;
    }
    buffer_give(r);
}

// Whole blocks. Bytes moved, or an error if none were.
static ssize_t move(struct move *m)
{
    struct request r[PIECES];
    unsigned begun = 0, done = 0;
    do {
        while (m->sent < m->len && begun - done < PIECES && !m->error &&
               piece_begin(m, &r[begun % PIECES], begun == done))
            begun++;
        if (begun != done)
            piece_finish(m, &r[done++ % PIECES]);
    } while (begun != done || (m->sent < m->len && !m->error));
    return m->moved ? (ssize_t)m->moved : m->error;
}

static ssize_t move_blocks(struct blk *b, int write, char *data, size_t len,
                           uint64_t offset)
{
    struct move m = {
        .disk = b, .data = data, .offset = offset, .len = len, .write = write};
    return move(&m);
}

// Within one block, but not all of it.
static ssize_t move_part(struct blk *b, int write, char *data, size_t len,
                         uint64_t offset)
{
    char block[BLOCK_MAX];
    size_t skip = offset % b->block;
    offset -= skip;
    if (write)
        lock_take(&b->part_lock);
    ssize_t r = move_blocks(b, 0, block, b->block, offset);
    if (r == (ssize_t)b->block) {
        memcpy(write ? block + skip : data, write ? data : block + skip, len);
        if (write)
            r = move_blocks(b, 1, block, b->block, offset);
    }
    if (write)
        lock_give(&b->part_lock);
    return r < 0 ? r : r == (ssize_t)b->block ? (ssize_t)len : -EIO;
}

// Any bytes inside the disk.
static ssize_t move_bytes(struct blk *b, int write, char *data, size_t len,
                          off_t *pos)
{
    size_t moved = 0;
    ssize_t r = 0;
    while (moved < len) {
        uint64_t at = *pos;
        size_t left = len - moved, skip = at % b->block, n;
        if (skip || left < b->block) {
            n = b->block - skip < left ? b->block - skip : left;
            r = move_part(b, write, data + moved, n, at);
        } else {
            n = left - left % b->block;
            r = move_blocks(b, write, data + moved, n, at);
        }
        if (r <= 0)
            break;
        moved += r;
        *pos += r;
        if ((size_t)r < n)
            break;
    }
    return moved ? (ssize_t)moved : r;
}

// -------------------------------------------------------------- the device

static void describe(struct blk *b)
{
    struct virtio_blk_config c;
    front_config(&b->front, &c, 0, sizeof c);
    b->bytes = c.capacity * SECTOR;
    b->block = SECTOR;
    if (b->front.features >> VIRTIO_BLK_F_BLK_SIZE & 1)
        b->block = c.blk_size;
}

static int make(struct blk *b, const struct hv_device *device)
{
    const uint64_t wanted =
        1ull << VIRTIO_BLK_F_RO | 1ull << VIRTIO_BLK_F_BLK_SIZE |
        1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_DISCARD |
        1ull << VIRTIO_BLK_F_WRITE_ZEROES;
    struct virtq *queue = &b->queue;
    b->slots = window_alloc(SLOTS * sizeof *b->slots);
    b->slots_free = UINT64_MAX;
    if (!b->slots || virtq_make(queue, QUEUE_SIZE) < 0)
        return -ENOMEM;
    front_open(&b->front, device, blk_event);
    int r = front_start(&b->front, wanted, &queue, 1);
    if (r < 0)
        return r;
    describe(b);
    int sound = b->block >= SECTOR && b->block <= BLOCK_MAX &&
                !(b->block & (b->block - 1)) && !(b->bytes % b->block) &&
                b->bytes <= INT64_MAX;
    return sound ? 0 : -EIO;
}

// Starts the n-th disk if it has not been started. One that could not be is
// tried no second time: its events are bound, its memory shared.
static int start(unsigned n)
{
    static struct blk bad = {.failed = 1};
    lock_take(&disks_lock);
    if (!disks[n]) {
        struct blk *b = calloc(1, sizeof *b);
        disks[n] = b && make(b, front_find(HV_DEV_BLOCK, n)) == 0 ? b : &bad;
    }
    int r = disks[n]->failed ? -EIO : 0;
    lock_give(&disks_lock);
    return r;
}

static int read_only(const struct blk *b)
{
    return b->front.features >> VIRTIO_BLK_F_RO & 1;
}

unsigned blk_count(void)
{
    unsigned n = 0;
    while (n < BLK_MAX && front_find(HV_DEV_BLOCK, n))
        n++;
    return n;
}

// --------------------------------------------------------------- operations

static int open_op(void *object, int flags)
{
    unsigned n = (uintptr_t)object;
    int r = start(n);
    if (r == 0 && (flags & O_ACCMODE) != O_RDONLY && read_only(disks[n]))
        return -EROFS;
    return r;
}

static struct blk *disk_of(const struct file *f)
{
    return disks[(uintptr_t)f->object];
}

static ssize_t read_op(struct file *f, void *data, size_t len, off_t *pos)
{
    struct blk *b = disk_of(f);
    if ((uint64_t)*pos >= b->bytes)
        return 0;
    if (len > b->bytes - *pos)
        len = b->bytes - *pos;
    return move_bytes(b, 0, data, len, pos);
}

static int sync_op(struct file *f, int data)
{
    (void)data;
    struct blk *b = disk_of(f);
    if (!(b->front.features >> VIRTIO_BLK_F_FLUSH & 1))
        return 0; // what is written is safe
    return simple(b, VIRTIO_BLK_FLUSH, NULL);
}

static ssize_t write_op(struct file *f, const void *data, size_t len,
                        off_t *pos)
{
    struct blk *b = disk_of(f);
    if ((uint64_t)*pos >= b->bytes)
        return len ? -ENOSPC : 0;
    if (len > b->bytes - *pos)
        len = b->bytes - *pos;
    ssize_t r = move_bytes(b, 1, (char *)data, len, pos);
    if (r > 0 && f->flags & O_SYNC && sync_op(f, 1) < 0)
        return -EIO;
    return r;
}

static off_t seek_op(struct file *f, off_t offset, int whence)
{
    off_t base = whence == SEEK_CUR   ? f->pos
                 : whence == SEEK_END ? (off_t)disk_of(f)->bytes
                                      : 0;
    off_t at;
    if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
        return -EINVAL;
    if (__builtin_add_overflow(base, offset, &at))
        return -EOVERFLOW;
    return at < 0 ? -EINVAL : at;
}

static int stat_op(struct file *f, struct stat *st)
{
    const struct blk *b = disk_of(f);
    *st = (struct stat){.st_mode = S_IFBLK | 0660,
                        .st_nlink = 1,
                        .st_size = b->bytes,
                        .st_blksize = BLOCK_MAX,
                        .st_blocks = b->bytes / SECTOR};
    return 0;
}

// BLKDISCARD and BLKZEROOUT: {offset, length} in bytes.
static int clear(struct file *f, enum virtio_blk_type type, unsigned feature,
                 const uint64_t *range)
{
    const uint64_t most = 1u << 21; // sectors: every back end takes that
    struct blk *b = disk_of(f);
    uint64_t at = range[0], len = range[1];
    if ((f->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (!(b->front.features >> feature & 1))
        return -EOPNOTSUPP;
    if ((at | len) % b->block || at > b->bytes || len > b->bytes - at)
        return -EINVAL;
    for (uint64_t n; len; at += n, len -= n) {
        n = len / SECTOR < most ? len : most * SECTOR;
        const struct virtio_blk_range r = {.sector = at / SECTOR,
                                           .sectors = n / SECTOR};
        int e = simple(b, type, &r);
        if (e < 0)
            return e;
    }
    return 0;
}

static int control_op(struct file *f, unsigned long request, void *argument)
{
    const struct blk *b = disk_of(f);
    switch (request) {
    case BLKGETSIZE64:
        *(uint64_t *)argument = b->bytes;
        return 0;
    case BLKSSZGET:
        *(int *)argument = b->block;
        return 0;
    case BLKROGET:
        *(int *)argument = read_only(b);
        return 0;
    case BLKFLSBUF:
        return sync_op(f, 1);
    case BLKDISCARD:
        return clear(f, VIRTIO_BLK_DISCARD, VIRTIO_BLK_F_DISCARD, argument);
    case BLKZEROOUT:
        return clear(f, VIRTIO_BLK_WRITE_ZEROES, VIRTIO_BLK_F_WRITE_ZEROES,
                     argument);
    default:
        return -ENOTTY;
    }
}

const struct file_ops blk_file_ops = {.open = open_op,
                                      .read = read_op,
                                      .write = write_op,
                                      .seek = seek_op,
                                      .stat = stat_op,
                                      .sync = sync_op,
                                      .control = control_op};
