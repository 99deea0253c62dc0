// SPDX-License-Identifier: ISC
// Usage records; see meter.h.

#include "node-agent/keeper/meter.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define FIELDS      (sizeof(struct usage) / sizeof(uint64_t))
#define FIELD(name) (offsetof(struct usage, name) / sizeof(uint64_t))

// struct usage as its FIELDS numbers.
union figures {
    struct usage usage;
    uint64_t at[FIELDS];
};

// Peaks are not sums: a record holds the peak itself.
static bool is_peak(size_t field)
{
    return field == FIELD(mem_reserved_kib) || field == FIELD(mem_peak_kib);
}

static void complete(const struct sub *s, const struct usage *domain,
                     struct usage *total)
{
    *total = *domain;
    total->starts = 1;
    total->mem_reserved_kib_ms =
        usage_kib_ms(s->info.limits.memory_kib, domain->wall_ns);
    if (usage_add(total, &s->before) < 0)
        *total = s->before; // what was known stays
    total->builds = s->info.usage.builds;
    total->build_cpu_ns = s->info.usage.build_cpu_ns;
    total->build_wall_ns = s->info.usage.build_wall_ns;
    total->mem_reserved_kib = s->info.limits.memory_kib;
    // What a monitor says; more than the log can hold was not written.
    if (total->console_bytes > meter_kept_max(&s->info))
        total->console_bytes = meter_kept_max(&s->info);
}

int meter_domain(const struct sub *s, const struct usage *domain,
                 struct usage *total)
{
    union figures now, before = {.usage = s->recorded};

    complete(s, domain, &now.usage);
    for (size_t i = 0; i < FIELDS; i++)
        if (!is_peak(i) && now.at[i] < before.at[i])
            return -ERANGE;
    *total = now.usage;
    return 0;
}

void meter_domain_last(const struct sub *s, const struct usage *domain,
                       struct usage *total)
{
    union figures now, before = {.usage = s->recorded};

    complete(s, domain, &now.usage);
    for (size_t i = 0; i < FIELDS; i++)
        if (now.at[i] < before.at[i])
            now.at[i] = before.at[i];
    *total = now.usage;
}

void meter_incarnation_end(struct sub *s)
{
    s->before = s->info.usage;
    s->before.builds = 0;
    s->before.build_cpu_ns = s->before.build_wall_ns = 0;
}

void meter_call(struct sub *s, const struct usage *domain)
{
    const struct sub_limits *l = &s->info.limits;
    struct usage u = *domain, total = s->before;

    u.builds = u.build_cpu_ns = u.build_wall_ns = 0;
    u.mem_reserved_kib = l->memory_kib;
    u.mem_reserved_kib_ms = usage_kib_ms(l->memory_kib, domain->wall_ns);
    if (u.console_bytes > l->console_bytes)
        u.console_bytes = l->console_bytes;
    if (usage_add(&total, &u) < 0)
        return; // centuries of it: what was known stays
    s->before = total;
    total.builds = s->info.usage.builds;
    total.build_cpu_ns = s->info.usage.build_cpu_ns;
    total.build_wall_ns = s->info.usage.build_wall_ns;
    s->info.usage = total;
}

void meter_build(struct sub *s, const struct usage *build)
{
    s->info.usage.builds += build->builds;
    s->info.usage.build_cpu_ns += build->build_cpu_ns;
    s->info.usage.build_wall_ns += build->build_wall_ns;
}

// What is in the total and not in the records; false: nothing.
static bool rest_of(const struct sub *s, struct usage *rest)
{
    union figures now = {.usage = s->info.usage}, out;
    const union figures before = {.usage = s->recorded};
    bool any = false;

    for (size_t i = 0; i < FIELDS; i++) {
        out.at[i] = now.at[i] - (is_peak(i) ? 0 : before.at[i]);
        any |= now.at[i] != before.at[i];
    }
    *rest = out.usage;
    return any;
}

static void record_fill(const struct sub *s, uint64_t to_real_ns,
                        struct msg_record *m)
{
    m->id = s->info.id;
    m->customer = s->info.customer;
    m->from_real_ns = s->recorded_real_ns;
    // Real time may be set back; a record's may not.
    m->to_real_ns = to_real_ns > m->from_real_ns ? to_real_ns : m->from_real_ns;
}

bool meter_record(struct sub *s, uint64_t now_real_ns, struct msg_record *m)
{
    memset(m, 0, sizeof(*m));
    if (!rest_of(s, &m->usage))
        return false;
    record_fill(s, now_real_ns, m);
    m->sequence = ++s->sequence;
    s->recorded = s->info.usage;
    s->recorded_real_ns = m->to_real_ns;
    return true;
}

void meter_last(const struct sub *s, struct msg_record *m)
{
    memset(m, 0, sizeof(*m));
    record_fill(s, s->info.ended_real_ns, m);
    if (rest_of(s, &m->usage))
        m->sequence = s->sequence + 1;
    else
        memset(&m->usage, 0, sizeof(m->usage));
}
