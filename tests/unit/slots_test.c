// SPDX-License-Identifier: ISC
// The life of a slot as a table, and what is made of the evidence at its end.

#include "node-agent/spawner/control.h"
#include "node-agent/spawner/slot_table.h"
#include "node-agent/spawner/verdict.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/lib_check.h"

/* -------------------------------------------------------------------- table */

/* Walks a list of events; ends where it should, by the action it should. */
static void walk(const enum slot_event *events, int n, enum slot_state end,
                 enum slot_action last)
{
    struct slot_step s = {SLOT_EMPTY, SLOT_NOTHING};

    for (int i = 0; i < n; i++) {
        s = slot_step(s.next, events[i]);
        CHECK(s.action != SLOT_NEVER);
    }
    CHECK(s.next == end && s.action == last);
}

#define WALK(end, last, ...)                                                   \
    walk((const enum slot_event[]){__VA_ARGS__},                               \
         sizeof((const enum slot_event[]){__VA_ARGS__}) /                      \
             sizeof(enum slot_event),                                          \
         end, last)
#define TO_CLEAN SLOT_EV_MAKE, SLOT_EV_MADE, SLOT_EV_READY

static void lives(void)
{
    WALK(SLOT_CLEAN, SLOT_PARK, TO_CLEAN);
    WALK(SLOT_EMPTY, SLOT_CLEAR, TO_CLEAN, SLOT_EV_START, SLOT_EV_EXITED,
         SLOT_EV_HANGUP, SLOT_EV_DIED, SLOT_EV_VACANT, SLOT_EV_RELEASE);
    /* The death of a monitor may be seen before its last words. */
    WALK(SLOT_ENDED, SLOT_TELL, TO_CLEAN, SLOT_EV_START, SLOT_EV_DIED,
         SLOT_EV_VACANT);
    WALK(SLOT_ENDING, SLOT_KILL, TO_CLEAN, SLOT_EV_START, SLOT_EV_STOP,
         SLOT_EV_STOP, SLOT_EV_OVERDUE);
    WALK(SLOT_DRAINING, SLOT_SWEEP, TO_CLEAN, SLOT_EV_START, SLOT_EV_DIED,
         SLOT_EV_OVERDUE);
    WALK(SLOT_EMPTY, SLOT_GIVE_UP, SLOT_EV_MAKE, SLOT_EV_FAILED);
    WALK(SLOT_EMPTY, SLOT_CLEAR, SLOT_EV_MAKE, SLOT_EV_MADE, SLOT_EV_DIED,
         SLOT_EV_VACANT);
    WALK(SLOT_EMPTY, SLOT_CLEAR, TO_CLEAN, SLOT_EV_RETIRE, SLOT_EV_HANGUP,
         SLOT_EV_DIED, SLOT_EV_VACANT);
}

/* From each state, what must hold whatever comes. */
static void invariants(void)
{
    for (int s = 0; s < SLOT_STATES; s++) {
        bool has_monitor = s == SLOT_BORN || s == SLOT_CLEAN ||
                           s == SLOT_RUNNING || s == SLOT_ENDING ||
                           s == SLOT_CONDEMNED;
        bool has_domain = s == SLOT_RUNNING || s == SLOT_ENDING ||
                          s == SLOT_DRAINING || s == SLOT_ENDED;

        /* The death of a monitor can come at any time that there is one,
         * and only then. */
        CHECK((slot_step(s, SLOT_EV_DIED).action != SLOT_NEVER) == has_monitor);
        /* Stopping the agent is possible in every state. */
        CHECK(slot_step(s, SLOT_EV_RETIRE).action != SLOT_NEVER);
        for (int e = 0; e < SLOT_EVENTS; e++) {
            struct slot_step t = slot_step(s, e);

            if (t.action == SLOT_NEVER)
                CHECK((int)t.next == s);
            /* A domain's slot is free again only by way of ENDED, and
             * nobody else's slot is told about. */
            if (has_domain && t.next == SLOT_EMPTY)
                CHECK(s == SLOT_ENDED && e == SLOT_EV_RELEASE);
            if (t.action == SLOT_TELL)
                CHECK(has_domain && e == SLOT_EV_VACANT);
            /* Only a clean slot starts a domain. */
            if (e == SLOT_EV_START && t.action != SLOT_NEVER)
                CHECK(s == SLOT_CLEAN);
            /* No slot goes back to use while processes may be left. */
            if (t.next == SLOT_EMPTY && s != SLOT_EMPTY)
                CHECK(s == SLOT_ENDED || s == SLOT_WASTED || s == SLOT_MAKING);
        }
        CHECK(slot_state_name(s)[0]);
    }
    for (int e = 0; e < SLOT_EVENTS; e++)
        CHECK(slot_event_name(e)[0]);
}

/* ------------------------------------------------------------------ verdict */

static struct hvc_page page;
static struct evidence v;
static struct msg_domain m;

/* A domain of 1 s wall time that said so itself. */
static void fresh(uint32_t cause, uint32_t status)
{
    page = (struct hvc_page){.magic = HVC_PAGE_MAGIC,
                             .version = HVC_PAGE_VERSION,
                             .state = HVC_DEAD,
                             .started_mono_ns = 1000,
                             .ended_mono_ns = 1000000000,
                             .console_out_bytes = 77,
                             .cause = cause,
                             .status = status,
                             .text_len = 5,
                             .text = "hello"};
    v = (struct evidence){.cpu_ns = 5000000,
                          .peak_kib = 123,
                          .started_mono_ns = 0,
                          .noticed_mono_ns = 1000000100,
                          .memory_kib = 1024,
                          .console_bytes_max = 4096,
                          .page = &page};
}

static uint32_t cause(void)
{
    memset(&m, 0xff, sizeof(m));
    evidence_cause(&v, &m);
    CHECK(memchr(m.text, 0, sizeof(m.text)));
    return m.cause;
}

static void causes(void)
{
    fresh(HVC_POWEROFF, 0x1203);
    CHECK(cause() == HVC_POWEROFF && m.status == 3 && !strcmp(m.text, "hello"));

    /* It has not said anything, or nonsense. */
    fresh(HVC_POWEROFF, 0);
    page.state = HVC_RUNNING;
    CHECK(cause() == HVC_LOST);
    fresh(HVC_LOST, 0);
    CHECK(cause() == HVC_LOST);
    fresh(0, 0);
    CHECK(cause() == HVC_LOST);
    fresh(4711, 0);
    CHECK(cause() == HVC_LOST);
    fresh(HVC_POWEROFF, 0);
    page.magic = 0;
    CHECK(cause() == HVC_LOST);
    v.page = NULL;
    CHECK(cause() == HVC_LOST);
    fresh(HVC_TRAP, 0);
    page.text_len = UINT32_MAX;
    CHECK(cause() == HVC_TRAP && !m.text[0]);
    page.text_len = sizeof(page.text) - 1;
    memset(page.text, 'x', sizeof(page.text));
    CHECK(cause() == HVC_TRAP && strlen(m.text) < sizeof(m.text));

    /* The kernel killed for memory: guest (told as a signal) or monitor. */
    fresh(HVC_KILLED, SIGKILL);
    v.oom_killed = true;
    CHECK(cause() == HVC_MEMORY);
    page.state = HVC_RUNNING;
    CHECK(cause() == HVC_MEMORY);
    /* A program's own end stands, whatever happened around it. */
    fresh(HVC_POWEROFF, 0);
    v.oom_killed = true;
    CHECK(cause() == HVC_POWEROFF);

    /* perf's signal, to the guest and to the monitor. */
    fresh(HVC_KILLED, SIGTRAP);
    v.cpu_budget_ns = 5500000;
    CHECK(cause() == HVC_CPU_BUDGET);
    page.state = HVC_RUNNING;
    CHECK(cause() == HVC_CPU_BUDGET);
    /* The same signal with budget left is the guest's own doing. */
    fresh(HVC_KILLED, SIGTRAP);
    v.cpu_budget_ns = 50000000;
    CHECK(cause() == HVC_KILLED && m.status == SIGTRAP);
    fresh(HVC_KILLED, SIGTRAP);
    CHECK(cause() == HVC_KILLED);

    /* An event's word counts, whatever other clocks say. */
    fresh(HVC_KILLED, SIGTRAP);
    v.cpu_budget_ns = 50000000;
    v.watched = v.budget_hit = true;
    CHECK(cause() == HVC_CPU_BUDGET);
    v.cpu_budget_ns = 5000000;
    v.budget_hit = false;
    CHECK(cause() == HVC_KILLED && m.status == SIGTRAP);

    /* We had it stopped and then had to kill it. */
    fresh(HVC_KILLED, SIGKILL);
    page.state = HVC_RUNNING;
    v.asked_cause = HVC_WALL_BUDGET;
    CHECK(cause() == HVC_WALL_BUDGET);
    /* It was quicker. */
    fresh(HVC_POWEROFF, 7);
    v.asked_cause = HVC_STOPPED;
    CHECK(cause() == HVC_POWEROFF && m.status == 7);

    /* One timer in the monitor for lease and wall budget. */
    fresh(HVC_LEASE_LAPSED, 0);
    v.wall_budget_ns = 1000000000;
    CHECK(cause() == HVC_WALL_BUDGET);
    v.wall_budget_ns = 2000000000;
    CHECK(cause() == HVC_LEASE_LAPSED);
    v.wall_budget_ns = 0;
    CHECK(cause() == HVC_LEASE_LAPSED);
}

static void figures(void)
{
    struct usage u;

    fresh(HVC_POWEROFF, 0);
    evidence_usage(&v, &u);
    CHECK(u.starts == 1 && u.cpu_ns == 5000000 && u.wall_ns == 1000000100 &&
          u.mem_peak_kib == 123 && u.mem_reserved_kib == 1024 &&
          u.mem_reserved_kib_ms == 1024000 && u.console_bytes == 77);
    /* A console cannot have stored more than it may. */
    page.console_out_bytes = UINT64_MAX;
    evidence_usage(&v, &u);
    CHECK(u.console_bytes == 4096);
    /* Devices: what the monitor counts, within what a second can hold. */
    page.net_rx_bytes = 1000;
    page.net_tx_bytes = UINT64_MAX;
    page.net_rx_packets = 3;
    page.net_tx_packets = 4;
    page.disk_read_bytes = 4096;
    page.disk_write_bytes = 8192;
    page.disk_reads = 1;
    page.disk_writes = UINT64_MAX;
    evidence_usage(&v, &u);
    CHECK(u.net_rx_bytes == 1000 && u.net_packets == 7);
    CHECK(u.net_tx_bytes == 1000000100ull * 16);
    CHECK(u.disk_read_bytes == 4096 && u.disk_write_bytes == 8192);
    CHECK(u.disk_ops == 1 + 1000000100 / 64);
    /* When it ended is our word, unless we were away. */
    v.unseen = true;
    evidence_usage(&v, &u);
    CHECK(u.wall_ns == 1000000000);
    /* An end before the start, or after we noticed, is not believed. */
    page.ended_mono_ns = 1000000101;
    evidence_usage(&v, &u);
    CHECK(u.wall_ns == 1000000100);
    v.started_mono_ns = 5000;
    page.ended_mono_ns = 4999;
    evidence_usage(&v, &u);
    CHECK(u.wall_ns == 1000000100 - 5000);
    v.noticed_mono_ns = 10;
    evidence_usage(&v, &u);
    CHECK(u.wall_ns == 0);
    v.page = NULL;
    evidence_usage(&v, &u);
    CHECK(u.console_bytes == 0 && u.cpu_ns == 5000000);
    /* Told to start by somebody who died before it could hear. */
    fresh(0, 0);
    page.state = HVC_PARKED;
    evidence_usage(&v, &u);
    CHECK(u.starts == 0 && u.wall_ns == 0 && u.mem_reserved_kib_ms == 0);
    CHECK(cause() == HVC_LOST);
}

/* What the keeper may ask of a running domain. */
static void controls(void)
{
    static const struct {
        uint32_t action;
        uint64_t value;
        bool sane;
    } tries[] = {
        {0, 0, false},
        {CONTROL_PAUSE, 0, true},
        {CONTROL_PAUSE, 1, false},
        {CONTROL_UNPAUSE, 0, true},
        {CONTROL_SHUTDOWN, 0, true},
        {CONTROL_REBOOT, UINT64_MAX, false},
        {CONTROL_WEIGHT, 0, false},
        {CONTROL_WEIGHT, CPU_WEIGHT_MAX, true},
        {CONTROL_WEIGHT, CPU_WEIGHT_MAX + 1, false},
        {CONTROL_CAP, 0, true},
        {CONTROL_CAP, CPU_CAP_MAX + 1, false},
        {CONTROL_MAX_KIB, 0, false},
        {CONTROL_MAX_KIB, HV_RAM_MAX >> 10, true},
        {CONTROL_MAX_KIB, UINT64_MAX, false},
        {CONTROL_BALLOON, 4, true},
        {CONTROL_BALLOON, 5, false},
        {CONTROL_BALLOON, 0, false},
        {CONTROL_ACTIONS, 0, false},
        {UINT32_MAX, 0, false},
    };

    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        struct msg_control ask = {.action = tries[i].action,
                                  .value = tries[i].value};

        CHECK(control_sane(&ask) == tries[i].sane);
    }
}

int main(void)
{
    lives();
    controls();
    invariants();
    causes();
    figures();
    return 0;
}
