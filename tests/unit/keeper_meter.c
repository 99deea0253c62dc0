// SPDX-License-Identifier: ISC
// Usage: intervals add up to the total; what goes backwards is refused; what
// lies beyond a limit is not billed; a spent hold ends the domain.

#include <errno.h>
#include <string.h>
#include "node-agent/keeper/meter.h"
#include "tests/unit/keeper_world.h"

static struct world w;

// Sums of the records of random histories are the totals they came from.
static void test_sums(void)
{
    unsigned state = 7; // the seed

    for (int history = 0; history < 200; history++) {
        struct sub s = {
            .info.limits = {.memory_kib = 1000, .console_bytes = 1 << 20}};
        struct usage domain = {0}, sum = {0}, total;
        struct msg_record m;
        uint64_t now_ns = 1000, expect = 1;

        for (int i = 0; i < 20; i++) {
            state = state * 1103515245 + 12345;
            domain.cpu_ns += state >> 20;
            domain.wall_ns += (uint64_t)(state >> 8) * 1000;
            domain.net_rx_bytes += state >> 16 & 7;
            domain.mem_peak_kib = 5 + (state >> 16 & 255);
            CHECK(meter_domain(&s, &domain, &total) == 0);
            s.info.usage = total;
            if (state & 1 << 16) // some intervals make no record
                continue;
            now_ns += state >> 24;
            if (meter_record(&s, now_ns, &m)) {
                CHECK(m.sequence == expect++ && m.to_real_ns >= m.from_real_ns);
                CHECK(usage_add(&sum, &m.usage) == 0);
            }
        }
        meter_domain_last(&s, &domain, &s.info.usage);
        s.info.ended_real_ns = now_ns;
        meter_last(&s, &m);
        CHECK(m.sequence == 0 || m.sequence == expect);
        CHECK(usage_add(&sum, &m.usage) == 0);
        CHECK(sum.cpu_ns == domain.cpu_ns && sum.wall_ns == domain.wall_ns);
        CHECK(sum.net_rx_bytes == domain.net_rx_bytes && sum.starts == 1);
        CHECK(sum.mem_reserved_kib == 1000);
        CHECK(sum.mem_reserved_kib_ms == domain.wall_ns / 1000);
        CHECK(sum.mem_peak_kib >= domain.mem_peak_kib);
    }
}

// Whatever the spawner tells of a domain's network and disks is in the records:
// all of it, once, in the field it came in.
static void test_devices(void)
{
    struct sub s = {.info.limits = {.memory_kib = 1000}};
    struct usage domain = {0}, sum = {0}, total;
    struct msg_record m;

    for (int i = 1; i <= 3; i++) {
        domain.wall_ns += 1000000;
        domain.net_rx_bytes += 10;
        domain.net_tx_bytes += 200;
        domain.net_packets += 3000;
        domain.disk_read_bytes += 40000;
        domain.disk_write_bytes += 500000;
        domain.disk_ops += 6000000;
        CHECK(meter_domain(&s, &domain, &total) == 0);
        s.info.usage = total;
        CHECK(i == 3 || meter_record(&s, i, &m));
        CHECK(i == 3 || usage_add(&sum, &m.usage) == 0);
    }
    meter_last(&s, &m); // the third is settled with
    CHECK(m.sequence == 3 && usage_add(&sum, &m.usage) == 0);
    CHECK(sum.net_rx_bytes == 30 && sum.net_tx_bytes == 600);
    CHECK(sum.net_packets == 9000 && sum.disk_ops == 18000000);
    CHECK(sum.disk_read_bytes == 120000 && sum.disk_write_bytes == 1500000);
    s = (struct sub){.info.run.mode = RUN_FUNCTION}; // a call's, too
    meter_call(&s, &domain);
    meter_call(&s, &domain);
    CHECK(s.info.usage.net_tx_bytes == 1200);
    CHECK(s.info.usage.disk_write_bytes == 3000000);
}

// Real time set back in between does not turn a record around.
static void test_clock_set_back(void)
{
    struct sub s = {.recorded_real_ns = 5000, .info.usage.cpu_ns = 1};
    struct msg_record m;

    CHECK(meter_record(&s, 4000, &m));
    CHECK(m.from_real_ns == 5000 && m.to_real_ns == 5000);
    CHECK(!meter_record(&s, 6000, &m)); // nothing new
}

static void test_going_back(void)
{
    struct played_domain *d;
    struct bundle_of b;
    struct sub_info info;

    bundle_image(&w, &b, 1);
    world_accept(&w, &b, 201);
    d = world_domain(&w, &b.id);
    world_tick(&w);
    world_run(&w);
    CHECK(world_held(&w, &b.id)->records == 1);
    CHECK(world_held(&w, &b.id)->usage.cpu_ns == 1000);
    d->state.usage.cpu_ns = 100; // a tick will make it 1100 ...
    d->state.usage.console_bytes = 0;
    d->state.usage.wall_ns = 0; // ... but this is less than before
    world_tick(&w);
    world_run(&w);
    CHECK(world_held(&w, &b.id)->records == 2);
    world_tick(&w);
    d->state.usage.cpu_ns = 0;
    world_tick(&w); // 1000 of CPU now, 2100 were recorded
    world_run(&w);
    info = world_get(&w, &b.id);
    CHECK(info.usage.cpu_ns == world_held(&w, &b.id)->usage.cpu_ns);
    d->state.usage.cpu_ns = 0;
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    // The last word is smaller than what was recorded: that stays.
    CHECK(world_get(&w, &b.id).state == SUB_DONE);
    CHECK(world_get(&w, &b.id).usage.cpu_ns == info.usage.cpu_ns);
    CHECK(world_held(&w, &b.id)->usage.cpu_ns == info.usage.cpu_ns);
}

// What a monitor claims to have written is at most what the log can hold.
static void test_console_limit(void)
{
    struct bundle_of b;

    bundle_image(&w, &b, 2);
    b.m.console_bytes = 100;
    world_accept(&w, &b, 201);
    world_domain(&w, &b.id)->state.usage.console_bytes = 1 << 30;
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK(world_held(&w, &b.id)->usage.console_bytes == 100);
}

static void test_spent(void)
{
    struct bundle_of b;
    struct sub_info info;

    bundle_image(&w, &b, 3);
    world_accept(&w, &b, 201);
    w.record_status = 402;
    world_tick(&w);
    world_run(&w);
    w.record_status = 200;
    info = world_get(&w, &b.id);
    CHECK(info.state == SUB_DONE && info.outcome == OUTCOME_CPU_BUDGET);
    CHECK(strstr(info.report, "cost cap"));

    // A build that uses up everything: there is nothing to start it with.
    w.builder_waits = true;
    bundle_program(&w, &b, 4);
    world_accept(&w, &b, 201);
    w.record_status = 402;
    w.start_status = 503;
    world_built(&w, &b.id, OUTCOME_NONE);
    world_run(&w);
    info = world_get(&w, &b.id);
    CHECK(info.state == SUB_DONE && info.outcome == OUTCOME_BUILD_BUDGET);
    CHECK(world_held(&w, &b.id)->usage.starts == 0);
    CHECK(world_held(&w, &b.id)->usage.build_cpu_ns == 500);
    w.record_status = w.start_status = 200;
}

static void test_leases(void)
{
    struct bundle_of b;
    struct played_domain *d;

    bundle_image(&w, &b, 5);
    world_accept(&w, &b, 201);
    while (!world_domain(&w, &b.id)) // there was no slot just now
        world_run(&w);
    d = world_domain(&w, &b.id);
    CHECK(d->lease_mono_ns > 0 && d->renewed == 0);
    w.k->lease_due_ns = 0; // a third of the lease has passed
    world_run(&w);
    CHECK(d->renewed == 1);
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    CHECK(d->renewed == 2); // an adopted one at once
    world_end(&w, &b.id, HVC_LEASE_LAPSED, 0);
    world_run(&w);
    CHECK(world_get(&w, &b.id).outcome == OUTCOME_LOST);
}

int main(void)
{
    test_sums();
    test_devices();
    test_clock_set_back();
    world_open(&w);
    test_going_back();
    test_console_limit();
    test_spent();
    test_leases();
    world_close(&w);
    return 0;
}
