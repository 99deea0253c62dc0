// SPDX-License-Identifier: ISC
// Issuing and keeping final invoices.
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "lib/cleanup.h"
#include "billing/entry_json.h"
#include "billing/export.h"
#include "billing/invoice.h"
#include "billing/ledger_internal.h"
#include "billing/statement.h"

static int number_refuse(struct err *e)
{
    return err_set(e, ENOENT, "there is no such invoice");
}

// --------------------------------------------------------------- what to cover

// The end of what an invoice covers: the last settlement or note that is of an
// earlier time.
struct reach {
    uint64_t to_ns;
    uint64_t last; // note before `to_ns`
};

static int reach_note(uint64_t number, const struct entry *entry, void *arg,
                      struct err *e)
{
    struct reach *reach = arg;

    (void)e;
    if (!transfer_is_note(&entry->transfer))
        return 0;
    if (entry->time_ns < reach->to_ns)
        reach->last = number;
    return 0;
}

static int settlement_before(struct ledger *ledger, uint64_t account,
                             uint64_t after, uint64_t to_ns, uint64_t *out,
                             struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "select max(entry) from settlements where"
                   " account = ? and entry > ? and settled_ns < ?",
                   e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, account);
    db_bind_int(stmt, 2, after);
    db_bind_int(stmt, 3, to_ns > INT64_MAX ? INT64_MAX : (int64_t)to_ns);
    r = ledger_row(ledger, stmt, e);
    *out = r > 0 ? db_int(stmt, 0) : 0;
    db_done(stmt);
    return r < 0 ? r : 0;
}

// Invoices follow each other in the log's order. If the clock was years ahead
// once, then entries of that time are on this invoice too, and not in years.
static int reach_find(struct ledger *ledger, const struct account *account,
                      uint64_t to_ns, uint64_t *last, struct err *e)
{
    struct reach reach = {.to_ns = to_ns};
    uint64_t settled;
    int r = settlement_before(ledger, account->number, account->invoiced, to_ns,
                              &settled, e);

    if (r == 0)
        r = lines_each(ledger, account->number, account->invoiced, INT64_MAX,
                       reach_note, &reach, e);
    if (r < 0)
        return r;
    *last = settled > reach.last ? settled : reach.last;
    return *last ? 0
                 : err_set(e, ENOENT,
                           "there is nothing to invoice: nothing was charged "
                           "since the last invoice");
}

// --------------------------------------------------------------------- issuing

// The account's newest invoice; number 0: there is none.
static int newest_get(struct ledger *ledger, uint64_t account,
                      struct invoice_entry *out, struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "select entry from invoices where account = ?"
                   " order by number desc limit 1",
                   e);
    struct entry entry;
    uint64_t number;
    int r;

    memset(out, 0, sizeof(*out));
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, account);
    r = ledger_row(ledger, stmt, e);
    number = r > 0 ? db_int(stmt, 0) : 0;
    db_done(stmt);
    if (r <= 0)
        return r;
    r = log_read(ledger, number, &entry, e);
    if (r == 0)
        *out = entry.invoice;
    return r;
}

static int number_next(struct ledger *ledger, uint64_t *number, struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger, "select max(number) from invoices", e);
    int r = stmt ? ledger_row(ledger, stmt, e) : -EIO;

    if (r < 0)
        return r;
    *number = db_int(stmt, 0) + 1;
    db_done(stmt);
    return 0;
}

// Taxes that are added must be covered before anything is written.
static int taxes_affordable(const struct account *account,
                            const struct invoice_entry *invoice, struct err *e)
{
    int64_t added =
        invoice->total_nano - invoice->charges_nano - invoice->notes_nano;
    char need[MONEY_TEXT_SIZE], have[MONEY_TEXT_SIZE];

    if (invoice->taxes_included || added <= account_available_nano(account))
        return 0;
    return err_set(e, EDQUOT,
                   "the invoice's taxes of %s %s come on top of the charges, "
                   "and the account has %s",
                   money_text(added, need), account->currency,
                   money_text(account_available_nano(account), have));
}

static int taxes_post(struct ledger *ledger, const struct account *account,
                      const struct invoice_entry *invoice, struct err *e)
{
    struct node_accounts own;
    int r = node_accounts_get(ledger, account->currency, &own, e);
    uint64_t payer = invoice->taxes_included ? own.revenue : account->number;

    for (size_t i = 0; r == 0 && i < invoice->tax_count; i++) {
        int64_t amount = invoice->taxes[i].amount_nano;
        struct transfer transfer = {
            .kind = TRANSFER_POSTED,
            .purpose = PURPOSE_TAX,
            .debit = amount > 0 ? payer : own.tax,
            .credit = amount > 0 ? own.tax : payer,
            .amount_nano = amount > 0 ? amount : -amount,
        };

        if (!amount)
            continue;
        transfer_id_tax(invoice->number, i + 1, transfer.id);
        snprintf(transfer.reference, sizeof(transfer.reference),
                 "%s, invoice %llu", invoice->taxes[i].name,
                 (unsigned long long)invoice->number);
        r = transfer_apply(ledger, &transfer, account->number, NULL, e);
    }
    return r;
}

static int invoice_keep(struct ledger *ledger, uint64_t account_number,
                        struct invoice_entry *invoice, const char *document,
                        struct err *e)
{
    struct entry entry = {.account = account_number, .kind = ENTRY_INVOICE};
    struct account account;
    struct db_stmt *stmt;
    uint64_t number;
    int r = account_load(ledger, account_number, &account, e);

    if (r < 0)
        return r;
    account.invoiced = invoice->last_entry;
    r = account_store(ledger, &account, e);
    crypto_hash_sha256(invoice->digest, (const uint8_t *)document,
                       strlen(document));
    entry.invoice = *invoice;
    if (r == 0)
        r = log_append(ledger, &entry, NULL, &number, e);
    if (r < 0)
        return r;
    stmt = ledger_sql(ledger, "insert into invoices values (?, ?, ?, ?)", e);
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, invoice->number);
    db_bind_int(stmt, 2, account_number);
    db_bind_int(stmt, 3, number);
    db_bind_blob(stmt, 4, document, strlen(document));
    return ledger_run(ledger, stmt, e);
}

static int invoice_make(struct ledger *ledger, const struct account *account,
                        struct invoice_entry *invoice,
                        const struct invoice_terms *terms, struct err *e)
{
    const struct settled_range range = {.to_ns = INT64_MAX,
                                        .after = invoice->first_entry,
                                        .through = invoice->last_entry,
                                        .limit = INT64_MAX};
    cleanup_free char *text = NULL;
    json_t *document = NULL;
    int r =
        invoice_document(ledger, account, &range, terms, invoice, &document, e);

    if (r < 0)
        return r;
    text = json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    if (!text)
        return err_set(e, ENOMEM, "no memory for the invoice");
    r = taxes_affordable(account, invoice, e);
    if (r < 0)
        return r;
    r = taxes_post(ledger, account, invoice, e);
    if (r == 0)
        r = invoice_keep(ledger, account->number, invoice, text, e);
    return r < 0 ? ledger_broken(ledger, e) : 0;
}

int invoice_issue(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                  uint64_t to_ns, const struct invoice_terms *terms,
                  uint64_t *number, struct err *e)
{
    struct invoice_entry before, invoice = {.to_ns = to_ns};
    struct account account;
    int r;

    assert(ledger->in_group);
    r = ledger_account_get(ledger, key, &account, e);
    if (r == 0)
        r = newest_get(ledger, account.number, &before, e);
    if (r < 0)
        return r;
    if (before.number && before.to_ns == to_ns) {
        *number = before.number;
        return 0;
    }
    if (to_ns > ledger->now_ns)
        return err_set(e, EINVAL, "the time to invoice is not over yet");
    if (before.number && before.to_ns > to_ns)
        return err_set(e, EALREADY,
                       "invoice %llu of this account covers a later time",
                       (unsigned long long)before.number);
    invoice.from_ns = before.number ? before.to_ns : account.opened_ns;
    invoice.first_entry = account.invoiced;
    r = reach_find(ledger, &account, to_ns, &invoice.last_entry, e);
    if (r == 0)
        r = number_next(ledger, &invoice.number, e);
    if (r == 0)
        r = invoice_make(ledger, &account, &invoice, terms, e);
    if (r == 0)
        *number = invoice.number;
    return r;
}

// -------------------------------------------------------------------- reading

int invoice_get(struct ledger *ledger, const uint8_t *key, uint64_t number,
                json_t **out, struct err *e)
{
    struct db_stmt *stmt = ledger_sql(
        ledger, "select account, document from invoices where number = ?", e);
    struct account account = {0};
    const void *text;
    size_t len;
    int r = key ? ledger_account_get(ledger, key, &account, e) : 0;

    if (r < 0 || !stmt)
        return r < 0 ? r : -EIO;
    db_bind_int(stmt, 1, number > INT64_MAX ? 0 : (int64_t)number);
    r = ledger_row(ledger, stmt, e);
    if (r <= 0 || (key && (uint64_t)db_int(stmt, 0) != account.number)) {
        db_done(stmt);
        return r < 0 ? r : number_refuse(e);
    }
    text = db_blob(stmt, 1, &len);
    *out = json_loadb(text, len, 0, NULL);
    db_done(stmt);
    return *out ? 0 : err_set(e, EIO, "an invoice's document is damaged");
}

int invoice_csv(struct ledger *ledger, const uint8_t *key, uint64_t number,
                FILE *out, struct err *e)
{
    struct db_stmt *stmt = ledger_sql(
        ledger, "select account, entry from invoices where number = ?", e);
    struct account account, own = {0};
    struct entry entry;
    uint64_t whose;
    int r = key ? ledger_account_get(ledger, key, &own, e) : 0;

    if (r < 0 || !stmt)
        return r < 0 ? r : -EIO;
    db_bind_int(stmt, 1, number > INT64_MAX ? 0 : (int64_t)number);
    r = ledger_row(ledger, stmt, e);
    whose = r > 0 ? db_int(stmt, 0) : 0;
    number = r > 0 ? db_int(stmt, 1) : 0;
    db_done(stmt);
    if (r < 0)
        return r;
    if (!whose || (key && whose != own.number))
        return number_refuse(e);
    r = account_load(ledger, whose, &account, e);
    if (r == 0)
        r = log_read(ledger, number, &entry, e);
    return r < 0 ? r
                 : export_csv_entries(ledger, account.key,
                                      entry.invoice.first_entry,
                                      entry.invoice.last_entry, out, e);
}

static int list_row(struct ledger *ledger, uint64_t number, json_t *list,
                    struct err *e)
{
    struct entry entry;
    json_t *object;
    int r = log_read(ledger, number, &entry, e);

    if (r == 0 && entry.kind != ENTRY_INVOICE)
        r = err_set(e, EIO, "an invoice is missing from the log");
    if (r < 0)
        return r;
    object = invoice_entry_json(&entry.invoice);
    return json_array_append_new(list, object) < 0
               ? err_set(e, ENOMEM, "no memory for the invoices")
               : 0;
}

int invoice_list(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                 json_t **out, struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "select entry from invoices where account = ?"
                   " order by number desc",
                   e);
    json_t *list = json_array();
    struct account account;
    int r = ledger_account_get(ledger, key, &account, e);

    if (r < 0 || !stmt || !list) {
        json_decref(list);
        return r < 0 ? r : -EIO;
    }
    db_bind_int(stmt, 1, account.number);
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        r = list_row(ledger, db_int(stmt, 0), list, e);
        if (r < 0)
            break;
    }
    db_done(stmt);
    *out = r < 0 ? NULL
                 : json_pack("{s:s, s:o}", "currency", account.currency,
                             "invoices", json_incref(list));
    json_decref(list);
    return r < 0 ? r : *out ? 0 : err_set(e, ENOMEM, "no memory");
}

// ------------------------------------------------------- down to usage records

struct record_list {
    json_t *list;
    size_t *left;
    struct ledger *ledger;
};

static int record_list_add(const struct usage_record *record, bool own,
                           void *arg, struct err *e)
{
    struct record_list *to = arg;

    if (!own)
        return 0;
    if (!*to->left)
        return err_set(e, EFBIG,
                       "the invoice has more than %d usage records: ask for "
                       "them as CSV",
                       INVOICE_RECORDS_MAX);
    --*to->left;
    return json_array_append_new(to->list, record_json(record)) < 0
               ? err_set(e, ENOMEM, "no memory for the usage records")
               : 0;
}

static int record_list_fill(const struct settled *settled, void *arg,
                            struct err *e)
{
    struct record_list *to = arg;

    return settled_records_each(to->ledger, settled, record_list_add, to, e);
}

int invoice_records_add(struct ledger *ledger, json_t *invoice, struct err *e)
{
    json_t *submissions = json_object_get(invoice, "submissions");
    size_t left = INVOICE_RECORDS_MAX;
    size_t i;
    json_t *submission;
    int r = 0;

    json_array_foreach(submissions, i, submission)
    {
        struct record_list to = {json_array(), &left, ledger};

        r = settled_visit(
            ledger,
            (uint64_t)json_integer_value(json_object_get(submission, "entry")),
            record_list_fill, &to, e);
        json_object_set_new(submission, "usage_records", to.list);
        if (r < 0)
            break;
    }
    return r;
}
