// SPDX-License-Identifier: ISC
// Taking up where a predecessor ended, whenever that was. The journal says
// which step each submission had reached; what the spawner still has (and says
// before it is done adopting) decides about domains.
//
//     asked     the money is given back unless the customer comes again
//     held      waits for its turn again, or runs, if it was adopted
//     building  is built again
//     built     as held
//     running   goes on if it was adopted, or its end is reported; else lost
//     settling  is settled again, which changes nothing if it was settled

#include <errno.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/keeper/keeper.h"
#include "node-agent/agent/period.h"
#include "node-agent/keeper/machine.h"
#include "node-agent/keeper/period.h"

// The parts of a struct sub that are not in the journal stay as sub_new made
// them.
static int load(void *arg, const struct sub *stored)
{
    struct keeper *k = arg;
    struct sub *s = sub_new(&k->subs, &stored->info.id);

    if (!s)
        return -ENOMEM;
    s->info = stored->info;
    s->is_source = stored->is_source;
    s->expires_s = stored->expires_s;
    memcpy(s->nonce, stored->nonce, sizeof(s->nonce));
    memcpy(s->bundle, stored->bundle, sizeof(s->bundle));
    s->has_image = stored->has_image;
    s->has_initrd = stored->has_initrd;
    memcpy(s->image, stored->image, sizeof(s->image));
    memcpy(s->initrd, stored->initrd, sizeof(s->initrd));
    s->before = stored->before;
    s->recorded = stored->recorded;
    s->recorded_real_ns = stored->recorded_real_ns;
    s->sequence = stored->sequence;
    s->ahead = stored->ahead;
    s->destroyed = stored->destroyed;
    s->spent = stored->spent;
    s->asked_mono_ns = clock_mono_ns();
    return 0;
}

// Records first, in case their submission is to be settled.
static int resend(void *arg, const struct msg_record *stored)
{
    struct keeper *k = arg;
    struct sub *s = sub_find(&k->subs, &stored->id);
    struct msg_record m = *stored;

    if (!s)
        return 0; // done: it was refused or is in the books
    s->record_pending = true;
    m.id = period_id(&m.id, s->info.period);
    ipc_head(&m, MSG_RECORD, sub_tag(s));
    chan_post(&k->ledger, &m, NULL, 0);
    return 0;
}

int recover_journal(struct keeper *k, struct err *e)
{
    int r = journal_live(&k->journal, load, k, e);

    if (r == 0)
        r = journal_records(&k->journal, resend, k, e);
    if (r < 0)
        return err_prefix(e, "taking up the journal");
    for (struct sub *s = sub_next(&k->subs, NULL); s; s = sub_next(&k->subs, s))
        if (s->info.state != SUB_ASKED) {
            period_resume(k, s);
            machine_resume(k, s);
        }
    if (k->subs.count)
        log_info("took up %u submissions that were not done", k->subs.count);
    return 0;
}

void recover_lost(struct keeper *k)
{
    for (struct sub *s = sub_next(&k->subs, NULL); s; s = sub_next(&k->subs, s))
        if (s->info.state == SUB_RUNNING && !s->adopted &&
            s->info.run.mode != RUN_FUNCTION)
            machine_event(k, s, .kind = EV_LOST,
                          .text = "the node stopped and the domain with it");
}
