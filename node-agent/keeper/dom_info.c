// SPDX-License-Identifier: ISC
// What is told of a domain, the operator's or a submission's: struct dom_info.

#include "node-agent/keeper/dom.h"

#include <stdio.h>
#include <string.h>

static void args_join(char *out, size_t room, const struct dom_create *c)
{
    const char *at = c->cmdline, *end = c->cmdline + c->cmdline_len;
    size_t n = 0;

    out[0] = 0;
    for (uint32_t i = 0; i < c->argc && at < end; i++) {
        size_t len = strnlen(at, (size_t)(end - at));

        // The first is the image.
        if (i > 0)
            n += (size_t)snprintf(out + n, room - n, "%s%.*s", n ? " " : "",
                                  (int)len, at);
        if (n >= room)
            return;
        at += len + 1;
    }
}

static void info_figures(struct dom_info *i, const struct dom_figures *f)
{
    i->domid = f->domid;
    i->engine = f->engine;
    i->letter = f->letter;
    i->mem_kib = f->mem_kib;
    i->figures_real_ns = f->real_ns;
}

static uint32_t dom_letter(const struct dom *d)
{
    switch (d->row.state) {
    case DOM_OFF:
        return 's';
    case DOM_CRASHED:
        return 'c';
    case DOM_RUNNING:
        return d->row.destroyed ? 'd' : d->now.real_ns ? d->now.letter : '-';
    }
    return '-';
}

void dom_info_fill(const struct dom *d, struct dom_info *i)
{
    const struct dom_create *c = &d->row.config;

    memset(i, 0, sizeof(*i));
    info_figures(i, &d->now);
    i->id = d->row.id;
    i->domid = d->row.domid;
    i->letter = dom_letter(d);
    i->weight = c->weight;
    i->cap = c->cap;
    i->restarts = d->row.restarts;
    memcpy(i->on, c->on, sizeof(i->on));
    i->cause = d->row.cause;
    i->status = d->row.status;
    i->memory_kib = c->memory_kib;
    i->max_kib = c->max_kib;
    i->cpu_budget_ns = c->cpu_ns;
    i->wall_budget_ns = c->wall_ns;
    i->created_real_ns = d->row.created_real_ns;
    i->started_real_ns = d->row.started_real_ns;
    i->usage = d->row.done;
    usage_add(&i->usage, &d->now.usage); // too much shows what it can
    i->usage.mem_reserved_kib = c->memory_kib;
    i->argc = c->argc;
    i->envc = c->envc;
    for (uint32_t n = 0; n < d->row.devices.n; n++)
        if (d->row.devices.at[n].m.type == HV_DEV_BLOCK)
            i->disks++;
        else
            i->vifs++;
    memcpy(i->name, c->name, sizeof(i->name));
    memcpy(i->kernel, c->kernel, sizeof(i->kernel));
    memcpy(i->ramdisk, c->ramdisk, sizeof(i->ramdisk));
    args_join(i->args, sizeof(i->args), c);
    if (d->row.state == DOM_WAITING && d->waits_for[0])
        ipc_text(i->report, d->waits_for);
    else
        memcpy(i->report, d->row.report, sizeof(i->report));
}

void dom_info_of_sub(const struct sub *s, struct dom_info *i)
{
    memset(i, 0, sizeof(*i));
    info_figures(i, &s->now);
    i->letter = s->destroyed ? 'd' : s->now.real_ns ? s->now.letter : '-';
    i->id = s->info.id;
    i->customer = s->info.customer;
    i->weight = dom_weight(s->now.weight);
    i->cap = s->now.cap;
    i->memory_kib = s->info.limits.memory_kib;
    i->max_kib = s->now.max_kib;
    i->cpu_budget_ns = s->info.limits.cpu_ns;
    i->wall_budget_ns = s->info.limits.wall_ns;
    i->created_real_ns = s->info.submitted_real_ns;
    i->started_real_ns = s->info.started_real_ns;
    i->usage = s->now.usage;
    memcpy(i->name, s->info.name, sizeof(i->name));
}
