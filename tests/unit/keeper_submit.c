// SPDX-License-Identifier: ISC
// Submissions from the first request to the charge, and everything that can
// be wrong with one.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include "lib/clock.h"
#include "tests/unit/keeper_world.h"

static struct world w;

static void test_image_runs(void)
{
    static const char cmdline[] = "prog\0one\0two words\0LANG=C";
    struct played_domain *d;
    struct bundle_of b;
    struct sub_info info;

    bundle_image(&w, &b, 1);
    info = world_accept(&w, &b, 201);
    CHECK(info.state == SUB_HELD && info.hold_nano == 1000);
    CHECK(!strcmp(info.name, "prog"));
    d = world_domain(&w, &b.id);
    CHECK(d && d->has_initrd && d->argc == 3 && d->envc == 1);
    CHECK(d->cmdline_len == sizeof(cmdline));
    CHECK(!memcmp(d->cmdline, cmdline, sizeof(cmdline)));
    CHECK(world_get(&w, &b.id).state == SUB_RUNNING);

    world_end(&w, &b.id, HVC_POWEROFF, 7);
    world_run(&w);
    info = world_get(&w, &b.id);
    CHECK(info.state == SUB_DONE && info.outcome == OUTCOME_EXITED);
    CHECK(info.exit_status == 7);
    CHECK(info.charged_nano == 1000); // as played: 1 for each ns of CPU
    CHECK(info.usage.starts == 1 && info.usage.cpu_ns == 1000);
    CHECK(info.usage.mem_reserved_kib_ms == 16384 * 2);
    CHECK(!world_domain(&w, &b.id)); // released
    CHECK(world_held(&w, &b.id)->settled == 1);
    CHECK(world_held(&w, &b.id)->records == 1); // short: no other record
    CHECK(w.k->subs.count == 0 && w.k->memory_used_kib == 0);
}

static void test_source_is_built(void)
{
    struct bundle_of b;
    struct sub_info info;

    bundle_program(&w, &b, 2);
    world_accept(&w, &b, 201);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    info = world_get(&w, &b.id);
    CHECK(info.state == SUB_DONE && info.outcome == OUTCOME_EXITED);
    CHECK(info.usage.builds == 1 && info.usage.build_cpu_ns == 500);
    CHECK(info.usage.cpu_ns == 1000); // the domain's alone
    CHECK(world_held(&w, &b.id)->records == 2);
    CHECK(world_held(&w, &b.id)->usage.builds == 1);
}

static void test_build_fails(void)
{
    struct bundle_of b;
    struct sub_info info;

    w.builder_waits = true;
    bundle_program(&w, &b, 3);
    world_accept(&w, &b, 201);
    CHECK(world_get(&w, &b.id).state == SUB_BUILDING);
    CHECK(w.k->builds_running == 1);
    world_built(&w, &b.id, OUTCOME_BUILD_FAILED);
    world_run(&w);
    info = world_get(&w, &b.id);
    CHECK(info.state == SUB_DONE && info.outcome == OUTCOME_BUILD_FAILED);
    CHECK(strstr(info.report, "does not compile"));
    CHECK(world_held(&w, &b.id)->usage.build_cpu_ns == 500);
    CHECK(world_held(&w, &b.id)->usage.starts == 0);
    CHECK(w.k->builds_running == 0);
    w.builder_waits = false;
}

// No free build slot after all: it waits, and is built later.
static void test_build_busy(void)
{
    struct bundle_of b;

    w.builder_waits = true;
    bundle_program(&w, &b, 50);
    world_accept(&w, &b, 201);
    world_built(&w, &b.id, OUTCOME_LOST);
    world_turn(&w);
    w.k->builds_after_ns = UINT64_MAX; // however slow this machine is
    CHECK(world_get(&w, &b.id).state == SUB_HELD);
    CHECK(w.k->builds_running == 0 && w.k->builds.waiting == 1);
    w.k->builds_after_ns = 1;
    while (world_get(&w, &b.id).state == SUB_HELD) {
        CHECK_WORKS(keeper_turn(w.k, -1, e)); // wakes by itself
        world_peers(&w);
    }
    world_built(&w, &b.id, OUTCOME_NONE);
    world_run(&w);
    CHECK(world_get(&w, &b.id).state == SUB_RUNNING);
    CHECK(world_held(&w, &b.id)->usage.builds == 1);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    w.builder_waits = false;
}

static void test_same_nonce(void)
{
    struct bundle_of b, other;
    struct sub_info first, again;

    bundle_image(&w, &b, 4);
    first = world_accept(&w, &b, 201);
    again = world_accept(&w, &b, 200); // while it runs
    CHECK(!memcmp(&first.id, &again.id, sizeof(first.id)));
    bundle_image(&w, &other, 4);
    other.m.name = "other";
    world_accept(&w, &other, 409);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    again = world_accept(&w, &b, 200); // and when it is done
    CHECK(again.state == SUB_DONE);
    world_accept(&w, &other, 409);
    CHECK(world_held(&w, &b.id)->settled == 1);
}

// Twice before the ledger has answered: one submission, two answers.
static void test_twice_at_once(void)
{
    struct bundle_of b;
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    bundle_image(&w, &b, 5);
    world_submit(&w, &b);
    world_submit(&w, &b);
    world_turn(&w);
    CHECK(world_quiet(&w)); // not before the hold
    world_run(&w);
    for (int i = 0; i < 2; i++) {
        world_reply(&w, MSG_SUBMIT, &any, fds);
        CHECK(any.reply.status == 201 || any.reply.status == 200);
        CHECK(!memcmp(&any.submit_reply.info.id, &b.id, sizeof(b.id)));
    }
    CHECK(world_quiet(&w));
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
}

// No money: nothing is kept, and the same bundle is good when there is some.
static void test_hold_refused(void)
{
    struct bundle_of b;
    struct msg_get m = {0};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    w.hold_status = 402;
    bundle_image(&w, &b, 6);
    world_accept(&w, &b, 402);
    CHECK(w.k->subs.count == 0);
    m.id = b.id;
    world_send(&w, &m, MSG_GET, sizeof(m));
    world_turn(&w);
    world_reply(&w, MSG_GET, &any, fds);
    CHECK(any.reply.status == 404);
    w.hold_status = 200;
    world_accept(&w, &b, 201);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
}

static void test_refusals(void)
{
    struct bundle_of b;
    uint64_t now_s = clock_real_ns() / 1000000000u;

    bundle_image(&w, &b, 7);
    b.m.memory_kib = 100000; // the node has 65536
    world_accept(&w, &b, 422);
    bundle_image(&w, &b, 7);
    memset(b.m.audience, 0x22, KEY_BYTES);
    world_accept(&w, &b, 422);
    bundle_image(&w, &b, 7);
    b.m.not_before_s = now_s - 100;
    b.m.expires_s = now_s - 1;
    world_accept(&w, &b, 422);
    bundle_image(&w, &b, 7);
    b.m.currency = "USD";
    world_accept(&w, &b, 422);
    bundle_image(&w, &b, 7);
    b.m.purchase_order_len = 16;
    world_accept(&w, &b, 422);
    bundle_image(&w, &b, 7);
    world_accept(&w, &b, 201); // the nonce is not used up by any of these
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
}

// Every byte of the bundle is covered; the API's word is not taken.
static void test_flipped_bytes(void)
{
    struct msg_submit m = {.peer = "test"};
    struct bundle_of b;
    union ipc_any any;
    int fds[IPC_FDS_MAX], good, bad;
    uint8_t data[4096];
    ssize_t len;

    bundle_image(&w, &b, 8);
    good = bundle_memfd(&b, &w);
    len = pread(good, data, sizeof(data), 0);
    CHECK(len > 100 && len < (ssize_t)sizeof(data));
    for (ssize_t at = 0; at < len; at++) {
        data[at] ^= 1;
        bad = memfd_create("bundle", MFD_ALLOW_SEALING | MFD_CLOEXEC);
        CHECK(write_full(bad, data, len) == 0);
        data[at] ^= 1;
        fcntl(bad, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
        m.bundle_len = len;
        ipc_head(&m, MSG_SUBMIT, ++w.tag);
        CHECK_WORKS(ipc_send(w.api, &m.head, &bad, 1, e));
        close(bad);
        world_turn(&w);
        world_reply(&w, MSG_SUBMIT, &any, fds);
        CHECK(any.reply.status == 422 && any.reply.text[0]);
    }
    close(good);
    CHECK(w.k->subs.count == 0);
}

// A start that finds no clean slot waits; one that fails is the node's loss.
static void test_start_fails(void)
{
    struct bundle_of b;
    struct sub_info info;

    w.start_status = 503;
    bundle_image(&w, &b, 9);
    world_accept(&w, &b, 201);
    CHECK(world_get(&w, &b.id).state == SUB_HELD);
    CHECK(w.k->slots_used == 0);
    w.start_status = 200;
    while (world_get(&w, &b.id).state == SUB_HELD)
        world_run(&w);
    CHECK(world_get(&w, &b.id).state == SUB_RUNNING);
    world_end(&w, &b.id, HVC_TRAP, 0);
    world_run(&w);
    CHECK(world_get(&w, &b.id).outcome == OUTCOME_TRAPPED);

    w.start_status = 500;
    bundle_image(&w, &b, 10);
    world_accept(&w, &b, 201);
    info = world_get(&w, &b.id);
    CHECK(info.state == SUB_DONE && info.outcome == OUTCOME_LOST);
    CHECK(world_held(&w, &b.id)->settled == 1);
    CHECK(world_held(&w, &b.id)->records == 0); // costs nothing
    w.start_status = 200;
}

// Why it ended, in the words of msg.h.
static void test_outcomes(void)
{
    static const struct {
        enum hvc_cause cause;
        uint32_t status;
        enum sub_outcome outcome;
    } ends[] = {
        {HVC_CRASH, 0, OUTCOME_CRASHED},
        {HVC_SYSCALL, 0, OUTCOME_SYSCALL},
        {HVC_CPU_BUDGET, 0, OUTCOME_CPU_BUDGET},
        {HVC_WALL_BUDGET, 0, OUTCOME_WALL_BUDGET},
        {HVC_MEMORY, 0, OUTCOME_MEMORY},
        {HVC_REFUSED, 0, OUTCOME_REFUSED},
        {HVC_STOPPED, 0, OUTCOME_DESTROYED},
        {HVC_KILLED, SIGSEGV, OUTCOME_CRASHED},
        {HVC_KILLED, SIGKILL, OUTCOME_LOST}, // not of its own doing
        {HVC_LEASE_LAPSED, 0, OUTCOME_LOST},
        {HVC_LOST, 0, OUTCOME_LOST},
        {99, 0, OUTCOME_LOST}, // a newer monitor's
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct bundle_of b;
        struct sub_info info;

        bundle_image(&w, &b, 100 + i);
        world_accept(&w, &b, 201);
        world_end(&w, &b.id, ends[i].cause, ends[i].status);
        world_run(&w);
        info = world_get(&w, &b.id);
        CHECK(info.state == SUB_DONE && info.outcome == ends[i].outcome);
        CHECK(info.exit_status == 0 && info.charged_nano == 1000);
    }
}

// What runs at once is bounded by memory and slots; the rest waits.
static void test_room(void)
{
    struct bundle_of b[6];
    unsigned running = 0;

    for (int i = 0; i < 6; i++) {
        bundle_image(&w, &b[i], 20 + i);
        b[i].m.memory_kib = 20000; // three fit
        world_accept(&w, &b[i], 201);
    }
    for (int i = 0; i < 6; i++)
        running += world_get(&w, &b[i].id).state == SUB_RUNNING;
    CHECK(running == 3 && w.k->slots_used == 3 && w.k->starts.waiting == 3);
    for (int i = 0; i < 6; i++) {
        world_end(&w, &b[i].id, HVC_POWEROFF, 0);
        world_run(&w);
    }
    CHECK(w.k->slots_used == 0 && w.k->starts.waiting == 0);
}

// A peer that breaks the rules ends the role.
static void test_unsealed(void)
{
    struct msg_submit m = {.peer = "test", .bundle_len = 9};
    struct err e = {0};
    int fd = memfd_create("bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    CHECK(write_full(fd, "HOSTELB1", 9) == 0);
    ipc_head(&m, MSG_SUBMIT, 1);
    CHECK(ipc_send(w.api, &m.head, &fd, 1, &e) == 0);
    close(fd);
    CHECK(keeper_turn(w.k, 0, &e) == -EPROTO);
}

static void program(struct bundle_of *b, uint8_t nonce)
{
    bundle_program(&w, b, nonce);
    strcpy(b->source, "int same;\n");
}

// The same sources of the same customer are built once; other sources, another
// option, another toolchain are others. A free build is in no record.
static void test_cache(void)
{
    const char *option[] = {"-O3"};
    struct bundle_of b;
    struct sub_info i;
    unsigned builds;

    w.nbuilds = 0;
    program(&b, 231);
    world_accept(&w, &b, 201);
    builds = w.nbuilds;
    CHECK(builds == 1 && !world_get(&w, &b.id).build_cached);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);

    program(&b, 232);
    i = world_accept(&w, &b, 201);
    CHECK(w.nbuilds == builds && i.build_cached);
    CHECK(world_domain(&w, &b.id));
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK(world_held(&w, &b.id)->usage.builds == 0);
    CHECK(world_held(&w, &b.id)->usage.build_cpu_ns == 0);
    CHECK(world_get(&w, &b.id).build_cached); // from the journal

    program(&b, 233);
    b.m.option = option;
    b.m.noptions = 1;
    world_accept(&w, &b, 201);
    CHECK(w.nbuilds == ++builds);
    program(&b, 234);
    strcpy(b.source, "int diff;\n");
    world_accept(&w, &b, 201);
    CHECK(w.nbuilds == ++builds);
    program(&b, 235);
    b.from[1].data = "abd"; // data is not compiled
    world_accept(&w, &b, 201);
    CHECK(w.nbuilds == builds);
    w.k->cfg.toolchain_id[0] ^= 1;
    program(&b, 236);
    world_accept(&w, &b, 201);
    CHECK(w.nbuilds == ++builds);
    program(&b, 237);
    key_make(&b.sk); // another customer must not learn of it
    world_accept(&w, &b, 201);
    CHECK(w.nbuilds == ++builds);
}

int main(void)
{
    world_open(&w);
    test_image_runs();
    test_source_is_built();
    test_build_fails();
    test_build_busy();
    test_same_nonce();
    test_twice_at_once();
    test_hold_refused();
    test_refusals();
    test_flipped_bytes();
    test_start_fails();
    test_room();
    test_outcomes();
    test_unsealed();
    test_cache();
    world_close(&w);
    return 0;
}
