// SPDX-License-Identifier: ISC
// The auditor's own books, kept from the entries alone.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "billing/audit_internal.h"

// ------------------------------------------------------------------ accounts

static struct account *account_find(struct audit *a, uint64_t number)
{
    return number >= 1 && number <= a->result->accounts ? &a->accounts[number]
                                                        : NULL;
}

static int account_take(struct audit *a, const struct entry *entry,
                        struct err *e)
{
    const struct account_opened *opened = &entry->account_opened;
    struct account *account;

    if (opened->number != a->result->accounts + 1 ||
        entry->account != opened->number)
        return AUDIT_BAD(e, "accounts are numbered out of order");
    if (opened->number >= a->account_room) {
        size_t room = a->account_room ? 2 * a->account_room : 64;

        account = realloc(a->accounts, room * sizeof(*account));
        if (!account)
            return err_set(e, ENOMEM, "no memory for the accounts");
        a->accounts = account;
        a->account_room = room;
    }
    account = &a->accounts[opened->number];
    memset(account, 0, sizeof(*account));
    account->number = opened->number;
    account->kind = opened->kind;
    memcpy(account->key, opened->key, sizeof(account->key));
    strcpy(account->name, opened->name);
    strcpy(account->currency, opened->currency);
    account->credit_limit_nano = opened->credit_limit_nano;
    account->opened_ns = entry->time_ns;
    a->result->accounts++;
    return 0;
}

// Entries about an account are numbered 1, 2, 3 ...
static int seq_take(struct audit *a, const struct entry *entry, struct err *e)
{
    struct account *account = account_find(a, entry->account);

    if (entry->account == 0 && entry->account_seq == 0)
        return 0;
    if (!account)
        return AUDIT_BAD(e, "it is about an account that does not exist");
    if (entry->account_seq != ++account->last_seq)
        return AUDIT_BAD(e,
                         "it is number %" PRIu64 " of account %" PRIu64
                         " instead of %" PRIu64,
                         entry->account_seq, entry->account, account->last_seq);
    return 0;
}

// ---------------------------------------------------------------- rate cards

static int card_take(struct audit *a, const struct entry *entry, struct err *e)
{
    struct audit_card *card;

    if (entry->account)
        return AUDIT_BAD(e, "a rate card is about an account");
    if (a->card_count == AUDIT_CARDS_MAX)
        return AUDIT_BAD(e, "there are more than %d rate cards",
                         AUDIT_CARDS_MAX);
    card = malloc(sizeof(*card));
    if (!card)
        return err_set(e, ENOMEM, "no memory for the rate cards");
    card->card = entry->card;
    card->entry = a->number;
    ratecard_digest(&entry->card, card->digest);
    a->cards[a->card_count++] = card;
    return 0;
}

const struct audit_card *audit_card_find(const struct audit *a,
                                         const uint8_t *digest)
{
    for (size_t i = 0; i < a->card_count; i++)
        if (memcmp(a->cards[i]->digest, digest, RATECARD_DIGEST_SIZE) == 0)
            return a->cards[i];
    return NULL;
}

// --------------------------------------------------------------- submissions

static struct audit_submission **bucket_of(struct audit *a, const uint8_t *id)
{
    uint64_t hash;

    memcpy(&hash, id, sizeof(hash));
    return &a->buckets[hash * 0x9e3779b97f4a7c15 >> 50];
}

_Static_assert(AUDIT_BUCKETS == 1 << (64 - 50), "buckets fit the hash");

static struct audit_submission **submission_find(struct audit *a,
                                                 const uint8_t *id)
{
    struct audit_submission **at = bucket_of(a, id);

    while (*at && memcmp((*at)->id, id, LEDGER_ID_SIZE) != 0)
        at = &(*at)->next;
    return at;
}

static void submission_drop(struct audit_submission **at)
{
    struct audit_submission *gone = *at;

    *at = gone->next;
    free(gone);
}

static int admission_check(struct audit *a, const struct entry *entry,
                           const struct audit_submission *submission,
                           struct err *e)
{
    const struct account *account = account_find(a, entry->account);

    if (!account || account->kind != ACCOUNT_CUSTOMER ||
        memcmp(account->key, entry->admission.customer_key, LEDGER_KEY_SIZE))
        return AUDIT_BAD(e, "the admission names another customer");
    if (!submission->card ||
        strcmp(submission->card->card.currency, account->currency) != 0)
        return AUDIT_BAD(e, "the submission's rate card is not in the log");
    if (!ratecard_applies(&submission->card->card, account->key,
                          entry->time_ns))
        return AUDIT_BAD(e, "the rate card is of another time or customer");
    if (submission->row != a->submission_column)
        return AUDIT_BAD(e, "its row names another submission");
    return 0;
}

// One that was over cannot come again: its row would have to name two ends.
static int admission_take(struct audit *a, const struct entry *entry,
                          struct err *e)
{
    const struct admission *admission = &entry->admission;
    struct audit_submission **at = submission_find(a, admission->submission_id);
    struct audit_submission *submission;
    int r;

    if (*at)
        return AUDIT_BAD(e, "the submission was admitted before");
    submission = calloc(1, sizeof(*submission));
    if (!submission)
        return err_set(e, ENOMEM, "no memory for the submissions");
    *at = submission;
    a->submission_count++;
    memcpy(submission->id, admission->submission_id, LEDGER_ID_SIZE);
    submission->account = entry->account;
    submission->last_entry = a->number;
    submission->hold_nano = admission->hold_nano;
    submission->card = audit_card_find(a, admission->card_digest);
    r = audit_submission_number(a, submission->id, &submission->row, e);
    return r < 0 ? r : admission_check(a, entry, submission, e);
}

// The submission that an entry is part of.
static int submission_enter(struct audit *a, const struct entry *entry,
                            const uint8_t id[LEDGER_ID_SIZE],
                            struct audit_submission ***out, struct err *e)
{
    struct audit_submission **at = submission_find(a, id);

    if (!*at)
        return AUDIT_BAD(e, "its submission was not admitted or is over");
    if ((*at)->account != entry->account)
        return AUDIT_BAD(e, "it changes the submission's account");
    if ((*at)->row != a->submission_column)
        return AUDIT_BAD(e, "its row names another submission");
    if ((*at)->last_entry != a->before_column)
        return AUDIT_BAD(e, "its row does not follow the submission's entries");
    (*at)->last_entry = a->number;
    *out = at;
    return 0;
}

// A late usage record brings its submission back, until it is settled again.
static int submission_return(struct audit *a, const struct entry *entry,
                             struct err *e)
{
    struct audit_submission **at =
        submission_find(a, entry->record.submission_id);
    struct audit_submission *submission;
    uint64_t newest;
    int r;

    if (*at || !a->before_column)
        return 0;
    submission = calloc(1, sizeof(*submission));
    if (!submission)
        return err_set(e, ENOMEM, "no memory for the submissions");
    *at = submission;
    r = audit_submission_reopen(a, &entry->record, submission, e);
    if (r == 0)
        r = audit_settlement_newest(a, submission, &newest, e);
    if (r < 0)
        return r;
    if (newest != submission->last_entry)
        return AUDIT_BAD(e, "it does not follow the submission's last entry");
    if (entry->time_ns >= submission->settled_ns + LEDGER_LATE_NS)
        return AUDIT_BAD(e, "usage is recorded too long after the settlement");
    a->deferred--;
    return 0;
}

static int record_take(struct audit *a, const struct entry *entry,
                       struct err *e)
{
    const struct usage_record *record = &entry->record;
    struct audit_submission **at;
    int r = submission_return(a, entry, e);

    if (r == 0)
        r = submission_enter(a, entry, record->submission_id, &at, e);
    if (r < 0)
        return r;
    if ((*at)->settlement
            ? (*at)->settled.record_count != (*at)->record_count
            : (*at)->freed || (*at)->held != ((*at)->hold_nano > 0))
        return AUDIT_BAD(e, "usage is recorded outside of the hold");
    if (usage_add(&(*at)->usage, &record->usage) < 0)
        return AUDIT_BAD(e, "the usage adds up to too much");
    (*at)->record_count++;
    a->result->records++;
    if (record->seq > (*at)->last_record_seq) {
        (*at)->last_record_seq = record->seq;
        return 0;
    }
    return audit_record_again(a, *at, record->seq, e);
}

static int settlement_first(const struct audit_submission *submission,
                            const struct settlement *settlement, struct err *e)
{
    int64_t hold = submission->hold_nano;
    struct settlement own;

    if (settlement_rate(&own, &submission->card->card, &submission->usage, hold,
                        e) < 0)
        return AUDIT_BAD(e, "the usage cannot be rated");
    if (!settlement_same(&own, settlement) || settlement->amends)
        return AUDIT_BAD(e, "the charge is not what the usage costs");
    if (submission->charged_nano != own.billed_nano ||
        submission->released_nano != (own.billed_nano ? 0 : hold) ||
        submission->written_off_nano != own.written_off_nano)
        return AUDIT_BAD(e, "the transfers are not those of the settlement");
    if (settlement->voided && submission->record_count)
        return AUDIT_BAD(e, "a submission with usage was made void");
    return 0;
}

// What the account had when a late charge was made, as it stood before it.
static int settlement_late(struct audit *a,
                           const struct audit_submission *submission,
                           const struct settlement *settlement, struct err *e)
{
    const struct account *account = account_find(a, submission->account);
    const struct settlement *before = &submission->settled;
    int64_t room =
        account_available_nano(account) + submission->late_charged_nano;
    struct settlement own;

    if (settlement_amend(&own, before, &submission->card->card,
                         &submission->usage, submission->hold_nano, room,
                         e) < 0)
        return AUDIT_BAD(e, "the usage cannot be rated");
    if (!settlement_same(&own, settlement) || settlement->voided ||
        settlement->amends != submission->settlement)
        return AUDIT_BAD(e, "the charge is not what the late usage costs");
    if (submission->late_charged_nano !=
            own.billed_nano - before->billed_nano ||
        submission->late_written_off_nano !=
            own.written_off_nano - before->written_off_nano)
        return AUDIT_BAD(e, "the transfers are not those of the settlement");
    return 0;
}

// The row tells what the last settlement said: earlier ones leave it to that.
static int settlement_rows(struct audit *a,
                           const struct audit_submission *submission,
                           const struct entry *entry, struct err *e)
{
    const struct settlement *settlement = &entry->settlement;
    uint64_t last;
    int r = 0;

    if (!settlement->voided) {
        a->settlement_rows++;
        r = audit_settlement_row(a, submission, entry->time_ns, e);
    }
    if (r == 0)
        r = audit_submission_last(a, submission, &last, e);
    if (r < 0)
        return r;
    if (last > a->number && !settlement->voided) {
        a->deferred++;
        return 0;
    }
    return audit_submission_row(
        a, submission,
        settlement->voided ? SUBMISSION_VOID : SUBMISSION_SETTLED, settlement,
        submission->settlement ? submission->settled_ns : entry->time_ns, e);
}

static int settlement_take(struct audit *a, const struct entry *entry,
                           struct err *e)
{
    const struct settlement *settlement = &entry->settlement;
    struct audit_submission **at;
    int r = submission_enter(a, entry, settlement->submission_id, &at, e);

    if (r == 0 && settlement->record_count != (*at)->record_count)
        r = AUDIT_BAD(e, "the settlement does not count the usage records");
    if (r == 0)
        r = (*at)->settlement ? settlement_late(a, *at, settlement, e)
                              : settlement_first(*at, settlement, e);
    if (r == 0)
        r = settlement_rows(a, *at, entry, e);
    if (r < 0)
        return r;
    a->result->settlements++;
    submission_drop(at);
    return 0;
}

// ----------------------------------------------------------------- transfers

// What each purpose must look like. The submission's account is the customer.
static const struct {
    enum transfer_kind kind;
    enum account_kind debit, credit;
} shapes[] = {
    [PURPOSE_TOP_UP] = {TRANSFER_POSTED, ACCOUNT_CASH, ACCOUNT_CUSTOMER},
    [PURPOSE_HOLD] = {TRANSFER_PENDING, ACCOUNT_CUSTOMER, ACCOUNT_REVENUE},
    [PURPOSE_CHARGE] = {TRANSFER_POST, ACCOUNT_CUSTOMER, ACCOUNT_REVENUE},
    [PURPOSE_RELEASE] = {TRANSFER_VOID, ACCOUNT_CUSTOMER, ACCOUNT_REVENUE},
    [PURPOSE_WRITE_OFF] = {TRANSFER_POSTED, ACCOUNT_WRITE_OFF, ACCOUNT_REVENUE},
    [PURPOSE_CREDIT_NOTE] = {TRANSFER_POSTED, ACCOUNT_REVENUE,
                             ACCOUNT_CUSTOMER},
    [PURPOSE_DEBIT_NOTE] = {TRANSFER_POSTED, ACCOUNT_CUSTOMER, ACCOUNT_REVENUE},
    [PURPOSE_LATE_CHARGE] = {TRANSFER_POSTED, ACCOUNT_CUSTOMER,
                             ACCOUNT_REVENUE},
    [PURPOSE_LATE_WRITE_OFF] = {TRANSFER_POSTED, ACCOUNT_WRITE_OFF,
                                ACCOUNT_REVENUE},
    [PURPOSE_TAX] = {TRANSFER_POSTED, ACCOUNT_TAX, ACCOUNT_TAX}, // audit_tax
};

static bool kinds_fit(const struct account *debit, const struct account *credit,
                      enum transfer_purpose purpose)
{
    if (purpose == PURPOSE_TAX)
        return (debit->kind == ACCOUNT_TAX) != (credit->kind == ACCOUNT_TAX);
    return debit->kind == shapes[purpose].debit &&
           credit->kind == shapes[purpose].credit;
}

static int shape_check(struct audit *a, const struct entry *entry,
                       struct err *e)
{
    const struct transfer *transfer = &entry->transfer;
    const struct account *debit = account_find(a, transfer->debit);
    const struct account *credit = account_find(a, transfer->credit);
    enum transfer_purpose purpose = transfer->purpose;

    if (!debit || !credit || strcmp(debit->currency, credit->currency) != 0)
        return AUDIT_BAD(e, "a transfer needs two accounts of one currency");
    if (transfer->kind != shapes[purpose].kind ||
        !kinds_fit(debit, credit, purpose))
        return AUDIT_BAD(e, "the transfer does not fit its purpose");
    if ((debit->kind == ACCOUNT_CUSTOMER && debit->number != entry->account) ||
        (credit->kind == ACCOUNT_CUSTOMER && credit->number != entry->account))
        return AUDIT_BAD(e, "the transfer is about another customer");
    return 0;
}

// Moves the balances; `pending_nano` is what the hold had reserved.
static int balances_move(struct audit *a, const struct transfer *transfer,
                         int64_t pending_nano, struct err *e)
{
    struct account *debit = account_find(a, transfer->debit);
    struct account *credit = account_find(a, transfer->credit);
    int64_t *from = &debit->debits_posted_nano;
    int64_t *to = &credit->credits_posted_nano;
    int64_t amount = transfer->amount_nano;

    if (transfer->kind == TRANSFER_POST || transfer->kind == TRANSFER_VOID) {
        debit->debits_pending_nano -= pending_nano;
        credit->credits_pending_nano -= pending_nano;
    }
    if (transfer->kind == TRANSFER_PENDING) {
        from = &debit->debits_pending_nano;
        to = &credit->credits_pending_nano;
    }
    if (transfer->kind == TRANSFER_VOID)
        return 0;
    if (__builtin_add_overflow(*from, amount, from) ||
        __builtin_add_overflow(*to, amount, to))
        return AUDIT_BAD(e, "a balance exceeds 2^63 nano-units");
    // A charge takes what its hold had reserved, whatever the limit is by now.
    if (transfer->kind != TRANSFER_POST && debit->kind == ACCOUNT_CUSTOMER &&
        account_available_nano(debit) < 0)
        return AUDIT_BAD(e, "account %" PRIu64 " goes below its limit",
                         debit->number);
    return 0;
}

// The step that a transfer is in the life of its submission.
static int hold_step(struct audit *a, struct audit_submission *submission,
                     const struct transfer *transfer, struct err *e)
{
    bool late = submission->settlement &&
                submission->record_count > submission->settled.record_count;
    bool fits = false;

    switch (transfer->purpose) {
    case PURPOSE_TOP_UP:
    case PURPOSE_CREDIT_NOTE:
    case PURPOSE_DEBIT_NOTE:
    case PURPOSE_TAX:
        break;
    case PURPOSE_HOLD:
        fits = !submission->held && submission->record_count == 0 &&
               transfer->amount_nano == submission->hold_nano;
        submission->held = true;
        break;
    case PURPOSE_CHARGE:
        fits = submission->held && !submission->freed &&
               transfer->amount_nano <= submission->hold_nano;
        submission->freed = true;
        submission->charged_nano = transfer->amount_nano;
        break;
    case PURPOSE_RELEASE:
        fits = submission->held && !submission->freed &&
               transfer->amount_nano == submission->hold_nano;
        submission->freed = true;
        submission->released_nano = transfer->amount_nano;
        break;
    case PURPOSE_WRITE_OFF:
        fits = (submission->freed || submission->hold_nano == 0) &&
               submission->written_off_nano == 0;
        submission->written_off_nano = transfer->amount_nano;
        break;
    case PURPOSE_LATE_CHARGE:
        fits = late && submission->late_charged_nano == 0 &&
               submission->late_written_off_nano == 0;
        submission->late_charged_nano = transfer->amount_nano;
        break;
    case PURPOSE_LATE_WRITE_OFF:
        fits = late && submission->late_written_off_nano == 0;
        submission->late_written_off_nano = transfer->amount_nano;
        break;
    }
    // Between a settlement and the next, only what late usage costs.
    if (submission->settlement && !late)
        fits = false;
    if (!fits)
        return AUDIT_BAD(e, "the transfer comes at the wrong time in the life "
                            "of its submission");
    if (transfer->kind == TRANSFER_POST || transfer->kind == TRANSFER_VOID)
        return audit_hold_row(a, submission, false, e);
    return 0;
}

static int transfer_ids_check(const struct transfer *transfer,
                              uint64_t record_count, struct err *e)
{
    enum transfer_purpose purpose = transfer->purpose;
    uint8_t id[LEDGER_ID_SIZE], hold_id[LEDGER_ID_SIZE] = {0};

    transfer_id(transfer->submission_id, purpose, record_count, id);
    if (purpose == PURPOSE_CHARGE || purpose == PURPOSE_RELEASE)
        transfer_id(transfer->submission_id, PURPOSE_HOLD, 0, hold_id);
    if (memcmp(transfer->id, id, sizeof(id)) != 0 ||
        memcmp(transfer->pending_id, hold_id, sizeof(hold_id)) != 0)
        return AUDIT_BAD(e, "the transfer's id is not its submission's");
    return 0;
}

// An account that falls below its warning must be told so next.
static void low_check(struct audit *a, uint64_t number)
{
    struct account *account = account_find(a, number);

    if (account->kind != ACCOUNT_CUSTOMER ||
        account->low == account_is_low(account))
        return;
    account->low = !account->low;
    if (account->low)
        a->low_account = number;
}

static int low_take(struct audit *a, const struct entry *entry, struct err *e)
{
    const struct account *account = account_find(a, entry->account);
    const struct low_balance *low = &entry->low_balance;

    if (a->low_account != entry->account || !entry->account ||
        low->threshold_nano != account->low_balance_nano ||
        low->available_nano != account_available_nano(account))
        return AUDIT_BAD(e, "the event of a low balance is not true");
    a->low_account = 0;
    return 0;
}

static int change_take(struct audit *a, const struct entry *entry,
                       struct err *e)
{
    const struct account_changed *changed = &entry->account_changed;
    struct account *account = account_find(a, entry->account);

    if (!account || account->kind != ACCOUNT_CUSTOMER)
        return AUDIT_BAD(e, "it changes an account that is no customer's");
    strcpy(account->name, changed->name);
    account->credit_limit_nano = changed->credit_limit_nano;
    account->low_balance_nano = changed->low_balance_nano;
    low_check(a, entry->account);
    return 0;
}

static int transfer_take(struct audit *a, const struct entry *entry,
                         struct err *e)
{
    const struct transfer *transfer = &entry->transfer;
    struct audit_submission **at = NULL;
    int r = shape_check(a, entry, e);

    if (r == 0)
        r = audit_transfer_row(a, transfer, entry->account, e);
    if (r == 0 && purpose_is_step(transfer->purpose)) {
        r = submission_enter(a, entry, transfer->submission_id, &at, e);
        if (r == 0)
            r = transfer_ids_check(transfer, (*at)->record_count, e);
        if (r == 0)
            r = hold_step(a, *at, transfer, e);
    }
    if (r == 0 && transfer->purpose == PURPOSE_TAX)
        r = audit_tax(a, transfer, e);
    if (r == 0)
        r = balances_move(a, transfer, at ? (*at)->hold_nano : 0, e);
    if (r < 0)
        return r;
    a->result->transfers++;
    low_check(a, entry->account);
    return 0;
}

// ----------------------------------------------------------------- the whole

int audit_entry(struct audit *a, const struct entry *entry, struct err *e)
{
    int r = 0;

    if (entry->kind == ENTRY_ACCOUNT_OPENED)
        r = account_take(a, entry, e);
    if (r == 0)
        r = seq_take(a, entry, e);
    if (r < 0)
        return r;
    if (a->low_account && entry->kind != ENTRY_LOW_BALANCE)
        return AUDIT_BAD(e, "the event of a low balance is missing before it");
    switch (entry->kind) {
    case ENTRY_ACCOUNT_OPENED:
        return 0;
    case ENTRY_ACCOUNT_CHANGED:
        return change_take(a, entry, e);
    case ENTRY_LOW_BALANCE:
        return low_take(a, entry, e);
    case ENTRY_INVOICE:
        return audit_invoice(a, entry, e);
    case ENTRY_RATE_CARD:
        return card_take(a, entry, e);
    case ENTRY_TRANSFER:
        return transfer_take(a, entry, e);
    case ENTRY_USAGE_RECORD:
        return record_take(a, entry, e);
    case ENTRY_SETTLEMENT:
        return settlement_take(a, entry, e);
    case ENTRY_ADMISSION:
        return admission_take(a, entry, e);
    }
    return -EBADMSG;
}

// Double entry: what all accounts of a currency hold together is nothing.
static int currency_check(struct audit *a, const char *currency, struct err *e)
{
    __int128 posted = 0, pending = 0;

    for (uint64_t n = 1; n <= a->result->accounts; n++) {
        const struct account *account = &a->accounts[n];

        if (strcmp(account->currency, currency) != 0)
            continue;
        posted += (__int128)account->credits_posted_nano -
                  account->debits_posted_nano;
        pending += (__int128)account->credits_pending_nano -
                   account->debits_pending_nano;
    }
    if (posted || pending)
        return AUDIT_BAD(e, "debits and credits in %s differ", currency);
    return 0;
}

static int held_check(struct audit *a,
                      const struct audit_submission *submission, struct err *e)
{
    a->result->held++;
    if (submission->settlement)
        return AUDIT_BAD(e,
                         "late usage after entry %" PRIu64 " was not settled",
                         submission->settlement);
    if (submission->freed || submission->written_off_nano)
        return AUDIT_BAD(e, "a charge of entry %" PRIu64 " has no settlement",
                         submission->last_entry);
    if (submission->held != (submission->hold_nano > 0))
        return AUDIT_BAD(
            e, "the hold for the admission of entry %" PRIu64 " is missing",
            submission->last_entry);
    if (submission->held && audit_hold_row(a, submission, true, e) < 0)
        return -EBADMSG;
    return audit_submission_row(a, submission, SUBMISSION_HELD, NULL, 0, e);
}

int audit_finish(struct audit *a, struct err *e)
{
    int r = 0;

    if (a->deferred)
        return AUDIT_BAD(e, "the table of submissions names last entries that "
                            "the log does not have");
    if (a->low_account)
        return AUDIT_BAD(e, "the event of a low balance is missing at the end");
    for (size_t i = 0; r == 0 && i < AUDIT_BUCKETS; i++)
        for (const struct audit_submission *s = a->buckets[i]; r == 0 && s;
             s = s->next)
            r = held_check(a, s, e);
    for (uint64_t n = 1; r == 0 && n <= a->result->accounts; n++) {
        r = audit_account_row(a, &a->accounts[n], e);
        if (r == 0 && a->accounts[n].kind == ACCOUNT_REVENUE)
            r = currency_check(a, a->accounts[n].currency, e);
    }
    for (size_t i = 0; r == 0 && i < a->card_count; i++)
        r = audit_card_row(a, a->cards[i], e);
    return r < 0 ? r : audit_table_counts(a, e);
}

void audit_free(struct audit *a)
{
    for (size_t i = 0; i < AUDIT_BUCKETS; i++)
        while (a->buckets[i])
            submission_drop(&a->buckets[i]);
    free(a->accounts);
    for (size_t i = 0; i < a->card_count; i++)
        free(a->cards[i]);
}
