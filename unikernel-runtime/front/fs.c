// SPDX-License-Identifier: ISC
/*
 * The front end of file systems. Requests and answers pass through slots in
 * the I/O window, data through buffers beside them. What an answer says of
 * itself is copied once and bounded by what was asked for. Compiled without
 * vector registers, because of the event handler.
 */
#include "unikernel-runtime/front/fs.h"
#include "unikernel-runtime/front/front.h"
#include "unikernel-runtime/front/spin.h"
#include "unikernel-runtime/front/window.h"
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_SIZE  128
#define FORGET_SIZE 64
#define SLOTS       32 // requests under way
#define VOLUMES_MAX HV_DEVICE_MAX
// A back end that answers nothing for so many seconds in which we were awake
// is given up.
#define SILENCE_S 120

// In the window.
struct fs_slot {
    struct fuse_in_header in;
    uint8_t args[FS_ARGS_LEN];
    struct fuse_out_header out;
    uint8_t answer[FS_ANSWER_MAX];
};
#define SLOT_LEN 2560u // whole cache lines, and a few to a page
_Static_assert(sizeof(struct fs_slot) <= SLOT_LEN, "slots");

struct fs_front {
    struct front front;
    struct virtq forgets, queue;
    char *slots;
    struct fs_call *call[SLOTS]; // whose slot it is
    uint32_t slots_free;
    struct spin spin;
    unsigned sleepers;
    struct waitq room;
    uint64_t came_back, unique;
    int failed;
};

static struct fs_front *fronts[VOLUMES_MAX];

static const uint8_t errors[] = {
#define E(linux, ours) [linux] = ours
    E(35, EDEADLK),    E(36, ENAMETOOLONG), E(37, ENOLCK),  E(38, ENOSYS),
    E(39, ENOTEMPTY),  E(40, ELOOP),        E(61, ENODATA), E(62, ETIME),
    E(71, EPROTO),     E(75, EOVERFLOW),    E(84, EILSEQ),  E(95, EOPNOTSUPP),
    E(110, ETIMEDOUT), E(116, ESTALE),      E(122, EDQUOT),
};

// Up to ERANGE the numbers are the same everywhere.
static int error_of(int32_t linux)
{
    if (linux >= 0)
        return linux ? -EIO : 0;
    if (linux >= -34)
        return linux;
    if (linux < -(int32_t)sizeof errors || linux <= -4096)
        return -EIO;
    int e = linux > -(int32_t)sizeof errors ? errors[-linux] : 0;
    return e ? -e : -EIO;
}

// ------------------------------------------------------------- coming back

static void call_end(struct fs_call *c, int result)
{
    c->result = result;
    c->done = 1;
    sched_wake_all(&c->waiter);
}

// Nothing will come back any more; slots and buffers are not used again.
static void fail(struct fs_front *f)
{
    f->failed = 1;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct fs_call *c = f->call[i];
        f->call[i] = NULL;
        if (c) {
            c->lost = 1;
            call_end(c, -EIO);
        }
    }
    sched_wake_all(&f->room);
}

static unsigned number_of(const struct fs_front *f, const struct fs_slot *s)
{
    return ((const char *)s - f->slots) / SLOT_LEN;
}

static void slot_give(struct fs_front *f, struct fs_slot *s)
{
    f->slots_free |= 1u << number_of(f, s);
    sched_wake_all(&f->room);
}

static void collect(struct fs_front *f)
{
    uint32_t len;
    struct fs_slot *s;
    while ((s = virtq_take(&f->queue, &len))) {
        unsigned n = number_of(f, s);
        struct fs_call *c = f->call[n];
        f->call[n] = NULL;
        f->came_back++;
        if (c)
            call_end(c, 0);
    }
    while ((s = virtq_take(&f->forgets, &len)))
        slot_give(f, s);
}

// Events are asked for only while somebody sleeps. The handler of the device's
// event, and called by who waits.
static void fs_event(struct front *front)
{
    struct fs_front *f = (struct fs_front *)front;
    do
        collect(f);
    while (f->sleepers && (virtq_arm(&f->queue) | virtq_arm(&f->forgets)) &&
           !f->queue.broken && !f->forgets.broken);
    if (f->queue.broken || f->forgets.broken || front_failed(front))
        fail(f);
}

// -------------------------------------------------------------- going there

static int fs_sleep(struct fs_front *f, struct waitq *q, uint64_t deadline_ns)
{
    int r = 0;
    f->sleepers++;
    if (virtq_arm(&f->queue) | virtq_arm(&f->forgets))
        fs_event(&f->front);
    else
        r = sched_wait(q, deadline_ns);
    f->sleepers--;
    return r;
}

// Scheduler locked. NULL: it has failed.
static struct fs_slot *slot_take(struct fs_front *f)
{
    while (!f->failed &&
           (!f->slots_free || f->queue.nfree < 4 || f->forgets.nfree < 1)) {
        fs_event(&f->front);
        if (!f->failed &&
            (!f->slots_free || f->queue.nfree < 4 || f->forgets.nfree < 1))
            fs_sleep(f, &f->room, clock_real_ns() + NS_PER_S);
    }
    if (f->failed)
        return NULL;
    unsigned n = __builtin_ctz(f->slots_free);
    f->slots_free &= ~(1u << n);
    return (struct fs_slot *)(f->slots + n * SLOT_LEN);
}

static size_t fill(struct fs_front *f, struct fs_slot *s,
                   const struct fs_call *c)
{
    size_t len = 0;
    for (unsigned i = 0; i < FS_ARGS; i++) {
        memcpy(s->args + len, c->arg[i].at, c->arg[i].len);
        len += c->arg[i].len;
    }
    s->in = (struct fuse_in_header){
        .len = sizeof s->in + len + c->data_len,
        .opcode = c->opcode,
        .unique = f->unique += 2,
        .nodeid = c->node,
        .pid = 1,
    };
    s->out = (struct fuse_out_header){.error = -EIO};
    return sizeof s->in + len;
}

static void send(struct fs_front *f, struct fs_slot *s, struct fs_call *c,
                 size_t len)
{
    struct virtq_piece p[4] = {{&s->in, len}};
    unsigned out = 1, in = 0;
    if (c->data_len)
        p[out++] = (struct virtq_piece){c->buffer, c->data_len};
    if (!c->silent)
        p[out + in++] =
            (struct virtq_piece){&s->out, sizeof s->out + c->answer_len};
    if (c->into_len)
        p[out + in++] = (struct virtq_piece){c->buffer, c->into_len};
    struct virtq *q = c->silent ? &f->forgets : &f->queue;
    virtq_add(q, p, out, in, s); // there is room: see slot_take
    if (!c->silent) {
        f->call[number_of(f, s)] = c;
        c->slot = s;
    }
    front_kick(&f->front, q);
}

// As much of a buffer as is there; sleeps until there is one.
static void buffer_take(struct fs_front *f, struct fs_call *c)
{
    c->buffer_len = c->data_len + c->into_len;
    while (c->buffer_len && !f->failed &&
           !(c->buffer = window_alloc(c->buffer_len)))
        window_wait();
    if (c->buffer && c->data_len)
        c->give(c->argument, c->buffer, c->data_len);
}

void fs_begin(struct fs_front *f, struct fs_call *c)
{
    thread_self()->locks++;
    c->slot = NULL;
    c->buffer = NULL;
    c->waiter = (struct waitq){0};
    c->done = c->lost = 0;
    c->result = -EIO;
    size_t len = 0;
    for (unsigned i = 0; i < FS_ARGS; i++)
        len += c->arg[i].len;
    if (len > FS_ARGS_LEN || c->data_len > FS_DATA_MAX ||
        c->into_len > FS_DATA_MAX || c->answer_len > FS_ANSWER_MAX) {
        c->result = -ENAMETOOLONG;
        c->done = 1;
        return;
    }
    buffer_take(f, c);
    sched_lock();
    struct fs_slot *s = slot_take(f);
    if (s)
        send(f, s, c, fill(f, s, c));
    else
        c->done = 1;
    sched_unlock();
}

static int something_came(void *queue)
{
    return virtq_ready(queue);
}

// Until it is done, or hope is.
static void await(struct fs_front *f, struct fs_call *c)
{
    unsigned silent_s = 0;
    uint64_t start_ns = c->done ? 0 : clock_real_ns();
    if (!c->done && !virtq_ready(&f->queue))
        spin_while_quiet(&f->spin, something_came, &f->queue);
    fs_event(&f->front);
    while (!c->done) {
        uint64_t before = f->came_back;
        int e = fs_sleep(f, &c->waiter, clock_real_ns() + NS_PER_S);
        if (f->came_back != before)
            silent_s = 0;
        else if (e == -ETIMEDOUT && ++silent_s >= SILENCE_S)
            fail(f);
    }
    if (start_ns)
        spin_learn(&f->spin, clock_real_ns() - start_ns);
}

// What the answer is, once it is in our hands.
static ssize_t take_answer(struct fs_call *c)
{
    struct fs_slot *s = c->slot;
    uint32_t len = __atomic_load_n(&s->out.len, __ATOMIC_RELAXED);
    int error = error_of(__atomic_load_n(&s->out.error, __ATOMIC_RELAXED));
    if (__atomic_load_n(&s->out.unique, __ATOMIC_RELAXED) != s->in.unique)
        return -EIO;
    if (error)
        return error;
    size_t fixed = sizeof s->out + c->answer_len;
    if (len < fixed || len - fixed > c->into_len)
        return -EIO;
    if (c->answer_len)
        memcpy(c->answer, s->answer, c->answer_len);
    if (c->into_len)
        c->take(c->argument, c->buffer, len - fixed);
    return len - fixed;
}

ssize_t fs_finish(struct fs_front *f, struct fs_call *c)
{
    sched_lock();
    if (!c->done)
        await(f, c);
    sched_unlock();
    ssize_t r = c->result;
    if (c->slot && !c->lost) {
        r = take_answer(c);
        sched_lock();
        slot_give(f, c->slot);
        sched_unlock();
    }
    if (c->buffer && !c->lost)
        window_free(c->buffer, c->buffer_len);
    struct thread *self = thread_self();
    if (--self->locks == 0 && self->signalled)
        sched_work_now();
    return r;
}

ssize_t fs_call(struct fs_front *f, struct fs_call *c)
{
    if (!c->silent) {
        fs_begin(f, c);
        return fs_finish(f, c);
    }
    fs_begin(f, c);
    c->done = 1; // the slot comes back by itself
    c->result = 0;
    return fs_finish(f, c);
}

// -------------------------------------------------------------- the device

static int start(struct fs_front *f)
{
    const struct fuse_init_in in = {
        .major = FUSE_MAJOR,
        .minor = FUSE_MINOR,
        .max_readahead = FS_DATA_MAX,
        .flags = FUSE_ASYNC_READ | FUSE_POSIX_LOCKS | FUSE_ATOMIC_O_TRUNC |
                 FUSE_BIG_WRITES | FUSE_FLOCK_LOCKS | FUSE_MAX_PAGES,
    };
    struct fuse_init_out out;
    struct fs_call c = {.opcode = FUSE_INIT,
                        .arg = {{&in, sizeof in}},
                        .answer = &out,
                        .answer_len = sizeof out};
    ssize_t r = fs_call(f, &c);
    if (r < 0)
        return r;
    return out.major == FUSE_MAJOR && out.minor >= FUSE_MINOR &&
                   out.max_write >= FS_DATA_MAX
               ? 0
               : -EIO;
}

static int make(struct fs_front *f, const struct hv_device *device)
{
    struct virtq *queues[] = {&f->forgets, &f->queue};
    f->slots = window_alloc(SLOTS * SLOT_LEN);
    f->slots_free = UINT32_MAX;
    if (!f->slots || virtq_make(&f->forgets, FORGET_SIZE) < 0 ||
        virtq_make(&f->queue, QUEUE_SIZE) < 0)
        return -ENOMEM;
    front_open(&f->front, device, fs_event);
    int r = front_start(&f->front, 0, queues, 2);
    return r < 0 ? r : start(f);
}

unsigned fs_count(void)
{
    unsigned n = 0;
    while (n < VOLUMES_MAX && front_find(HV_DEV_FS, n))
        n++;
    return n;
}

// The caller sees to it that nobody else does the same.
struct fs_front *fs_open(unsigned n)
{
    if (!fronts[n]) {
        struct fs_front *f = calloc(1, sizeof *f);
        if (f && make(f, front_find(HV_DEV_FS, n)) < 0)
            f->failed = 1; // its events are bound: it stays
        fronts[n] = f;
    }
    return fronts[n];
}

void fs_describe(unsigned n, char *mount, size_t len, uint32_t *flags)
{
    const struct hv_device *d = front_find(HV_DEV_FS, n);
    struct front f = {
        .control =
            (volatile struct hv_device_control *)(HV_WINDOW_VA + d->control)};
    struct hv_fs_config c;
    front_config(&f, &c, HV_FS_CONFIG, sizeof c);
    c.mount[sizeof c.mount - 1] = '\0';
    strlcpy(mount, c.mount, len);
    *flags = c.flags;
}
