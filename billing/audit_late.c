// SPDX-License-Identifier: ISC
// Submissions that were settled before a usage record came. The walk has
// dropped them by then, and takes them back from the entries that it passed.
#include <string.h>
#include "billing/audit_internal.h"

static int entry_add(struct audit *a, struct audit_submission *to,
                     uint64_t number, const struct entry *entry, struct err *e)
{
    switch (entry->kind) {
    case ENTRY_ADMISSION:
        to->account = entry->account;
        to->hold_nano = entry->admission.hold_nano;
        to->card = audit_card_find(a, entry->admission.card_digest);
        break;
    case ENTRY_USAGE_RECORD:
        if (usage_add(&to->usage, &entry->record.usage) < 0)
            return AUDIT_BAD(e, "the usage adds up to too much");
        to->record_count++;
        if (entry->record.seq > to->last_record_seq)
            to->last_record_seq = entry->record.seq;
        break;
    case ENTRY_SETTLEMENT:
        // From the newest back: what the last one says, when the first was.
        if (!to->settlement) {
            to->settlement = number;
            to->settled = entry->settlement;
        }
        to->settled_ns = entry->time_ns;
        break;
    default:
        break;
    }
    return 0;
}

int audit_submission_reopen(struct audit *a, const struct usage_record *record,
                            struct audit_submission *out, struct err *e)
{
    uint64_t number = a->before_column, before = 0;

    memcpy(out->id, record->submission_id, LEDGER_ID_SIZE);
    out->row = a->submission_column;
    out->last_entry = number;
    for (; number; number = before) {
        struct entry entry;
        int r;

        if (number >= a->number)
            return AUDIT_BAD(e, "it follows an entry that comes later");
        r = audit_entry_read(a, number, &entry, &before, e);
        if (r == 0)
            r = entry_add(a, out, number, &entry, e);
        if (r < 0)
            return r;
    }
    if (!out->card || out->settlement != out->last_entry ||
        memcmp(out->settled.submission_id, out->id, LEDGER_ID_SIZE) != 0 ||
        out->settled.voided)
        return AUDIT_BAD(e, "its submission was not admitted or is over");
    out->held = out->freed = true;
    return 0;
}
