// SPDX-License-Identifier: ISC
// Weighing the evidence; see verdict.h.

#include "node-agent/spawner/verdict.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Where no event counted: the kernel's
 * several clocks for one process agree this well on a machine that has time. */
#define CPU_TOLERANCE_NS 2000000u
/* The monitor's timer fires so much before ours at most. */
#define WALL_TOLERANCE_NS 1000000u

static const struct hvc_page *page_valid(const struct evidence *v)
{
    const struct hvc_page *p = v->page;

    return p && p->magic == HVC_PAGE_MAGIC && p->version == HVC_PAGE_VERSION
               ? p
               : NULL;
}

/* Our own clock; only when nobody was there to notice, the monitor's word, if
 * that can be. */
static uint64_t ended_mono_ns(const struct evidence *v)
{
    const struct hvc_page *p = page_valid(v);

    if (v->unseen && p && p->state == HVC_DEAD &&
        p->ended_mono_ns >= v->started_mono_ns &&
        p->ended_mono_ns <= v->noticed_mono_ns)
        return p->ended_mono_ns;
    return v->noticed_mono_ns;
}

/* Killed together with who was to start it. */
static bool never_ran(const struct evidence *v)
{
    const struct hvc_page *p = page_valid(v);

    return p && p->state == HVC_PARKED;
}

static uint64_t wall_ns(const struct evidence *v)
{
    uint64_t ended = ended_mono_ns(v);

    if (never_ran(v))
        return 0;
    return ended > v->started_mono_ns ? ended - v->started_mono_ns : 0;
}

/*
 * What a monitor counts is bounded by what could have been: 128 Gbit/s each
 * way, and an operation or packet every 64 ns.
 */
#define DEVICE_BYTES_PER_NS 16u
#define DEVICE_NS_PER_OP    64u

static uint64_t at_most(uint64_t said, uint64_t most)
{
    return said < most ? said : most;
}

/* A budget of 0 is none. */
static uint64_t within(uint64_t said, uint64_t most, uint64_t budget)
{
    return at_most(said, budget && budget < most ? budget : most);
}

static void device_usage(const struct evidence *v, const struct hvc_page *p,
                         struct usage *u)
{
    uint64_t bytes = u->wall_ns < UINT64_MAX / DEVICE_BYTES_PER_NS
                         ? u->wall_ns * DEVICE_BYTES_PER_NS
                         : UINT64_MAX / 4;
    uint64_t ops = u->wall_ns / DEVICE_NS_PER_OP;

    u->net_rx_bytes = within(p->net_rx_bytes, bytes, v->net_in_max);
    u->net_tx_bytes = within(p->net_tx_bytes, bytes, v->net_out_max);
    u->net_packets =
        at_most(p->net_rx_packets, ops) + at_most(p->net_tx_packets, ops);
    u->disk_read_bytes = at_most(p->disk_read_bytes, bytes);
    u->disk_write_bytes = at_most(p->disk_write_bytes, bytes);
    u->disk_ops = at_most(p->disk_reads, ops) + at_most(p->disk_writes, ops);
    /* Volumes are disks to whoever pays; their back ends count, as little
     * believed as the monitor. */
    u->disk_read_bytes += at_most(v->fs_read_bytes, bytes);
    u->disk_write_bytes += at_most(v->fs_write_bytes, bytes);
    u->disk_ops += at_most(v->fs_ops, ops);
}

void evidence_usage(const struct evidence *v, struct usage *u)
{
    const struct hvc_page *p = page_valid(v);

    *u = (struct usage){
        .starts = !never_ran(v),
        .cpu_ns = v->cpu_ns,
        .wall_ns = wall_ns(v),
        .mem_reserved_kib = v->memory_kib,
        .mem_reserved_kib_ms = usage_kib_ms(v->memory_kib, wall_ns(v)),
        .mem_peak_kib = v->peak_kib,
    };
    if (!p)
        return;
    u->console_bytes = at_most(p->console_out_bytes, v->console_bytes_max);
    u->console_bytes +=
        at_most(p->files_bytes, v->console_bytes_max - u->console_bytes);
    device_usage(v, p, u);
}

/* What a monitor may say about itself: the rest is the spawner's to find. */
static bool cause_sayable(uint32_t cause)
{
    return cause >= HVC_POWEROFF && cause < HVC_LOST;
}

static void text_set(struct msg_domain *m, const char *text, size_t len)
{
    if (len > sizeof(m->text) - 1)
        len = sizeof(m->text) - 1;
    len = strnlen(text, len);
    memcpy(m->text, text, len);
    memset(m->text + len, 0, sizeof(m->text) - len);
}

static void monitor_says(const struct evidence *v, struct msg_domain *m)
{
    const struct hvc_page *p = page_valid(v);

    m->cause = HVC_LOST;
    m->status = 0;
    text_set(m, "", 0);
    if (p && p->state == HVC_DEAD && cause_sayable(p->cause)) {
        m->cause = p->cause;
        m->status = p->status;
        text_set(m, p->text, p->text_len < sizeof(p->text) ? p->text_len : 0);
    }
    if (m->cause == HVC_POWEROFF)
        m->status &= 0xff;
}

/* Where an event counted and we were there, its word. Of one whose end nobody
 * saw the event is gone; the signal is all there is, and what was used must be
 * near enough: on a machine short of CPUs the clocks differ by percents. */
static bool cpu_spent(const struct evidence *v)
{
    uint64_t tolerance_ns = CPU_TOLERANCE_NS;

    if (v->watched)
        return v->budget_hit;
    if (v->unseen && v->cpu_budget_ns / 10 > tolerance_ns)
        tolerance_ns = v->cpu_budget_ns / 10;
    return v->cpu_budget_ns && v->cpu_ns + tolerance_ns >= v->cpu_budget_ns;
}

static bool wall_spent(const struct evidence *v)
{
    return v->wall_budget_ns &&
           wall_ns(v) + WALL_TOLERANCE_NS >= v->wall_budget_ns;
}

static void cause_set(struct msg_domain *m, uint32_t cause, const char *text)
{
    m->cause = cause;
    m->status = 0;
    text_set(m, text, strlen(text));
}

void evidence_cause(const struct evidence *v, struct msg_domain *m)
{
    bool violent;

    monitor_says(v, m);
    /* Neither the program's own end nor a report: somebody did it to it. */
    violent = m->cause == HVC_LOST || m->cause == HVC_KILLED;
    if (violent && v->oom_killed)
        cause_set(m, HVC_MEMORY, "killed by the limit of its memory");
    else if (violent && v->asked_cause)
        cause_set(m, v->asked_cause, "stopped");
    else if (cpu_spent(v) && (m->cause == HVC_LOST ||
                              (m->cause == HVC_KILLED && m->status == SIGTRAP)))
        cause_set(m, HVC_CPU_BUDGET, "its CPU budget is spent");
    else if (m->cause == HVC_LEASE_LAPSED && wall_spent(v))
        cause_set(m, HVC_WALL_BUDGET, "its time is up");
    else if (m->cause == HVC_LOST)
        cause_set(m, HVC_LOST,
                  never_ran(v) ? "the node failed before it began"
                               : "its monitor died without a report");
}
