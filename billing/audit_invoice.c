// SPDX-License-Identifier: ISC
// Final invoices: that each continues the one before, holds all that an account
// was charged in between, and is the document that is kept.
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include "billing/audit_internal.h"

// Tax transfers come just before their invoice, line by line.
int audit_tax(struct audit *a, const struct transfer *transfer, struct err *e)
{
    const struct account *debit = &a->accounts[transfer->debit];
    const struct account *credit = &a->accounts[transfer->credit];
    bool back = debit->kind == ACCOUNT_TAX;
    enum account_kind other = back ? credit->kind : debit->kind;

    for (uint64_t line = 1; line <= INVOICE_TAXES_MAX; line++) {
        uint8_t id[LEDGER_ID_SIZE];

        transfer_id_tax(a->result->invoices + 1, line, id);
        if (memcmp(transfer->id, id, sizeof(id)) != 0)
            continue;
        if (other != ACCOUNT_CUSTOMER && other != ACCOUNT_REVENUE)
            break;
        a->taxes_nano[line] =
            back ? -transfer->amount_nano : transfer->amount_nano;
        a->taxes_included[line] = other == ACCOUNT_REVENUE;
        return 0;
    }
    return AUDIT_BAD(e, "the tax is not of the next invoice");
}

// What the account was charged, and corrected, in the invoice's entries.
static int movements_sum(struct audit *a, uint64_t account,
                         const struct invoice_entry *invoice, __int128 *charges,
                         __int128 *notes, struct err *e)
{
    struct db_stmt *stmt = db_prepare(a->db,
                                      "select entry from transfers where"
                                      " account = ? and entry > ? and"
                                      " entry <= ? order by entry",
                                      e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, account);
    db_bind_int(stmt, 2, invoice->first_entry);
    db_bind_int(stmt, 3, invoice->last_entry);
    while ((r = db_step(stmt, e)) > 0) {
        struct entry entry;
        uint64_t before;

        r = audit_entry_read(a, db_int(stmt, 0), &entry, &before, e);
        if (r == 0 && entry.kind != ENTRY_TRANSFER)
            r = AUDIT_BAD(e, "the table of transfers names another entry");
        if (r < 0)
            break;
        switch (entry.transfer.purpose) {
        case PURPOSE_CHARGE:
        case PURPOSE_LATE_CHARGE:
            *charges += entry.transfer.amount_nano;
            break;
        case PURPOSE_DEBIT_NOTE:
            *notes += entry.transfer.amount_nano;
            break;
        case PURPOSE_CREDIT_NOTE:
            *notes -= entry.transfer.amount_nano;
            break;
        default:
            break;
        }
    }
    db_done(stmt);
    return r;
}

static int document_check(struct audit *a, uint64_t account,
                          const struct invoice_entry *invoice, struct err *e)
{
    struct db_stmt *stmt = db_prepare(
        a->db, "select account, entry, document from invoices where number = ?",
        e);
    uint8_t digest[crypto_hash_sha256_BYTES];
    const void *document;
    size_t len;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, invoice->number);
    r = db_step(stmt, e);
    if (r == 0)
        r = AUDIT_BAD(e, "the document of invoice %" PRIu64 " is missing",
                      invoice->number);
    if (r < 0)
        return r;
    document = db_blob(stmt, 2, &len);
    crypto_hash_sha256(digest, document, len);
    r = 0;
    if ((uint64_t)db_int(stmt, 0) != account ||
        (uint64_t)db_int(stmt, 1) != a->number ||
        memcmp(digest, invoice->digest, sizeof(digest)) != 0)
        r = AUDIT_BAD(e, "the document of invoice %" PRIu64 " was altered",
                      invoice->number);
    db_done(stmt);
    return r;
}

static int taxes_check(struct audit *a, const struct invoice_entry *invoice,
                       struct err *e)
{
    for (size_t i = 1; i <= INVOICE_TAXES_MAX; i++) {
        int64_t said =
            i <= invoice->tax_count ? invoice->taxes[i - 1].amount_nano : 0;

        if (a->taxes_nano[i] != said ||
            (said && a->taxes_included[i] != invoice->taxes_included))
            return AUDIT_BAD(
                e, "the taxes of invoice %" PRIu64 " were not transferred",
                invoice->number);
        a->taxes_nano[i] = 0;
    }
    return 0;
}

int audit_invoice(struct audit *a, const struct entry *entry, struct err *e)
{
    const struct invoice_entry *invoice = &entry->invoice;
    struct account *account = &a->accounts[entry->account];
    __int128 charges = 0, notes = 0, total;
    int r;

    if (!entry->account || account->kind != ACCOUNT_CUSTOMER)
        return AUDIT_BAD(e, "an invoice is not about a customer");
    if (invoice->number != a->result->invoices + 1)
        return AUDIT_BAD(e, "invoice %" PRIu64 " is missing",
                         a->result->invoices + 1);
    if (invoice->first_entry != account->invoiced ||
        invoice->last_entry < invoice->first_entry ||
        invoice->last_entry >= a->number)
        return AUDIT_BAD(e,
                         "invoice %" PRIu64 " does not continue the account's "
                         "last one",
                         invoice->number);
    r = movements_sum(a, entry->account, invoice, &charges, &notes, e);
    if (r < 0)
        return r;
    total = charges + notes;
    for (size_t i = 0; !invoice->taxes_included && i < invoice->tax_count; i++)
        total += invoice->taxes[i].amount_nano;
    if (charges != invoice->charges_nano || notes != invoice->notes_nano ||
        total != invoice->total_nano)
        return AUDIT_BAD(e,
                         "invoice %" PRIu64 " is not what the account was "
                         "charged",
                         invoice->number);
    r = taxes_check(a, invoice, e);
    if (r == 0)
        r = document_check(a, entry->account, invoice, e);
    if (r < 0)
        return r;
    account->invoiced = invoice->last_entry;
    a->result->invoices++;
    return 0;
}
