// SPDX-License-Identifier: ISC
// The monitor's io_uring; see uring.h.

#include "hypervisor/dev/uring.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPERATIONS_MAX 6

static const struct {
    const char *name; // in messages
    bool announces;   // by an eventfd
    unsigned n;
    uint8_t operation[OPERATIONS_MAX];
} uses[] = {
    [URING_DISKS] = {"the ring of disks",
                     true,
                     6,
                     {
                         IORING_OP_READ,      // disks
                         IORING_OP_READV,     // ... from several buffers
                         IORING_OP_WRITE,     // disks
                         IORING_OP_WRITEV,    // ... to several buffers
                         IORING_OP_FSYNC,     // flush
                         IORING_OP_FALLOCATE, // discard, write zeroes
                     }},
    [URING_FRAMES] = {"the ring of frames",
                      false,
                      2,
                      {
                          IORING_OP_READ,  // frames in
                          IORING_OP_WRITE, // frames out
                      }},
};

static int enter(const struct uring *u, unsigned submit, unsigned flags)
{
    return syscall(SYS_io_uring_enter, u->fd, submit, 0, flags, NULL, 0);
}

static int change(const struct uring *u, unsigned op, const void *arg,
                  unsigned n)
{
    return syscall(SYS_io_uring_register, u->fd, op, arg, n);
}

// Completions are worked off when we ask for them, not in our spare moments
// (6.1); without that, as the kernel likes.
static int setup(struct io_uring_params *p)
{
    static const unsigned wishes[] = {IORING_SETUP_SINGLE_ISSUER |
                                          IORING_SETUP_DEFER_TASKRUN |
                                          IORING_SETUP_TASKRUN_FLAG,
                                      0};
    int fd = -1;

    for (size_t i = 0; fd < 0 && i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        *p = (struct io_uring_params){.flags =
                                          IORING_SETUP_R_DISABLED | wishes[i]};
        fd = syscall(SYS_io_uring_setup, URING_ENTRIES, p);
        if (fd < 0 && errno != EINVAL)
            break;
    }
    return fd;
}

// What it may do from now on: register nothing, and its operations.
static int restrict_to(const struct uring *u, enum uring_use use, struct err *e)
{
    struct io_uring_restriction r[OPERATIONS_MAX] = {0};
    unsigned workers[2] = {URING_WORKERS, URING_WORKERS};

    for (size_t i = 0; i < uses[use].n; i++) {
        r[i].opcode = IORING_RESTRICTION_SQE_OP;
        r[i].sqe_op = uses[use].operation[i];
    }
    // A ring whose completions wait for us is not readable before we look; an
    // eventfd is.
    if ((u->event_fd >= 0 &&
         change(u, IORING_REGISTER_EVENTFD, &u->event_fd, 1) < 0) ||
        change(u, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2) < 0 ||
        change(u, IORING_REGISTER_RESTRICTIONS, r, uses[use].n) < 0 ||
        change(u, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0)
        return err_errno(e, "restricting %s", uses[use].name);
    return 0;
}

static void *map(const struct uring *u, size_t len, uint64_t what)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                   u->fd, what);

    return p == MAP_FAILED ? NULL : p;
}

static int map_rings(struct uring *u, const struct io_uring_params *p,
                     enum uring_use use, struct err *e)
{
    size_t sq_len = p->sq_off.array + p->sq_entries * sizeof(unsigned);
    size_t cq_len =
        p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
    size_t len = sq_len > cq_len ? sq_len : cq_len;
    uint8_t *rings = map(u, len, IORING_OFF_SQ_RING);
    unsigned *array;

    u->sqes =
        map(u, p->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    if (!(p->features & IORING_FEAT_SINGLE_MMAP) || !rings || !u->sqes)
        return err_errno(e, "mapping %s", uses[use].name);
    u->sq_head = (unsigned *)(rings + p->sq_off.head);
    u->sq_tail = (unsigned *)(rings + p->sq_off.tail);
    u->sq_flags = (unsigned *)(rings + p->sq_off.flags);
    u->cq_head = (unsigned *)(rings + p->cq_off.head);
    u->cq_tail = (unsigned *)(rings + p->cq_off.tail);
    u->cq_flags = (unsigned *)(rings + p->cq_off.flags);
    uring_announce(u, false);
    u->cqes = (struct io_uring_cqe *)(rings + p->cq_off.cqes);
    u->sq_mask = p->sq_entries - 1;
    u->cq_mask = p->cq_entries - 1;
    // Entries are used in their order.
    array = (unsigned *)(rings + p->sq_off.array);
    for (unsigned i = 0; i < p->sq_entries; i++)
        array[i] = i;
    return 0;
}

int uring_make(struct uring *u, enum uring_use use, struct err *e)
{
    struct io_uring_params p;

    *u = (struct uring){.fd = setup(&p), .event_fd = -1};
    if (u->fd < 0)
        return err_errno(e, "io_uring");
    if (uses[use].announces)
        u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (map_rings(u, &p, use, e) < 0 || restrict_to(u, use, e) < 0) {
        if (u->event_fd >= 0)
            close(u->event_fd);
        close(u->fd);
        u->fd = -1;
        return -e->code;
    }
    return 0;
}

struct io_uring_sqe *uring_sqe(struct uring *u)
{
    struct io_uring_sqe *s;

    if (u->tail - __atomic_load_n(u->sq_head, __ATOMIC_ACQUIRE) > u->sq_mask)
        uring_submit(u);
    s = &u->sqes[u->tail & u->sq_mask];
    *s = (struct io_uring_sqe){0};
    u->tail++;
    u->pending++;
    u->in_flight++;
    return s;
}

void uring_submit(struct uring *u)
{
    if (u->pending)
        __atomic_store_n(u->sq_tail, u->tail, __ATOMIC_RELEASE);
    while (u->pending) {
        int n = enter(u, u->pending, 0);

        if (n > 0)
            u->pending -= n;
        else if (n == 0 || errno == EBUSY || errno == EAGAIN)
            enter(u, 0, IORING_ENTER_GETEVENTS); // it wants to be emptied
        else if (errno != EINTR)
            break; // our own bug; the requests are never answered
    }
}

void uring_announce(struct uring *u, bool on)
{
    __atomic_store_n(u->cq_flags, on ? 0 : IORING_CQ_EVENTFD_DISABLED,
                     __ATOMIC_SEQ_CST);
}

bool uring_ready(const struct uring *u)
{
    return __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE) != *u->cq_head ||
           __atomic_load_n(u->sq_flags, __ATOMIC_RELAXED) &
               (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

void uring_reap(struct uring *u, void (*done)(uint64_t user_data, int32_t res))
{
    unsigned head = *u->cq_head;

    if (__atomic_load_n(u->sq_flags, __ATOMIC_RELAXED) &
        (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW))
        enter(u, 0, IORING_ENTER_GETEVENTS);
    while (head != __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE)) {
        const struct io_uring_cqe *c = &u->cqes[head & u->cq_mask];
        uint64_t user_data = c->user_data;
        int32_t res = c->res;

        // First, so that `done` may submit again.
        __atomic_store_n(u->cq_head, ++head, __ATOMIC_RELEASE);
        u->in_flight--;
        done(user_data, res);
    }
}
