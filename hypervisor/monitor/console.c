// SPDX-License-Identifier: ISC
// A domain's console; see console.h.

#include "hypervisor/monitor/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hypervisor/monitor/event.h"

// A pipe that polls writable takes this much without blocking (PIPE_BUF).
#define SINK_PIECE 4096
// How long the last words of a dead guest may wait for a slow reader.
#define FINISH_MS 2000
// A rolling log is cut when it is this much too long.
#define ROLL_PIECE (64u * 1024)

static struct hv_console *ring_of(const struct console *c)
{
    return (struct hv_console *)(c->domain->window + HV_CONSOLE_OFFSET);
}

void console_open(struct console *c, struct domain *d, struct hvc_page *page,
                  int sink_fd, int source_fd, uint64_t limit, bool roll)
{
    struct stat st = {0};

    // Zero otherwise; the queue's pages are not to be there before its bytes.
    c->domain = d;
    c->page = page;
    c->sink_fd = sink_fd;
    c->source_fd = source_fd;
    c->limit = limit;
    c->files_fd = -1;
    c->sink_waits = fstat(sink_fd, &st) < 0 || !S_ISREG(st.st_mode);
    c->rolls = roll && !c->sink_waits && limit < INT64_MAX;
    c->base = st.st_size;
}

// Where the sink is a rolling log, gives back what is too old. One whose file
// system cannot make holes is an ordinary one from here on.
static void sink_roll(struct console *c)
{
    uint64_t end = c->base + c->page->console_out_bytes, to;

    if (!c->rolls || end - c->hole < c->limit + ROLL_PIECE)
        return;
    to = (end - c->limit) / HV_PAGE * HV_PAGE;
    if (fallocate(c->sink_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  c->hole, to - c->hole) == 0)
        c->hole = to;
    else
        c->rolls = false;
}

void console_take_files(struct console *c, int files_fd, uint32_t max)
{
    c->files_fd = files_fd;
    c->files_max = max;
    ring_of(c)->files_max = max;
}

static bool sink_ready(const struct console *c, int timeout_ms)
{
    struct pollfd p = {.fd = c->sink_fd, .events = POLLOUT};

    return !c->sink_waits || poll(&p, 1, timeout_ms) > 0;
}

// Writes some of ring[out_cons .. +len).
static ssize_t ring_write(const struct console *c, int fd, uint32_t len)
{
    struct hv_console *r = ring_of(c);
    uint32_t at = c->out_cons % HV_CONSOLE_OUT;
    uint32_t first = MIN(len, HV_CONSOLE_OUT - at);
    const struct iovec iov[] = {{r->out + at, first}, {r->out, len - first}};

    return writev(fd, iov, len > first ? 2 : 1);
}

// How much was written, or 0 if the sink is full.
static uint32_t sink_write(struct console *c, uint32_t len, int timeout_ms)
{
    ssize_t n;

    if (c->sink_waits)
        len = MIN(len, SINK_PIECE);
    if (!sink_ready(c, timeout_ms))
        return 0;
    n = ring_write(c, c->sink_fd, len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) { // nobody reads any more, or the disk is full
        c->page->console_dropped_bytes += len;
        return len;
    }
    c->page->console_out_bytes += n;
    sink_roll(c);
    return n;
}

// Room in the input ring, or -EPROTO.
static int input_room(const struct console *c)
{
    uint32_t cons = __atomic_load_n(&ring_of(c)->in_cons, __ATOMIC_ACQUIRE);
    uint32_t used = c->in_prod - cons;

    return used > HV_CONSOLE_IN ? -EPROTO : (int)(HV_CONSOLE_IN - used);
}

// How much of the next `len` bytes is console output; the rest is files.
static uint32_t before_files(const struct console *c, uint32_t len)
{
    return c->files ? MIN(len, c->files_from - c->out_cons) : len;
}

// Reads once where files begin: among what is in the ring, so what lies
// before is told from what lies behind by the distance alone.
static int files_look(struct console *c, uint32_t had)
{
    struct hv_console *r = ring_of(c);

    if (c->files || !c->files_max ||
        !__atomic_load_n(&r->files, __ATOMIC_ACQUIRE))
        return 0;
    c->files_from = __atomic_load_n(&r->files_from, __ATOMIC_RELAXED);
    c->files = true;
    return c->files_from - c->out_cons <= had ? 0 : -EPROTO;
}

// All of it: a regular file does not keep anybody waiting.
static void files_write(struct console *c, uint32_t len)
{
    uint64_t left = c->files_max - MIN(c->files_max, c->page->files_bytes);
    uint32_t keep = MIN(len, left);

    while (keep) {
        ssize_t n = ring_write(c, c->files_fd, keep);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; // the disk is full: the archive is cut, and reads as such
        c->page->files_bytes += n;
        c->out_cons += n;
        c->files_from += n;
        keep -= n;
        len -= n;
    }
    c->out_cons += len;
    c->files_from += len;
}

static int output(struct console *c, int timeout_ms)
{
    struct hv_console *r = ring_of(c);
    uint32_t prod = __atomic_load_n(&r->out_prod, __ATOMIC_ACQUIRE);
    uint32_t had = prod - c->out_cons;

    if (had > HV_CONSOLE_OUT || input_room(c) < 0 || files_look(c, had) < 0)
        return -EPROTO;
    c->sink_full = false;
    while (prod != c->out_cons) {
        uint64_t left = c->limit - MIN(c->limit, c->page->console_out_bytes);
        uint32_t all = before_files(c, prod - c->out_cons);
        uint32_t len = c->rolls ? all : MIN(all, left);

        if (all == 0) {
            files_write(c, prod - c->out_cons);
            break;
        }
        if (len == 0) {
            c->page->console_dropped_bytes += all;
            c->out_cons += all;
            continue;
        }
        len = sink_write(c, len, timeout_ms);
        c->out_cons += len;
        if (len == 0) {
            c->sink_full = true;
            break;
        }
    }
    __atomic_store_n(&r->out_cons, c->out_cons, __ATOMIC_RELEASE);
    // A guest that found the ring full, perhaps by what it put there meanwhile,
    // waits: then this piece or the one that it has announced is half a ring.
    if (had >= HV_CONSOLE_OUT / 2)
        event_raise(c->domain, 0, HV_PORT_CONSOLE);
    return 0;
}

int console_output(struct console *c)
{
    return output(c, 0);
}

void console_finish(struct console *c)
{
    output(c, FINISH_MS);
}

static void input_push(struct console *c, const char *data, size_t len)
{
    struct hv_console *r = ring_of(c);

    for (size_t i = 0; i < len; i++)
        r->in[c->in_prod++ % HV_CONSOLE_IN] = data[i];
    c->page->console_in_bytes += len;
    __atomic_store_n(&r->in_prod, c->in_prod, __ATOMIC_RELEASE);
    event_raise(c->domain, 0, HV_PORT_CONSOLE);
}

static void input_eof(struct console *c)
{
    c->eof = true;
    __atomic_store_n(&ring_of(c)->in_eof, 1, __ATOMIC_RELEASE);
    event_raise(c->domain, 0, HV_PORT_CONSOLE);
}

// From the source, which the loop has found readable.
int console_input(struct console *c)
{
    char data[HV_CONSOLE_IN];
    int room = input_room(c);
    ssize_t n;

    if (room <= 0 || c->source_fd < 0 || c->eof)
        return MIN(room, 0);
    n = read(c->source_fd, data, room);
    if (n > 0)
        input_push(c, data, n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        input_eof(c);
    return 0;
}

// From messages: as much of the queue as there is room for, then the end.
static void queue_flush(struct console *c)
{
    while (c->queued) {
        uint32_t at = (c->taken - c->queued) % CONSOLE_QUEUE_MAX;
        uint32_t n = MIN(c->queued, CONSOLE_QUEUE_MAX - at);

        n = MIN(n, (uint32_t)MAX(input_room(c), 0));
        if (n == 0)
            return;
        input_push(c, c->queue + at, n);
        c->queued -= n;
    }
    if (c->ending && !c->eof)
        input_eof(c);
}

static void queue_push(struct console *c, const char *data, uint32_t len)
{
    while (len) {
        uint32_t at = c->taken % CONSOLE_QUEUE_MAX;
        uint32_t n = MIN(len, CONSOLE_QUEUE_MAX - at);

        memcpy(c->queue + at, data, n);
        c->queued += n;
        c->taken += n;
        data += n;
        len -= n;
    }
}

enum hvc_taken_result
console_queue(struct console *c, const struct hvc_input *in, uint32_t *accepted)
{
    uint64_t offset = in->offset == HVC_INPUT_HERE ? c->taken : in->offset;
    uint64_t old; // bytes of it that were taken before
    uint32_t n, rest;

    *accepted = 0;
    if (in->flags & HVC_INPUT_TAKE)
        c->writer = in->writer;
    if (in->writer != c->writer)
        return HVC_TAKEN_WRITER;
    if (offset > c->taken)
        return HVC_TAKEN_GAP;
    old = MIN(c->taken - offset, in->len);
    rest = in->len - old;
    *accepted = old;
    if (rest && (c->ending || c->eof))
        return HVC_TAKEN_ENDED;
    queue_flush(c);
    n = MIN(rest, CONSOLE_QUEUE_MAX - c->queued);
    queue_push(c, in->data + old, n);
    *accepted += n;
    if (n == rest && (in->flags & HVC_INPUT_END))
        c->ending = true;
    queue_flush(c);
    return rest && !n ? HVC_TAKEN_FULL : HVC_TAKEN_OK;
}

bool console_has_room(const struct console *c)
{
    return CONSOLE_QUEUE_MAX - c->queued >= HVC_INPUT_MAX;
}

bool console_wants_input(struct console *c)
{
    queue_flush(c);
    return c->source_fd >= 0 && !c->eof && input_room(c) > 0;
}
