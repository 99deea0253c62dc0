// SPDX-License-Identifier: ISC
// When monitor and guest are bound to one core. What takes time is repeated
// until it is so: a slow machine only needs more rounds.
#include "hypervisor/monitor/pair.h"
#include "tests/unit/lib_check.h"

#include <stdio.h>
#include <time.h>

static int guest_cores, binds;

static void bind_guest(struct domain *d, const cpu_set_t *cores)
{
    (void)d;
    guest_cores = CPU_COUNT(cores);
    binds++;
}

static const struct engine fake = {.name = "fake", .bind = bind_guest};
static struct domain d = {.engine = &fake};
static struct pair p;
static uint64_t frames;

static int cores(void)
{
    cpu_set_t set;

    CHECK(sched_getaffinity(0, sizeof(set), &set) == 0);
    return CPU_COUNT(&set);
}

// So many wake-ups, with so many frames each; the first `met` find it awake.
static void rounds(unsigned n, unsigned each, unsigned met)
{
    for (unsigned i = 0; i < n; i++) {
        if (i < met)
            d.met++;
        d.woken++;
        frames += each;
        pair_turn(&p, &d, frames);
    }
}

static void until(bool bound, unsigned each, unsigned met)
{
    while (p.bound != bound)
        rounds(32, each, met);
}

static void test_turns(void)
{
    int all = cores();

    until(true, 2, 0);
    CHECK(cores() == 1 && guest_cores == 1);
    // More to do than one at a time can.
    rounds(64, 20, 0);
    CHECK(!p.bound && cores() == all && guest_cores == all);
    rounds(320, 20, 0);
    CHECK(!p.bound);
}

static void test_awake(void)
{
    until(true, 2, 0);
    for (int i = 0; i < 10; i++) {
        rounds(32, 2, 32);
        CHECK(!p.bound);
    }
}

static void test_disk(void)
{
    rounds(320, 0, 0);
    CHECK(!p.bound);
}

// The scheduler has its say now and then, however well it goes.
static void test_again(void)
{
    int before;

    until(true, 2, 0);
    before = binds;
    until(false, 2, 0);
    until(true, 2, 0);
    CHECK(binds >= before + 2);
}

// Nothing goes on any more.
static void test_quiet(void)
{
    const struct timespec while_ns = {.tv_nsec = 1000000};

    until(true, 2, 0);
    while (p.bound) {
        nanosleep(&while_ns, NULL);
        pair_turn(&p, &d, frames);
    }
    CHECK(cores() == guest_cores);
}

int main(void)
{
    pair_init(&p);
    if (CPU_COUNT(&p.all) < 2) {
        rounds(320, 2, 0);
        CHECK(!p.bound && binds == 0);
        return 0;
    }
    test_turns();
    test_awake();
    test_disk();
    test_again();
    test_quiet();
    return 0;
}
