// SPDX-License-Identifier: ISC
// Exports by cursor. The log's own order is the cursor's: an entry never
// changes its number, and none is ever put before another.
#include "billing/export.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "receipt.pb-c.h"
#include "lib/cleanup.h"
#include "billing/entry_json.h"
#include "billing/export_csv.h"
#include "billing/ledger_internal.h"

struct exporter {
    struct ledger *ledger;
    enum export_format format;
    struct account account; // number 0: all
    FILE *out;
    struct csv_exporter csv;
    uint64_t items;
};

static int no_memory(struct err *e)
{
    return err_set(e, ENOMEM, "no memory for the export");
}

static int line_write(struct exporter *x, json_t *object, struct err *e)
{
    cleanup_free char *text = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    if (!text)
        return no_memory(e);
    fprintf(x->out, "%s\n", text);
    return 0;
}

// A message after its length.
static int message_write(struct exporter *x, Billing__Exported *message,
                         struct err *e)
{
    cleanup_free uint8_t *bytes = NULL;
    size_t len = billing__exported__get_packed_size(message);

    bytes = malloc(len ? len : 1);
    if (!bytes)
        return no_memory(e);
    billing__exported__pack(message, bytes);
    for (size_t rest = len;; rest >>= 7) {
        fputc((int)(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0), x->out);
        if (rest <= 0x7f)
            break;
    }
    fwrite(bytes, 1, len, x->out);
    return 0;
}

static int protobuf_write(struct exporter *x, uint64_t number,
                          const uint8_t *bytes, size_t len, struct err *e)
{
    Billing__Exported message = BILLING__EXPORTED__INIT;
    int r;

    message.cursor = number;
    message.entry = billing__entry__unpack(NULL, len, bytes);
    if (!message.entry)
        return no_memory(e);
    r = message_write(x, &message, e);
    billing__entry__free_unpacked(message.entry, NULL);
    return r;
}

static int focus_write(struct exporter *x, uint64_t number,
                       const struct entry *entry, struct err *e)
{
    struct account account;
    int r;

    if (entry->kind == ENTRY_SETTLEMENT && !entry->settlement.voided)
        return settled_visit(x->ledger, number, csv_settled, &x->csv, e);
    if (entry->kind != ENTRY_TRANSFER || !entry->account)
        return 0;
    r = account_load(x->ledger, entry->account, &account, e);
    if (r == 0 && transfer_is_line(&entry->transfer, account.number))
        csv_line(&x->csv, &account, number, entry);
    return r;
}

static int entry_write(struct exporter *x, uint64_t number,
                       const uint8_t *bytes, size_t len, struct err *e)
{
    struct entry entry;
    int r = entry_unpack(&entry, bytes, len, e);

    if (r < 0) {
        err_prefix(e, "entry %llu", (unsigned long long)number);
        return ledger_broken(x->ledger, e);
    }
    if (x->account.number && entry.account != x->account.number)
        return 0;
    x->items++;
    switch (x->format) {
    case EXPORT_JSONL:
        return line_write(x, entry_json(&entry, number), e);
    case EXPORT_PROTOBUF:
        return protobuf_write(x, number, bytes, len, e);
    case EXPORT_FOCUS:
        return focus_write(x, number, &entry, e);
    }
    return -EINVAL;
}

static int cursor_write(struct exporter *x, const struct export_cursor *cursor,
                        struct err *e)
{
    Billing__Exported message = BILLING__EXPORTED__INIT;

    switch (x->format) {
    case EXPORT_JSONL:
        return line_write(x,
                          json_pack("{s:I, s:b}", "cursor",
                                    (json_int_t)cursor->after, "end",
                                    cursor->end),
                          e);
    case EXPORT_PROTOBUF:
        message.cursor = cursor->after;
        return message_write(x, &message, e);
    case EXPORT_FOCUS:
        break;
    }
    return 0;
}

// Entries are read by number, since writing one may read others.
static int entries_write(struct exporter *x, struct export_cursor *cursor,
                         struct err *e)
{
    uint64_t last = x->ledger->last_entry;
    int r = 0;

    if (cursor->after > last)
        return err_set(e, EINVAL,
                       "the cursor is behind the log's end, which is %llu",
                       (unsigned long long)last);
    for (uint64_t n = 0; n < EXPORT_SCAN_MAX && x->items < EXPORT_ITEMS_MAX &&
                         cursor->after < last && r == 0;
         n++) {
        struct db_stmt *stmt = ledger_sql(
            x->ledger, "select entry from entries where number = ?", e);
        const uint8_t *bytes;
        size_t len;

        if (!stmt)
            return -EIO;
        db_bind_int(stmt, 1, cursor->after + 1);
        r = ledger_row(x->ledger, stmt, e);
        if (r == 0)
            r = err_set(e, EIO, "an entry is missing");
        if (r > 0) {
            bytes = db_blob(stmt, 0, &len);
            r = entry_write(x, ++cursor->after, bytes, len, e);
        }
        db_done(stmt);
    }
    cursor->end = cursor->after == last;
    return r;
}

int export_after(struct ledger *ledger, const uint8_t *key,
                 enum export_format format, struct export_cursor *cursor,
                 FILE *out, struct err *e)
{
    struct exporter x = {.ledger = ledger, .format = format, .out = out};
    int r = key ? ledger_account_get(ledger, key, &x.account, e) : 0;

    if (r < 0)
        return r;
    if (format == EXPORT_FOCUS)
        csv_begin(&x.csv, ledger, out);
    r = entries_write(&x, cursor, e);
    if (r == 0)
        r = cursor_write(&x, cursor, e);
    if (r == 0 && (fflush(out) != 0 || ferror(out)))
        r = err_set(e, EPIPE, "the export cannot be written");
    return r;
}
