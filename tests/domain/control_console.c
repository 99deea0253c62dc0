// SPDX-License-Identifier: ISC
// A domain's console as its controller has it: limits, logs that roll, input.

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "tests/domain/control_case.h"

void test_console_limit(struct driven *d)
{
    const struct hvc_prepare p = {
        .flags = HVC_F_GO, .lease_ns = UINT64_MAX, .console_bytes_max = 1000};
    char *const argv[] = {"attack_burn", "console", NULL};
    int fd = image("attack_burn"),
        sink = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    struct hvc_exited x;

    drive_prepare(d, &p, argv, fd, sink);
    close(fd);
    while (d->page->console_dropped_bytes < 1000000)
        usleep(1000);
    stop(d, HVC_STOPPED);
    drive_await(d, HVC_EXITED, &x);
    CHECK(d->page->console_out_bytes == 1000);
    CHECK(lseek(sink, 0, SEEK_END) == 1000);
    close(sink);
}

// A log that rolls: everything was written, the last of it takes up room.
void test_console_rolls(struct driven *d)
{
    const struct hvc_prepare p = {.flags = HVC_F_GO | HVC_F_ROLL,
                                  .lease_ns = UINT64_MAX,
                                  .console_bytes_max = 100000};
    char *const argv[] = {"attack_burn", "console", NULL};
    int fd = image("attack_burn"),
        sink = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    uint64_t at = 1; // not the beginning of a page
    struct hvc_exited x;
    struct stat st;
    char byte;

    CHECK(write(sink, "earlier", 7) == 7);
    drive_prepare(d, &p, argv, fd, sink);
    close(fd);
    while (d->page->console_out_bytes < 1000000)
        usleep(1000);
    stop(d, HVC_STOPPED);
    drive_await(d, HVC_EXITED, &x);
    CHECK(d->page->console_dropped_bytes == 0);
    CHECK(fstat(sink, &st) == 0);
    CHECK((uint64_t)st.st_size == d->page->console_out_bytes + 7);
    CHECK(st.st_blocks * 512 >= 100000 && st.st_blocks * 512 < 300000);
    CHECK(rolling_read(sink, &byte, 1, &at) == 1 && byte != 0);
    CHECK(at + 100000 <= (uint64_t)st.st_size);
    CHECK(at + 300000 > (uint64_t)st.st_size);
    at = (uint64_t)st.st_size;
    CHECK(rolling_read(sink, &byte, 1, &at) == 0);
    close(sink);
}

// Nobody reads: the guest waits, the monitor does not.
void test_console_stuck(struct driven *d)
{
    struct hvc_exited x;
    int p[2];

    CHECK(pipe2(p, O_CLOEXEC) == 0);
    start(d, "attack_burn", "console", UINT64_MAX, p[1]);
    while (d->page->console_out_bytes < 16384)
        usleep(1000);
    stop(d, HVC_STOPPED);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_STOPPED);
    close(p[0]);
    close(p[1]);
}

void test_console_closed(struct driven *d)
{
    struct hvc_exited x;
    int p[2];

    CHECK(pipe2(p, O_CLOEXEC) == 0);
    close(p[0]);
    start(d, "abi_hello", "5", UINT64_MAX, p[1]);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 5);
    CHECK(d->page->console_dropped_bytes > 0);
    close(p[1]);
}

static void send_input(struct driven *d, const char *text)
{
    struct hvc_input in = {.head.type = HVC_INPUT,
                           .offset = HVC_INPUT_HERE,
                           .flags = *text ? 0 : HVC_INPUT_END,
                           .len = strlen(text)};

    memcpy(in.data, text, in.len);
    in.head.size = offsetof(struct hvc_input, data) + in.len;
    drive_send(d, &in, in.head.size);
}

static void await_taken(struct driven *d, struct hvc_taken *t)
{
    CHECK(sock_recv(d->conn_fd, t, sizeof(*t), NULL, NULL) == sizeof(*t));
    CHECK(t->head.type == HVC_TAKEN);
}

// One message as it is; the monitor's answer.
static void offer_one(struct driven *d, uint64_t writer, uint64_t offset,
                      uint32_t flags, const char *data, uint32_t len,
                      struct hvc_taken *t)
{
    struct hvc_input in = {
        .tag = offset, .writer = writer, .offset = offset, .flags = flags};

    in.len = len;
    memcpy(in.data, data, len);
    in.head =
        (struct hvc_head){HVC_INPUT, offsetof(struct hvc_input, data) + len};
    drive_send(d, &in, in.head.size);
    await_taken(d, t);
    CHECK(t->tag == offset);
}

static struct hvc_taken offer(struct driven *d, uint64_t writer,
                              uint64_t offset, uint32_t flags, const char *data,
                              uint32_t len)
{
    struct hvc_taken t = {0};

    offer_one(d, writer, offset, flags, data, len, &t);
    return t;
}

// The stream's positions, its one writer, and its end.
void test_input_stream(struct driven *d)
{
    const uint32_t take = HVC_INPUT_TAKE, end = HVC_INPUT_END;
    struct hvc_exited x;
    struct hvc_taken t;
    char got[9] = "";
    int p[2];

    CHECK(pipe2(p, O_CLOEXEC) == 0);
    start(d, "abi_input", NULL, UINT64_MAX, p[1]);
    t = offer(d, 1, 0, take, "", 0);
    CHECK(t.result == HVC_TAKEN_OK && t.position == 0 && !t.ended);
    t = offer(d, 1, 0, 0, "abc", 3);
    CHECK(t.result == HVC_TAKEN_OK && t.position == 3 && t.accepted == 3);
    t = offer(d, 1, 1, 0, "bcd", 3); // half of it is known
    CHECK(t.result == HVC_TAKEN_OK && t.position == 4 && t.accepted == 3);
    t = offer(d, 1, 6, 0, "x", 1);
    CHECK(t.result == HVC_TAKEN_GAP && t.position == 4 && t.accepted == 0);
    t = offer(d, 2, 4, 0, "x", 1);
    CHECK(t.result == HVC_TAKEN_WRITER && t.position == 4);
    t = offer(d, 2, 4, take, "ef", 2);
    CHECK(t.result == HVC_TAKEN_OK && t.position == 6);
    t = offer(d, 1, 6, 0, "x", 1);
    CHECK(t.result == HVC_TAKEN_WRITER);
    // A successor of the controller finds the stream where it was.
    close(d->conn_fd);
    CHECK(drive_connect(d) == HVC_RUNNING);
    t = offer(d, 2, HVC_INPUT_HERE, 0, "gh", 2);
    CHECK(t.result == HVC_TAKEN_OK && t.position == 8 && t.accepted == 2);
    t = offer(d, 2, 8, end, "", 0);
    CHECK(t.result == HVC_TAKEN_OK && t.ended);
    for (size_t n = 0; n < 8;) {
        ssize_t r = read(p[0], got + n, 8 - n);

        CHECK(r > 0);
        n += r;
    }
    CHECK(strcmp(got, "abcdefgh") == 0);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && d->page->console_in_bytes == 8);
    close(p[0]);
    close(p[1]);
}

// A guest that does not read: what fits is taken, then nothing, and the answer
// waits until somebody else asks. Nothing taken is lost.
void test_input_full(struct driven *d)
{
    struct hvc_input in = {.tag = 7, .offset = HVC_INPUT_HERE, .len = 4096};
    struct hvc_exited x;
    struct hvc_taken t;
    const uint64_t room = 16384 + HV_CONSOLE_IN;
    uint64_t at = 0;

    start(d, "attack_burn", "spin", UINT64_MAX, null_fd);
    in.head =
        (struct hvc_head){HVC_INPUT, offsetof(struct hvc_input, data) + 4096};
    while (at < room) {
        drive_send(d, &in, in.head.size);
        await_taken(d, &t);
        CHECK(t.result == HVC_TAKEN_OK && t.accepted);
        CHECK(t.position == at + t.accepted && t.position <= room);
        at = t.position;
    }
    drive_send(d, &in, in.head.size);
    in.tag = 8;
    drive_send(d, &in, in.head.size);
    await_taken(d, &t);
    CHECK(t.tag == 7 && t.result == HVC_TAKEN_FULL && t.position == at);
    // The end is behind all that, and may be said again.
    in = (struct hvc_input){
        .tag = 9, .offset = at, .flags = HVC_INPUT_END, .len = 0};
    in.head = (struct hvc_head){HVC_INPUT, offsetof(struct hvc_input, data)};
    drive_send(d, &in, in.head.size);
    await_taken(d, &t);
    CHECK(t.tag == 8 && t.result == HVC_TAKEN_FULL);
    await_taken(d, &t);
    CHECK(t.tag == 9 && t.result == HVC_TAKEN_OK && t.ended);
    t = offer(d, 0, at, HVC_INPUT_END, "", 0);
    CHECK(t.result == HVC_TAKEN_OK && t.ended);
    t = offer(d, 0, at, 0, "x", 1);
    CHECK(t.result == HVC_TAKEN_ENDED && t.position == at);
    stop(d, HVC_STOPPED);
    drive_await(d, HVC_EXITED, &x);
    CHECK(d->page->console_in_bytes == HV_CONSOLE_IN);
}

void test_input(struct driven *d)
{
    struct hvc_exited x;
    struct hvc_taken t;
    char got[6] = "";
    int p[2];

    CHECK(pipe2(p, O_CLOEXEC) == 0);
    start(d, "abi_input", NULL, UINT64_MAX, p[1]);
    send_input(d, "hello");
    await_taken(d, &t);
    for (size_t n = 0; n < 5;) {
        ssize_t r = read(p[0], got + n, 5 - n);

        CHECK(r > 0);
        n += r;
    }
    CHECK(strcmp(got, "hello") == 0);
    send_input(d, ""); // the end
    await_taken(d, &t);
    CHECK(t.ended && t.position == 5);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && d->page->console_in_bytes == 5);
    close(p[0]);
    close(p[1]);
}
