// SPDX-License-Identifier: ISC
// Attaching volumes to submissions; see volume.h.
//
// A volume is one domain's, unless all that have it read it only, or all of
// them said that they share it. It is attached from just before the start is
// asked for until the domain's end is known, when nobody serves it any more.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/log.h"
#include "node-agent/bundle/manifest.h"
#include "node-agent/keeper/keeper.h"
#include "node-agent/keeper/volume.h"

_Static_assert(MANIFEST_VOLUMES_MAX <= START_VOLUMES_MAX, "they fit");
_Static_assert(sizeof(((struct volume_use *)0)->mount) ==
                   sizeof(((struct start_volume *)0)->mount),
               "a mount fits");

static bool reads_only(const struct volume *v, const struct volume_use *use)
{
    return use->read_only || v->row.info.read_only;
}

int volumes_check(struct keeper *k, const key_id_t *customer,
                  const struct manifest *m, struct err *e)
{
    for (size_t i = 0; i < m->nvolumes; i++) {
        const struct volume_use *use = &m->volume[i];
        const struct volume *v = volume_find(k, customer, use->name);

        if (!v)
            return err_set(e, EINVAL,
                           "you have no volume \"%s\" on this node: `hostel "
                           "volume create` makes one",
                           use->name);
        if (v->row.info.read_only && !use->read_only)
            return err_set(e, EINVAL,
                           "volume \"%s\" is a snapshot: attach it read-only "
                           "(:ro), or make a clone of it",
                           use->name);
        if (v->row.info.unpaid)
            return err_set(e, EINVAL,
                           "there is no money to keep volume \"%s\": it can "
                           "be downloaded and deleted only",
                           use->name);
    }
    return 0;
}

int volumes_take_uses(struct sub *s, const struct manifest *m, struct err *e)
{
    if (s->volume || !m->nvolumes)
        return 0;
    s->volume = calloc(m->nvolumes, sizeof(*s->volume));
    if (!s->volume)
        return err_set(e, ENOMEM, "no memory for volumes");
    memcpy(s->volume, m->volume, m->nvolumes * sizeof(*s->volume));
    s->nvolumes = (uint32_t)m->nvolumes;
    return 0;
}

// May it be attached now, besides those that have it?
static int use_allowed(struct keeper *k, const struct sub *s,
                       const struct volume_use *use, struct volume **out,
                       struct err *e)
{
    struct volume *v = volume_find(k, &s->info.customer, use->name);
    const struct volume_info *i;

    if (!v)
        return err_set(e, EBUSY, "its volume \"%s\" was deleted", use->name);
    i = &v->row.info;
    *out = v;
    if (i->state != VOLUME_READY ||
        (v->working && (v->kind == JOB_UNPACK || v->kind == JOB_COPY)))
        return err_set(e, EBUSY,
                       "its volume \"%s\" is being copied or uploaded; run it "
                       "again when that is over",
                       use->name);
    if (v->packs && !reads_only(v, use))
        return err_set(e, EBUSY,
                       "its volume \"%s\" is being downloaded; run it again "
                       "when that is over",
                       use->name);
    if (volume_copied(k, v) && !reads_only(v, use))
        return err_set(e, EBUSY, "its volume \"%s\" is being copied",
                       use->name);
    if (i->readers + i->writers && !(use->shared && i->shared) &&
        (i->writers || !reads_only(v, use)))
        return err_set(e, EBUSY,
                       "its volume \"%s\" is attached to another program: one "
                       "has it for itself unless all read it only (:ro) or "
                       "all share it (:shared)",
                       use->name);
    return v->folder_fd < 0 ? err_set(e, EAGAIN, "not yet") : 0;
}

static void count(struct volume *v, const struct volume_use *use, int by)
{
    struct volume_info *i = &v->row.info;

    if (!(i->readers + i->writers))
        i->shared = use->shared;
    if (reads_only(v, use))
        i->readers += (uint32_t)by;
    else
        i->writers += (uint32_t)by;
    // As all of them said, or it is not.
    i->shared = i->readers + i->writers ? i->shared && use->shared : 0;
}

int volumes_attach(struct keeper *k, struct sub *s, struct msg_start *m,
                   int *fds, struct err *e)
{
    struct volume *v[START_VOLUMES_MAX];
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < s->nvolumes; i++)
        r = use_allowed(k, s, &s->volume[i], &v[i], e);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < s->nvolumes; i++) {
        const struct volume_use *use = &s->volume[i];
        struct volume_info *info = &v[i]->row.info;
        struct start_volume *to = &m->volume[i];

        fds[i] = fcntl(v[i]->folder_fd, F_DUPFD_CLOEXEC, 0);
        if (fds[i] < 0) {
            while (i)
                close(fds[--i]);
            return err_set(e, EAGAIN, "no descriptor for a volume");
        }
        memcpy(to->mount, use->mount, sizeof(to->mount));
        to->quota_bytes = info->quota_bytes;
        to->flags = (reads_only(v[i], use) ? START_V_READ_ONLY : 0) |
                    (use->shared ? START_V_SHARED : 0) |
                    (info->readers + info->writers ? 0 : START_V_FRESH);
    }
    for (uint32_t i = 0; i < s->nvolumes; i++)
        count(v[i], &s->volume[i], 1);
    m->nvolumes = s->nvolumes;
    s->attached = s->nvolumes != 0;
    return 0;
}

void volumes_attached(struct keeper *k, struct sub *s)
{
    struct err e;

    // Its manifest says which.
    if (!s->volume && cmdline_load(k, s, &e) < 0) {
        log_error("the volumes of a program that runs are not known: %s",
                  e.text);
        return;
    }
    cmdline_forget(s);
    for (uint32_t i = 0; i < s->nvolumes; i++) {
        struct volume *v = volume_find(k, &s->info.customer, s->volume[i].name);

        if (v)
            count(v, &s->volume[i], 1);
    }
    s->attached = s->nvolumes != 0;
}

void volumes_detach(struct keeper *k, struct sub *s)
{
    if (!s->attached)
        return;
    s->attached = false;
    for (uint32_t i = 0; i < s->nvolumes; i++) {
        struct volume *v = volume_find(k, &s->info.customer, s->volume[i].name);

        if (!v)
            continue;
        count(v, &s->volume[i], -1);
        // What it has written is known only now.
        if (!reads_only(v, &s->volume[i]))
            v->uncounted = true;
        volume_step(k, v);
    }
}
