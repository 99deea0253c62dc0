// SPDX-License-Identifier: ISC
// The life of volumes; see volume.h.
//
//     making     money is held, then the folders are made
//     copying    another's files are copied into it
//     ready      [an upload's job], [it is counted again]
//     deleting   its files go, its last period is settled, then its row goes
//
// volume_step looks at what is so and does what comes next. It is called
// whenever something has changed, and after a restart.

#include "node-agent/keeper/volume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/keeper/keeper.h"

#define TICK_NS  (1ull * 1000000000u)
#define COUNT_NS (60ull * 1000000000u) // what programs write to
#define RETRY_NS (1ull * 1000000000u)  // the volumes role had too much to do

struct volume *volume_find(struct keeper *k, const key_id_t *customer,
                           const char *name)
{
    for (uint32_t i = 0; i < k->volumes->top; i++) {
        struct volume *v = k->volumes->at[i];

        if (v && v->row.info.state != VOLUME_DELETING &&
            !memcmp(&v->row.info.customer, customer, sizeof(*customer)) &&
            !strcmp(v->row.info.name, name))
            return v;
    }
    return NULL;
}

void volume_touch(struct keeper *k, struct volume *v)
{
    if (v->touched)
        return;
    v->touched = true;
    v->touched_next = k->volumes->touched;
    k->volumes->touched = v;
}

static void volume_free(struct keeper *k, struct volume *v)
{
    struct volumes *t = k->volumes;

    if (v->folder_fd >= 0)
        close(v->folder_fd);
    t->at[v->row.number] = NULL;
    t->quota_bytes -= v->row.info.quota_bytes;
    while (t->top && !t->at[t->top - 1])
        t->top--;
    free(v);
}

int volumes_save(struct keeper *k, struct err *e)
{
    struct volumes *t = k->volumes;

    while (t->touched) {
        struct volume *v = t->touched;
        int r = v->gone ? volume_row_delete(&k->journal, v->row.number, e)
                        : volume_row_save(&k->journal, &v->row, e);

        if (r < 0)
            return r;
        t->touched = v->touched_next;
        v->touched = false;
        if (v->gone)
            volume_free(k, v);
    }
    return 0;
}

// ---------------------------------------------------------------------- jobs

#define PACK_TAG (1ull << 60)

void volume_job(struct keeper *k, struct volume *v, enum job_kind kind,
                uint32_t flags, int *fd)
{
    struct msg_job m = {.kind = kind,
                        .number = v->row.number,
                        .from = kind == JOB_COPY ? v->row.source : 0,
                        .flags = flags,
                        .quota_bytes = v->row.info.quota_bytes};
    uint64_t tag = VOLUME_TAG | v->row.number;

    if (kind == JOB_PACK) {
        v->packs++;
        tag |= PACK_TAG;
    } else {
        v->working = true;
        v->kind = kind;
    }
    ipc_head(&m, MSG_JOB, tag);
    if (fd) {
        int one = steal_fd(fd);

        chan_post(&k->volumed, &m, &one, 1);
    } else {
        chan_post(&k->volumed, &m, NULL, 0);
    }
}

static void counted(struct keeper *k, struct volume *v,
                    const struct msg_job_reply *m)
{
    volume_integrate(v, volumes_now_ns(k));
    v->row.info.used_bytes = m->used_bytes;
    v->row.info.used_files = m->used_files;
    v->uncounted = false;
    volume_touch(k, v);
}

static void job_done(struct keeper *k, struct volume *v,
                     const struct msg_job_reply *m)
{
    switch ((enum job_kind)v->kind) {
    case JOB_MAKE:
        v->row.info.state = *v->row.info.origin ? VOLUME_COPYING : VOLUME_READY;
        volume_touch(k, v);
        volume_created(k, v, 201, NULL);
        break;
    case JOB_COPY:
        v->row.info.state = VOLUME_READY;
        counted(k, v, m);
        break;
    case JOB_UNPACK:
    case JOB_COUNT:
        counted(k, v, m);
        break;
    case JOB_REMOVE:
        v->removed = true;
        break;
    case JOB_PACK:
    case JOB_OPEN:
        break;
    }
}

static void job_failed(struct keeper *k, struct volume *v,
                       const struct msg_job_reply *m)
{
    // An upload is the customer's to repeat; the rest is ours.
    if (v->kind == JOB_UNPACK) {
        v->uncounted = true; // perhaps it was moved into place halfway
        return;
    }
    if (v->kind == JOB_COPY && m->reply.status == 422) {
        // Its source has grown beyond the quota; what there is stays.
        log_warn("volume %u: %s", v->row.number, m->reply.text);
        v->row.info.state = VOLUME_READY;
        v->uncounted = true;
        volume_touch(k, v);
        return;
    }
    v->work_ns = clock_mono_ns() + RETRY_NS;
}

int volumes_job_news(struct keeper *k, const union ipc_any *any,
                     int fds[IPC_FDS_MAX], struct err *e)
{
    const struct msg_job_reply *m = &any->job_reply;
    uint64_t tag = any->head.tag;
    struct volume *v =
        (uint32_t)tag < VOLUMES_MAX ? k->volumes->at[(uint32_t)tag] : NULL;

    if (any->head.type != (MSG_JOB | MSG_REPLY) || !(tag & VOLUME_TAG) || !v)
        return err_set(e, EPROTO, "the volumes role may not send \"%s\"",
                       ipc_name(any->head.type));
    if (tag & PACK_TAG) {
        v->packs--;
        volume_step(k, v);
        return 0;
    }
    v->working = false;
    if (v->kind == JOB_UNPACK)
        volume_upload_over(k, v, m);
    if (v->kind == JOB_OPEN && fds[0] >= 0)
        v->folder_fd = steal_fd(&fds[0]);
    else if (v->kind == JOB_OPEN)
        v->work_ns = clock_mono_ns() + RETRY_NS; // and not at once
    if (m->reply.status == 200)
        job_done(k, v, m);
    else
        job_failed(k, v, m);
    volume_step(k, v);
    return 0;
}

// -------------------------------------------------------------------- the life

bool volume_copied(const struct keeper *k, const struct volume *v)
{
    for (uint32_t i = 0; i < k->volumes->top; i++) {
        const struct volume *other = k->volumes->at[i];

        if (other && other != v && other->row.info.state != VOLUME_READY &&
            *other->row.info.origin && other->row.source == v->row.number &&
            other->row.info.state != VOLUME_DELETING)
            return true;
    }
    return false;
}

// What the volumes role is to do next.
static void work(struct keeper *k, struct volume *v)
{
    const struct volume_row *r = &v->row;

    if (v->working || clock_mono_ns() < v->work_ns)
        return;
    switch ((enum volume_state)r->info.state) {
    case VOLUME_MAKING:
        if (r->period_state == PERIOD_HELD)
            volume_job(k, v, JOB_MAKE, 0, NULL);
        break;
    case VOLUME_COPYING:
        volume_job(k, v, JOB_COPY, 0, NULL);
        break;
    case VOLUME_READY:
        if (v->folder_fd < 0)
            volume_job(k, v, JOB_OPEN, 0, NULL);
        else if (v->uncounted)
            volume_job(k, v, JOB_COUNT, 0, NULL);
        break;
    case VOLUME_DELETING:
        if (!v->removed && !v->packs)
            volume_job(k, v, JOB_REMOVE, 0, NULL);
        break;
    }
}

void volume_step(struct keeper *k, struct volume *v)
{
    if (v->gone)
        return;
    work(k, v);
    volume_bill(k, v, v->removed);
    if (v->removed && v->row.period_state == PERIOD_NONE && !v->asking) {
        v->gone = true;
        volume_touch(k, v);
    }
}

bool volumes_news(struct keeper *k, const union ipc_any *any)
{
    uint64_t tag = any->head.tag;
    struct volume *v;

    if (!(tag & VOLUME_TAG) || tag & (1ull << 63 | 1ull << 62))
        return false;
    v = (uint32_t)tag < VOLUMES_MAX ? k->volumes->at[(uint32_t)tag] : NULL;
    if (v && any->head.type == (MSG_HOLD | MSG_REPLY))
        volume_held(k, v, &any->hold_reply);
    else if (v && any->head.type == (MSG_SETTLE | MSG_REPLY))
        volume_settled(k, v, &any->settle);
    return true;
}

void volumes_timers(struct keeper *k, uint64_t now_ns)
{
    if (now_ns < k->volumes->due_ns)
        return;
    k->volumes->due_ns = now_ns + TICK_NS;
    for (uint32_t i = 0; i < k->volumes->top; i++) {
        struct volume *v = k->volumes->at[i];

        if (v && v->row.info.writers && now_ns >= v->count_ns) {
            v->uncounted = true;
            v->count_ns = now_ns + COUNT_NS;
        }
        if (v)
            volume_step(k, v);
    }
}

// Nothing is due on a node without volumes.
uint64_t volumes_due_ns(const struct keeper *k)
{
    return k->volumes->top ? k->volumes->due_ns : UINT64_MAX;
}

// -------------------------------------------------------------- open and close

static int take_up(void *arg, const struct volume_row *row)
{
    struct keeper *k = arg;
    struct volume *v = calloc(1, sizeof(*v));

    if (!v)
        return -ENOMEM;
    v->row = *row;
    v->folder_fd = -1;
    v->row.info.readers = v->row.info.writers = v->row.info.shared = 0;
    v->uncounted = true; // who knows what was under way
    k->volumes->at[row->number] = v;
    k->volumes->quota_bytes += row->info.quota_bytes;
    if (row->number >= k->volumes->top)
        k->volumes->top = row->number + 1;
    return 0;
}

int volumes_open(struct keeper *k, struct err *e)
{
    int r;

    k->volumes = calloc(1, sizeof(*k->volumes));
    if (!k->volumes)
        return err_set(e, ENOMEM, "no memory for volumes");
    clock_watch_begin(&k->volumes->clock, 0);
    r = volume_rows_open(&k->journal, e);
    if (r == 0)
        r = volume_rows_each(&k->journal, take_up, k, e);
    return r < 0 ? err_prefix(e, "taking up volumes") : 0;
}

void volumes_close(struct keeper *k)
{
    for (uint32_t i = 0; k->volumes && i < k->volumes->top; i++) {
        struct volume *v = k->volumes->at[i];

        if (v && v->folder_fd >= 0)
            close(v->folder_fd);
        free(v);
    }
    free(k->volumes);
    k->volumes = NULL;
}
