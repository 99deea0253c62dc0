// SPDX-License-Identifier: ISC
// Networks of submissions: what is refused and why, leases that last as long
// as they should and not longer, whoever dies when.

#include <string.h>
#include <unistd.h>
#include "node-agent/keeper/net.h"
#include "tests/unit/keeper_world.h"

static struct world w;
static struct seckey other;

static void network_config(struct world *to, uint32_t count)
{
    to->cfg.network = (struct network_config){
        .mode = NET_NAT,
        .count = count,
        .id = 0x123456,
        .bits4 = 24,
        .first4 = {10, 77, 0, 2},
        .gateway4 = {10, 77, 0, 1},
        .publish_first = 30000,
        .publish_last = 30099,
        .publish_max = 2,
        .quota = 3,
    };
}

static void world_with_network(uint32_t count)
{
    world_open(&w);
    world_kill(&w);
    network_config(&w, count);
    world_open_again(&w);
    world_run(&w);
}

// A service, so that its network outlives a domain.
static void asks(struct bundle_of *b, uint8_t nonce, uint16_t host_port)
{
    bundle_image(&w, b, nonce);
    b->m.memory_kib = 1024;
    b->m.run = (struct run_terms){
        .mode = RUN_SERVICE, .restart = RESTART_ALWAYS, .backoff_ms = 1};
    b->m.net = (struct net_terms){
        .mode = NET_NAT, .in_bytes = 1000, .out_bytes = 2000};
    if (host_port)
        b->m.net.publish[b->m.net.npublish++] = (struct net_publish){
            .protocol = NET_TCP, .host_port = host_port, .port = 80};
}

static void refused(struct bundle_of *b, unsigned status, const char *why)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    world_submit(&w, b);
    world_run(&w);
    world_reply(&w, MSG_SUBMIT, &any, fds);
    CHECK_TEXT(any.reply.status == status && strstr(any.reply.text, why),
               any.reply.text);
}

static void destroy(const struct bundle_of *b)
{
    struct msg_get m = {.id = b->id};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    world_send(&w, &m, MSG_DESTROY, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_DESTROY, &any, fds);
    CHECK_TEXT(any.reply.status == 200, any.reply.text);
    CHECK(world_get(&w, &b->id).state == SUB_DONE);
    CHECK(!world_get(&w, &b->id).lease.number);
}

static unsigned leases_used(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < WORLD_MAX; i++)
        n += w.lease[i].used;
    return n;
}

static void test_refusals(void)
{
    struct bundle_of a, b;

    world_with_network(8);
    asks(&b, 1, 30080);
    b.m.net.mode = NET_ROUTED;
    refused(&b, 422, "this node's is \"nat\"");
    asks(&b, 2, 80);
    refused(&b, 422, "this node publishes 30000 to 30099");
    asks(&b, 3, 30080);
    b.m.net.publish[1] = b.m.net.publish[2] = b.m.net.publish[0];
    b.m.net.publish[1].host_port++;
    b.m.net.publish[2].protocol = NET_UDP;
    b.m.net.npublish = 3;
    refused(&b, 422, "this node allows 2");
    CHECK(leases_used() == 0);

    asks(&a, 4, 30080);
    a.m.net.mode = NET_ANY;
    world_accept(&w, &a, 201);
    asks(&b, 5, 30080);
    b.sk = other;
    refused(&b, 409, "port tcp:30080 of this node is published by another");
    asks(&b, 6, 30080);
    b.m.net.publish[0].protocol = NET_UDP; // is another port
    world_accept(&w, &b, 201);
    destroy(&a);
    asks(&a, 7, 30080); // which is free again
    world_accept(&w, &a, 201);
    destroy(&a);
    destroy(&b);

    for (uint8_t n = 0; n < 3; n++) {
        asks(&b, 10 + n, 0);
        world_accept(&w, &b, 201);
    }
    asks(&b, 20, 0);
    refused(&b, 429, "you have 3 submissions with a network");
    asks(&b, 21, 0);
    b.sk = other;
    world_accept(&w, &b, 201);
    world_close(&w);
}

static void test_none(void)
{
    struct bundle_of b;

    world_open(&w);
    asks(&b, 1, 0);
    refused(&b, 422, "this node gives programs no network");
    world_close(&w);
}

static void test_lease(void)
{
    static const uint8_t first[4] = {10, 77, 0, 2};
    struct bundle_of b;
    struct sub_info i;

    world_with_network(8);
    asks(&b, 1, 30080);
    world_accept(&w, &b, 201);
    i = world_get(&w, &b.id);
    CHECK(i.state == SUB_RUNNING && i.lease.number == 1);
    CHECK(!memcmp(i.lease.ipv4, first, 4));
    CHECK(w.lease[1].is.publish[0].host_port == 30080);
    CHECK(w.lease[1].is.in_bytes == 1000 && w.lease[1].is.out_bytes == 2000);
    CHECK(world_domain(&w, &b.id)->devices.n == 1);
    CHECK(w.k->memory_used_kib == 1024 + NET_WINDOW_KIB);

    // The next domain has the same, and of the budgets what is left.
    world_domain(&w, &b.id)->state.usage.net_rx_bytes = 400;
    world_domain(&w, &b.id)->state.usage.net_tx_bytes = 2000;
    world_tick(&w);
    world_run(&w);
    world_end(&w, &b.id, HVC_CRASH, 0);
    for (unsigned n = 0; world_get(&w, &b.id).incarnation < 2; n++) {
        CHECK(n < 100000);
        usleep(1000);
        world_run(&w);
    }
    CHECK(world_get(&w, &b.id).lease.number == 1);
    CHECK(w.lease[1].opened == 2);
    CHECK(w.lease[1].is.in_bytes == 600 && w.lease[1].is.out_bytes == 1);

    // A successor of the agent names it before anything else.
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    CHECK(w.net_ready && w.lease[1].used && !w.lease[1].opened);
    CHECK(world_get(&w, &b.id).lease.number == 1);

    // One that does not publish such ports any more does not.
    world_kill(&w);
    w.cfg.network.publish_first = 30090;
    world_open_again(&w);
    world_run(&w);
    CHECK(w.lease[1].used && w.lease[1].is.npublish == 0);

    // One that does not give such addresses any more takes it back.
    world_kill(&w);
    w.cfg.network.first4[2] = 1;
    world_open_again(&w);
    world_run(&w);
    CHECK(leases_used() == 0);
    CHECK(!world_get(&w, &b.id).lease.number);
    destroy(&b);
    CHECK(w.k->memory_used_kib == 0 && w.k->nets->nfree == 8);
    world_close(&w);
}

static void test_exhausted(void)
{
    struct bundle_of b[3];

    world_with_network(2);
    for (unsigned n = 0; n < 3; n++) {
        asks(&b[n], n + 1, 0);
        world_accept(&w, &b[n], 201);
    }
    CHECK(world_get(&w, &b[2].id).state == SUB_HELD);
    CHECK(!world_get(&w, &b[2].id).lease.number);
    destroy(&b[0]);
    world_run(&w);
    CHECK(world_get(&w, &b[2].id).state == SUB_RUNNING);
    CHECK(world_get(&w, &b[2].id).lease.number == 1);
    CHECK(leases_used() == 2);
    world_close(&w);
}

static void test_busy(void)
{
    struct bundle_of b;

    world_with_network(2);
    w.net_status = 503; // the interface of its last domain is still there
    asks(&b, 1, 0);
    world_accept(&w, &b, 201);
    CHECK(world_get(&w, &b.id).state == SUB_HELD);
    CHECK(w.k->slots_used == 0);
    w.net_status = 200;
    for (unsigned n = 0; world_get(&w, &b.id).state != SUB_RUNNING; n++) {
        CHECK(n < 100000);
        usleep(1000);
        world_run(&w);
    }
    destroy(&b);

    w.net_status = 500;
    asks(&b, 2, 0);
    world_accept(&w, &b, 201);
    CHECK(world_get(&w, &b.id).outcome == OUTCOME_LOST);
    CHECK(leases_used() == 0 && w.k->slots_used == 0);
    world_close(&w);
}

// Destroyed while its interface is being made: it never starts.
static void test_destroyed_between(void)
{
    struct msg_get m = {0};
    struct bundle_of b;
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    world_with_network(2);
    asks(&b, 1, 0);
    world_submit(&w, &b);
    world_turn(&w);  // asks the ledger
    world_peers(&w); // which answers
    world_turn(&w);  // asks for the interface
    world_reply(&w, MSG_SUBMIT, &any, fds);
    m.id = b.id;
    world_send(&w, &m, MSG_DESTROY, sizeof(m));
    world_turn(&w);
    world_reply(&w, MSG_DESTROY, &any, fds);
    CHECK(any.reply.status == 200);
    world_run(&w);
    CHECK(world_get(&w, &b.id).outcome == OUTCOME_DESTROYED);
    CHECK(!world_domain(&w, &b.id) && leases_used() == 0);
    CHECK(w.k->slots_used == 0);
    world_close(&w);
}

static void test_links(void)
{
    struct bundle_of a, b, c, d;

    world_with_network(8);
    asks(&a, 1, 0);
    asks(&b, 2, 0);
    asks(&c, 3, 0);
    asks(&d, 4, 0);
    strcpy(a.m.net.link, "shop");
    strcpy(b.m.net.link, "shop");
    strcpy(c.m.net.link, "shop");
    c.sk = other; // the same word, another customer
    world_accept(&w, &a, 201);
    world_accept(&w, &b, 201);
    world_accept(&w, &c, 201);
    world_accept(&w, &d, 201);
    CHECK(w.lease[1].is.group && w.lease[1].is.group == w.lease[2].is.group);
    CHECK(w.lease[3].is.group && w.lease[3].is.group != w.lease[1].is.group);
    CHECK(!w.lease[4].is.group);
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    CHECK(w.lease[1].is.group && w.lease[1].is.group == w.lease[2].is.group);
    CHECK(w.lease[3].is.group && w.lease[3].is.group != w.lease[1].is.group);
    CHECK(!w.lease[4].is.group);
    world_close(&w);
}

int main(void)
{
    if (access("/dev/net/tun", R_OK | W_OK) < 0) {
        puts("skipped: there is no /dev/net/tun here");
        return 0;
    }
    CHECK_WORKS(key_init(e));
    key_make(&other);
    test_none();
    test_refusals();
    test_lease();
    test_exhausted();
    test_busy();
    test_destroyed_between();
    test_links();
    return 0;
}
