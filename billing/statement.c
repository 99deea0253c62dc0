// SPDX-License-Identifier: ISC
// Statements and sums of an account.
#include "billing/statement.h"

#include <stdlib.h>
#include <string.h>
#include "lib/cleanup.h"
#include "lib/hex.h"
#include "billing/entry_json.h"
#include "billing/ledger_internal.h"
#include "billing/money_json.h"
#include "billing/settled.h"
#include "billing/when.h"

// An account has no time before it was opened.
static json_t *about_json(const struct account *account, uint64_t from_ns,
                          uint64_t to_ns)
{
    char hex[2 * LEDGER_KEY_SIZE + 1], from[WHEN_TEXT_SIZE], to[WHEN_TEXT_SIZE];

    if (from_ns < account->opened_ns)
        from_ns = account->opened_ns;
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "customer",
                     hex_encode(hex, account->key, LEDGER_KEY_SIZE), "name",
                     account->name, "currency", account->currency, "from",
                     when_text(from_ns, from), "to", when_text(to_ns, to));
}

// An open end is now.
static uint64_t end_of(const struct ledger *ledger, uint64_t to_ns)
{
    uint64_t now_ns = ledger_now_ns(ledger);

    return to_ns > now_ns ? now_ns : to_ns;
}

// ----------------------------------------------------------------- statement

struct statement {
    uint64_t account, from_ns, to_ns;
    int64_t opening_nano;
    int64_t balance_nano;
    json_t *lines;
};

static int line_add(uint64_t number, const struct entry *entry, void *arg,
                    struct err *e)
{
    struct statement *s = arg;
    const struct transfer *transfer = &entry->transfer;
    int64_t amount_nano = transfer->credit == s->account
                              ? transfer->amount_nano
                              : -transfer->amount_nano;
    char when[WHEN_TEXT_SIZE], id[2 * LEDGER_ID_SIZE + 1];
    static const uint8_t none[LEDGER_ID_SIZE];
    json_t *line;

    if (entry->time_ns >= s->to_ns)
        return 1; // the end
    s->balance_nano += amount_nano;
    if (entry->time_ns < s->from_ns) {
        s->opening_nano = s->balance_nano;
        return 0;
    }
    line = json_pack(
        "{s:s, s:s, s:I, s:I}", "time", when_text(entry->time_ns, when), "kind",
        purpose_name(transfer->purpose), "entry", (json_int_t)number,
        "account_seq", (json_int_t)entry->account_seq);
    if (memcmp(transfer->submission_id, none, sizeof(none)) != 0)
        json_object_set_new(line, "submission",
                            json_string(hex_encode(id, transfer->submission_id,
                                                   LEDGER_ID_SIZE)));
    if (transfer->reference[0])
        json_object_set_new(line, "reference",
                            json_string(transfer->reference));
    money_set(line, "amount", amount_nano);
    money_set(line, "balance", s->balance_nano);
    return json_array_append_new(s->lines, line) < 0
               ? err_set(e, ENOMEM, "no memory for the statement")
               : 0;
}

int lines_each(struct ledger *ledger, uint64_t account, uint64_t after,
               uint64_t through,
               int (*each)(uint64_t number, const struct entry *entry,
                           void *arg, struct err *e),
               void *arg, struct err *e)
{
    struct db_stmt *stmt = ledger_sql(ledger,
                                      "select entry from transfers where"
                                      " account = ? and entry > ? and"
                                      " entry <= ? order by entry",
                                      e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, account);
    db_bind_int(stmt, 2, after);
    db_bind_int(stmt, 3, through > INT64_MAX ? INT64_MAX : (int64_t)through);
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        uint64_t number = db_int(stmt, 0);
        struct entry entry;

        r = log_read(ledger, number, &entry, e);
        if (r == 0 && entry.kind != ENTRY_TRANSFER)
            r = err_set(e, EIO, "a transfer is missing from the log");
        if (r == 0)
            r = each(number, &entry, arg, e);
        if (r != 0)
            break;
    }
    db_done(stmt);
    return r;
}

int statement_json(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                   uint64_t from_ns, uint64_t to_ns, json_t **out,
                   struct err *e)
{
    struct statement s = {.from_ns = from_ns, .to_ns = to_ns};
    struct account account;
    int r = ledger_account_get(ledger, key, &account, e);

    if (r < 0)
        return r;
    s.account = account.number;
    s.lines = json_array();
    // From its first line on, since each balance follows from those before.
    r = lines_each(ledger, s.account, 0, INT64_MAX, line_add, &s, e);
    *out = r < 0 ? NULL : about_json(&account, from_ns, end_of(ledger, to_ns));
    if (!*out) {
        json_decref(s.lines);
        return r < 0 ? r : err_set(e, ENOMEM, "no memory for the statement");
    }
    money_set(*out, "opening", s.opening_nano);
    json_object_set_new(*out, "lines", s.lines);
    money_set(*out, "closing", s.balance_nano);
    money_set(*out, "held", account.debits_pending_nano);
    return 0;
}

// ------------------------------------------------------------------ spending

struct day {
    uint64_t day; // since 1970
    int64_t billed_nano;
    uint64_t submissions;
};

struct dear {
    uint8_t id[LEDGER_ID_SIZE];
    int64_t billed_nano;
};

struct spend {
    struct rate_line skus[SKU_END];
    struct day *days; // in order, since settlements come so
    size_t day_count, day_room;
    struct dear *submissions;
    size_t submission_count, submission_room;
    uint64_t first_settlements; // the others are of late usage records
    int64_t charge_nano, billed_nano, written_off_nano;
};

// Room for one more of a growing list; NULL: no memory.
static void *grown(void *list, size_t count, size_t *room, size_t size)
{
    void *more = list;

    if (count == *room) {
        *room = *room ? 2 * *room : 64;
        more = realloc(list, *room * size);
        if (!more)
            free(list);
    }
    return more;
}

static int day_add(struct spend *s, uint64_t time_ns, int64_t billed_nano)
{
    uint64_t day = time_ns / (86400ull * 1000000000);

    if (s->day_count == 0 || s->days[s->day_count - 1].day != day) {
        s->days = grown(s->days, s->day_count, &s->day_room, sizeof(*s->days));
        if (!s->days)
            return -ENOMEM;
        s->days[s->day_count++] = (struct day){.day = day};
    }
    s->days[s->day_count - 1].billed_nano += billed_nano;
    s->days[s->day_count - 1].submissions++;
    return 0;
}

static int dear_add(struct spend *s, const struct settlement *settlement)
{
    struct dear *dear;

    s->submissions = grown(s->submissions, s->submission_count,
                           &s->submission_room, sizeof(*s->submissions));
    if (!s->submissions)
        return -ENOMEM;
    s->first_settlements += !settlement->amends;
    dear = &s->submissions[s->submission_count++];
    memcpy(dear->id, settlement->submission_id, sizeof(dear->id));
    dear->billed_nano = settlement->billed_nano;
    return 0;
}

static int spend_add(const struct settled *settled, void *arg, struct err *e)
{
    const struct settlement *settlement = &settled->settlement;
    struct spend *s = arg;

    for (size_t i = 0; i < settlement->rated.line_count; i++) {
        const struct rate_line *line = &settlement->rated.lines[i];

        if (__builtin_add_overflow(s->skus[line->sku].quantity, line->quantity,
                                   &s->skus[line->sku].quantity))
            return err_set(e, EOVERFLOW, "the usage is too large to add up");
        s->skus[line->sku].amount_nano += line->amount_nano;
    }
    if (__builtin_add_overflow(s->charge_nano, settlement->rated.total_nano,
                               &s->charge_nano))
        return err_set(e, EOVERFLOW, "the charges are too large to add up");
    // Parts of the charge, so they fit as well.
    s->billed_nano += settlement->billed_nano;
    s->written_off_nano += settlement->written_off_nano;
    if (day_add(s, settled->settled_ns, settlement->billed_nano) < 0 ||
        dear_add(s, settlement) < 0)
        return err_set(e, ENOMEM, "no memory for the sums");
    return 0;
}

static int dearer(const void *a, const void *b)
{
    const struct dear *x = a, *y = b;

    if (x->billed_nano != y->billed_nano)
        return x->billed_nano > y->billed_nano ? -1 : 1;
    return memcmp(x->id, y->id, sizeof(x->id));
}

static json_t *skus_json(const struct spend *s)
{
    json_t *list = json_array();

    for (enum sku sku = 1; sku < SKU_END; sku++) {
        const struct rate_line *line = &s->skus[sku];
        json_t *object;

        if (!line->quantity)
            continue;
        object =
            json_pack("{s:s, s:s, s:I, s:s}", "sku", sku_info(sku)->name,
                      "description", sku_info(sku)->description, "quantity",
                      (json_int_t)line->quantity, "unit", sku_info(sku)->unit);
        money_set(object, "charge", line->amount_nano);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *days_json(const struct spend *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->day_count; i++) {
        char when[WHEN_TEXT_SIZE];
        json_t *object;

        when_text(s->days[i].day * 86400ull * 1000000000, when);
        when[10] = '\0'; // the date alone
        object = json_pack("{s:s, s:I}", "day", when, "submissions",
                           (json_int_t)s->days[i].submissions);
        money_set(object, "billed", s->days[i].billed_nano);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *submissions_json(struct spend *s)
{
    json_t *list = json_array();

    if (s->submission_count)
        qsort(s->submissions, s->submission_count, sizeof(*s->submissions),
              dearer);
    for (size_t i = 0; i < s->submission_count && i < STATEMENT_TOP; i++) {
        char id[2 * LEDGER_ID_SIZE + 1];
        json_t *object =
            json_pack("{s:s}", "submission",
                      hex_encode(id, s->submissions[i].id, LEDGER_ID_SIZE));

        money_set(object, "billed", s->submissions[i].billed_nano);
        json_array_append_new(list, object);
    }
    return list;
}

int spend_json(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
               uint64_t from_ns, uint64_t to_ns, json_t **out, struct err *e)
{
    struct spend s = {0};
    const struct settled_range range = settled_span(from_ns, to_ns);
    struct account account;
    int r = ledger_account_get(ledger, key, &account, e);

    if (r == 0)
        r = settled_each(ledger, account.number, &range, spend_add, &s, e);
    if (r == 0) {
        *out = about_json(&account, from_ns, end_of(ledger, to_ns));
        if (!*out)
            r = err_set(e, ENOMEM, "no memory for the sums");
    }
    if (r == 0) {
        json_object_set_new(*out, "submission_count",
                            json_integer((json_int_t)s.first_settlements));
        json_object_set_new(*out, "by_sku", skus_json(&s));
        json_object_set_new(*out, "by_day", days_json(&s));
        json_object_set_new(*out, "by_submission", submissions_json(&s));
        money_set(*out, "charge", s.charge_nano);
        money_set(*out, "written_off", s.written_off_nano);
        money_set(*out, "billed", s.billed_nano);
    }
    free(s.days);
    free(s.submissions);
    return r;
}
