// SPDX-License-Identifier: ISC
// What the API asks about submissions: long polls, lists, logs, input, an end.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include "lib/clock.h"
#include "tests/unit/keeper_world.h"

static struct world w;

static uint64_t wait_for(const struct bundle_of *b, uint64_t version,
                         uint64_t timeout_ns)
{
    struct msg_wait m = {
        .id = b->id, .version = version, .timeout_ns = timeout_ns};

    memcpy(m.customer.b, b->m.customer, sizeof(m.customer.b));
    world_send(&w, &m, MSG_WAIT, sizeof(m));
    world_turn(&w);
    return w.tag;
}

static void test_waits(void)
{
    struct bundle_of b;
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    uint64_t tag, version;

    bundle_image(&w, &b, 1);
    world_accept(&w, &b, 201);
    version = world_get(&w, &b.id).version;

    wait_for(&b, version - 1, 60000000000u); // it has changed: at once
    world_reply(&w, MSG_WAIT, &any, fds);
    CHECK(any.info.info.version == version);

    wait_for(&b, version, 0); // no patience
    world_turn(&w);
    world_reply(&w, MSG_WAIT, &any, fds);
    CHECK(any.info.info.version == version);

    tag = wait_for(&b, version, 20000000); // nothing happens
    CHECK(world_quiet(&w) && w.k->waiters.n == 1);
    CHECK_WORKS(keeper_turn(w.k, -1, e)); // wakes by itself
    while (w.k->waiters.n)
        CHECK_WORKS(keeper_turn(w.k, -1, e));
    world_reply(&w, MSG_WAIT, &any, fds);
    CHECK(any.head.tag == tag && any.info.info.version == version);

    tag = wait_for(&b, version, 60000000000u); // something does
    CHECK(world_quiet(&w));
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_turn(&w);
    world_reply(&w, MSG_WAIT, &any, fds);
    CHECK(any.head.tag == tag && any.info.info.version > version);
    CHECK(any.info.info.state == SUB_SETTLING);
    world_run(&w);

    version = world_get(&w, &b.id).version;
    wait_for(&b, version, 60000000000u); // done: it will not change again
    world_reply(&w, MSG_WAIT, &any, fds);
    CHECK(any.info.info.state == SUB_DONE && w.k->waiters.n == 0);
}

// One too many is answered at once instead of being remembered.
static void test_waits_bounded(void)
{
    struct bundle_of b;
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    uint64_t version;

    bundle_image(&w, &b, 2);
    world_accept(&w, &b, 201);
    version = world_get(&w, &b.id).version;
    for (unsigned i = 0; i < WAITERS_MAX; i++)
        wait_for(&b, version, 60000000000u);
    CHECK(world_quiet(&w) && w.k->waiters.n == WAITERS_MAX);
    wait_for(&b, version, 60000000000u);
    world_reply(&w, MSG_WAIT, &any, fds);
    CHECK(any.head.tag == w.tag);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_turn(&w);
    CHECK(w.k->waiters.n == 0);
    for (unsigned i = 0; i < WAITERS_MAX; i++) {
        while (ipc_recv(w.api, &any, fds, NULL) == -EAGAIN)
            world_turn(&w); // they do not all fit the socket
        CHECK(any.head.type == (MSG_WAIT | MSG_REPLY));
    }
    world_run(&w);
}

static unsigned list(const key_id_t *customer, uint32_t limit,
                     const sub_id_t *after, struct sub_info out[16])
{
    struct msg_list m = {.limit = limit};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    if (customer)
        m.customer = *customer;
    if (after)
        m.after = *after;
    world_send(&w, &m, MSG_LIST, sizeof(m));
    world_turn(&w);
    world_reply(&w, MSG_LIST, &any, fds);
    CHECK(any.reply.status == 200 && any.count.count <= 16);
    CHECK(any.count.length == any.count.count * sizeof(struct sub_info));
    CHECK(pread_full(fds[0], out, any.count.length, 0) ==
          (ssize_t)any.count.length);
    CHECK(write(fds[0], "x", 1) < 0); // sealed
    ipc_close(fds);
    return any.count.count;
}

static void test_list(void)
{
    struct bundle_of b[5];
    struct sub_info info[16];
    key_id_t mine, nobody = {{1}};

    for (int i = 0; i < 5; i++) {
        bundle_image(&w, &b[i], 10 + i);
        world_accept(&w, &b[i], 201);
    }
    memcpy(mine.b, b[0].m.customer, sizeof(mine.b));
    CHECK(list(&nobody, 10, NULL, info) == 0);
    CHECK(list(&mine, 3, NULL, info) == 3);
    for (int i = 0; i < 3; i++) // newest first, as they are now
        CHECK(!memcmp(&info[i].id, &b[4 - i].id, sizeof(sub_id_t)));
    CHECK(info[0].state >= SUB_HELD);
    CHECK(list(&mine, 2, &info[2].id, info) == 2); // goes on behind it
    CHECK(!memcmp(&info[0].id, &b[1].id, sizeof(sub_id_t)));
    CHECK(!memcmp(&info[1].id, &b[0].id, sizeof(sub_id_t)));
    CHECK(list(NULL, 16, NULL, info) == 7); // the operator sees all
    for (int i = 0; i < 5; i++) {
        if (world_domain(&w, &b[i].id))
            world_end(&w, &b[i].id, HVC_POWEROFF, 0);
        world_run(&w);
    }
}

static unsigned open_log(const struct bundle_of *b, enum log_kind kind, int *fd)
{
    struct msg_log m = {.id = b->id, .kind = kind};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    memcpy(m.customer.b, b->m.customer, sizeof(m.customer.b));
    world_send(&w, &m, MSG_LOG, sizeof(m));
    world_turn(&w);
    world_reply(&w, MSG_LOG, &any, fds);
    *fd = fds[0];
    return any.reply.status;
}

static void test_logs(void)
{
    struct bundle_of b;
    int fd;

    bundle_image(&w, &b, 30);
    world_accept(&w, &b, 201);
    CHECK(open_log(&b, LOG_CONSOLE, &fd) == 200);
    CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
    close(fd);
    CHECK(open_log(&b, LOG_BUILD, &fd) == 404); // it came ready
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK(open_log(&b, LOG_CONSOLE, &fd) == 200);
    close(fd);
}

// Another customer's submission is as one that does not exist.
static void test_others(void)
{
    struct bundle_of b;
    struct msg_get m = {.customer = {{9}}};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    bundle_image(&w, &b, 31);
    world_accept(&w, &b, 201);
    m.id = b.id;
    world_send(&w, &m, MSG_GET, sizeof(m));
    world_send(&w, &m, MSG_DESTROY, sizeof(m));
    world_turn(&w);
    world_reply(&w, MSG_GET, &any, fds);
    CHECK(any.reply.status == 404);
    world_reply(&w, MSG_DESTROY, &any, fds);
    CHECK(any.reply.status == 404);
    CHECK(world_get(&w, &b.id).state == SUB_RUNNING);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
}

// The answer to a piece of input, if there is one yet: its status, or 0.
static unsigned input_status(uint64_t *position)
{
    struct pollfd p = {.fd = w.api, .events = POLLIN};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    if (poll(&p, 1, 0) <= 0)
        return 0;
    world_reply(&w, MSG_INPUT, &any, fds);
    if (position)
        *position = any.input_reply.position;
    return any.reply.status;
}

static unsigned input_now(struct msg_input *m)
{
    world_send(&w, m, MSG_INPUT, sizeof(*m));
    world_run(&w);
    return input_status(NULL);
}

// Input is answered when its domain has answered, whatever others say.
static void test_input(void)
{
    struct msg_input m = {.len = 5, .data = "input"};
    struct msg_input other;
    struct played_domain *d;
    struct bundle_of b, c;
    uint64_t position = 0;

    bundle_image(&w, &b, 32);
    bundle_image(&w, &c, 33);
    world_accept(&w, &b, 201);
    world_accept(&w, &c, 201);
    m.id = b.id;
    other = m;
    other.id = c.id;
    CHECK(input_now(&m) == 0);
    d = world_domain(&w, &b.id);
    CHECK(d->fed == 1);
    // Not by another domain's word, nor to a question nobody asked.
    world_fed(&w, &c.id, d->feed_tag, 5);
    world_fed(&w, &b.id, d->feed_tag + 7, 5);
    world_run(&w);
    CHECK(input_status(NULL) == 0);
    world_fed(&w, &b.id, d->feed_tag, 5);
    world_run(&w);
    CHECK(input_status(&position) == 200 && position == 5);
    world_fed(&w, &b.id, d->feed_tag, 5); // twice
    world_run(&w);
    CHECK(input_status(NULL) == 0);

    // One that does not read has a few places, and takes none of another's.
    for (int i = 0; i < 4; i++)
        CHECK(input_now(&m) == 0);
    CHECK(input_now(&m) == 429);
    CHECK(input_now(&other) == 0);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    for (int i = 0; i < 4; i++)
        CHECK(input_status(NULL) == 409);
    CHECK(input_status(NULL) == 0);
    CHECK(input_now(&m) == 409);
    world_end(&w, &c.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK(input_status(NULL) == 409);
}

static unsigned destroy(const struct bundle_of *b)
{
    struct msg_get m = {.id = b->id};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    memcpy(m.customer.b, b->m.customer, sizeof(m.customer.b));
    world_send(&w, &m, MSG_DESTROY, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_DESTROY, &any, fds);
    return any.reply.status;
}

static void check_destroyed(const struct bundle_of *b, unsigned starts)
{
    struct sub_info info = world_get(&w, &b->id);

    CHECK(info.state == SUB_DONE && info.outcome == OUTCOME_DESTROYED);
    CHECK(world_held(&w, &b->id)->usage.starts == starts);
    CHECK(world_held(&w, &b->id)->settled == 1);
}

static void test_destroy(void)
{
    struct bundle_of b, big;
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    bundle_image(&w, &b, 40); // while it runs
    world_accept(&w, &b, 201);
    CHECK(destroy(&b) == 200);
    check_destroyed(&b, 1);
    CHECK(destroy(&b) == 200); // once more changes nothing
    check_destroyed(&b, 1);

    bundle_image(&w, &big, 41); // while it waits for room
    big.m.memory_kib = w.cfg.memory_kib;
    world_accept(&w, &big, 201);
    bundle_image(&w, &b, 42);
    world_accept(&w, &b, 201);
    CHECK(world_get(&w, &b.id).state == SUB_HELD);
    CHECK(destroy(&b) == 200);
    check_destroyed(&b, 0);
    CHECK(w.k->starts.waiting == 0);
    CHECK(destroy(&big) == 200);

    w.builder_waits = true; // while it is built
    bundle_program(&w, &b, 43);
    world_accept(&w, &b, 201);
    CHECK(world_get(&w, &b.id).state == SUB_BUILDING);
    CHECK(destroy(&b) == 200);
    check_destroyed(&b, 0);
    CHECK(world_held(&w, &b.id)->usage.build_cpu_ns == 500);
    w.builder_waits = false;

    bundle_image(&w, &b, 44); // before the spawner has answered
    world_submit(&w, &b);
    world_turn(&w);
    world_peers(&w);
    world_turn(&w); // the start is sent
    world_reply(&w, MSG_SUBMIT, &any, fds);
    CHECK(any.reply.status == 201);
    CHECK(destroy(&b) == 200);
    check_destroyed(&b, 1);
}

static unsigned join(uint8_t who, uint8_t code, int64_t *balance_nano)
{
    struct msg_join m = {.name = "Dora"};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    memset(&m.customer, who, sizeof(m.customer));
    memset(m.code, code, sizeof(m.code));
    world_send(&w, &m, MSG_JOIN, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_JOIN, &any, fds);
    *balance_nano = any.account_reply.account.balance_nano;
    CHECK(any.reply.status >= 400 ||
          !strcmp(any.account_reply.account.name, "Dora"));
    return any.reply.status;
}

// The keeper decides who may join and what the invitation is worth, and has the
// ledger do it; whoever asks again gets the same again.
static void test_join(void)
{
    struct msg_invite m = {
        .uses = 1, .credit_nano = 500, .expires_real_ns = INT64_MAX};
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    int64_t balance_nano;

    w.k->cfg.accounts = ACCOUNTS_INVITATION;
    memset(m.code, 7, sizeof(m.code));
    world_send(&w, &m, MSG_INVITE, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_INVITE, &any, fds);
    CHECK(any.reply.status == 200);

    CHECK(join(70, 0, &balance_nano) == 403);
    CHECK(join(70, 8, &balance_nano) == 403);
    w.enrol_status = 409; // the ledger's refusal is the answer
    CHECK(join(70, 7, &balance_nano) == 409);
    w.enrol_status = 201;
    CHECK(join(70, 7, &balance_nano) == 201 && balance_nano == 500);
    CHECK(join(70, 7, &balance_nano) == 201 && balance_nano == 500);
    CHECK(w.enrolled.credit_nano == 500);
    CHECK(join(71, 7, &balance_nano) == 403); // used up
    CHECK(join(72, 0, &balance_nano) == 403);
    w.k->cfg.accounts = ACCOUNTS_OPEN;
    CHECK(join(72, 0, &balance_nano) == 201);
    CHECK(w.enrolled.credit_nano == 0);
}

int main(void)
{
    world_open(&w);
    test_join();
    test_waits();
    test_waits_bounded();
    test_list();
    test_logs();
    test_others();
    test_input();
    test_destroy();
    world_close(&w);
    return 0;
}
