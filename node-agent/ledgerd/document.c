// SPDX-License-Identifier: ISC
// Documents that leave the ledger: each is written into a memfd, sealed
// against change and handed over, so none has to fit a message.

#include "node-agent/agent/period.h"
#include "node-agent/ledgerd/ledgerd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "billing/export.h"
#include "billing/invoice.h"
#include "billing/receipt.h"
#include "billing/statement.h"
#include "billing/witness.h"
#include "lib/cleanup.h"

// A stream onto a new memfd. Both ends are released by paper_free, the
// descriptor unless paper_seal gave it away.
struct paper {
    FILE *out;
    int fd;
};

static int paper_new(struct paper *p, struct err *e)
{
    cleanup_close int copy = -1;

    p->out = NULL;
    p->fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (p->fd < 0)
        return err_errno(e, "a document's memory");
    copy = fcntl(p->fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0 || !(p->out = fdopen(copy, "w")))
        return err_errno(e, "a document's stream");
    steal_fd(&copy);
    return 0;
}

static void paper_free(struct paper *p)
{
    if (p->out)
        fclose(p->out);
    if (p->fd >= 0)
        close(p->fd);
}

// Finishes writing; returns its length or -errno.
static int64_t paper_seal(struct paper *p, struct err *e)
{
    FILE *out = p->out;
    long length;
    int bad = ferror(out);

    p->out = NULL;
    length = ftell(out);
    if (fclose(out) || bad || length < 0)
        return err_set(e, ENOMEM, "no memory for a document");
    if (length > (int64_t)DOCUMENT_MAX)
        return err_set(e, EFBIG,
                       "the document is larger than %llu MiB; ask "
                       "for one month",
                       DOCUMENT_MAX >> 20);
    // A sealed file is read by offset, so its position must not matter.
    if (lseek(p->fd, 0, SEEK_SET) < 0 ||
        fcntl(p->fd, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return err_errno(e, "sealing a document");
    return length;
}

static void paper_post(struct paper *p, struct chan *from,
                       const struct msg_head *to, uint64_t count,
                       uint64_t length)
{
    struct msg_count_reply reply;
    int fd = steal_fd(&p->fd);

    chan_reply_init(&reply, to, 200, NULL);
    reply.count = count;
    reply.length = length;
    chan_post(from, &reply, &fd, 1);
}

static void count_refuse(struct chan *from, const struct msg_head *to,
                         unsigned status, const char *why)
{
    struct msg_count_reply reply;

    chan_reply_init(&reply, to, status, why);
    if (status == 425 || status == 503)
        reply.reply.retry_after_s = 1;
    chan_post(from, &reply, NULL, 0);
}

// ------------------------------------------------------------ each document

static bool everybody(const key_id_t *customer)
{
    static const key_id_t none;

    return !memcmp(customer, &none, sizeof(none));
}

static int write_receipt(struct ledgerd *d, const struct msg_document *m,
                         FILE *out, struct err *e)
{
    cleanup_free uint8_t *bytes = NULL;
    sub_id_t id = period_id(&m->id, (uint32_t)m->number);
    struct submission_books books;
    size_t len;
    int r = ledger_submission_get(d->ledger, id.b, &books, e);

    if (r < 0)
        return r;
    if (!everybody(&m->customer) &&
        memcmp(books.key, m->customer.b, sizeof(books.key)))
        return err_set(e, ENOENT, "you have no such submission");
    r = receipt_build(d->ledger, id.b, m->flags & DOC_SO_FAR, &bytes, &len, e);
    if (r == 0)
        fwrite(bytes, 1, len, out);
    return r;
}

int month_span(uint32_t month, uint64_t *from_ns, uint64_t *to_ns,
               struct err *e)
{
    struct tm first = {.tm_year = (int)(month / 100) - 1900,
                       .tm_mon = (int)(month % 100) - 1,
                       .tm_mday = 1};
    struct tm next = first;

    *from_ns = 0;
    *to_ns = INT64_MAX;
    if (month == 0)
        return 0;
    if (month < 197001 || month > 225412 || month % 100 < 1 || month % 100 > 12)
        return err_set(e, EINVAL, "%u is not a month such as 202611", month);
    next.tm_mon++;
    *from_ns = (uint64_t)timegm(&first) * 1000000000u;
    *to_ns = (uint64_t)timegm(&next) * 1000000000u;
    return 0;
}

static int write_invoice(struct ledgerd *d, const struct msg_document *m,
                         FILE *out, struct err *e)
{
    uint64_t from_ns, to_ns;
    json_t *invoice = NULL;
    int r = month_span(m->month, &from_ns, &to_ns, e);

    if (r == 0 && m->number)
        r = invoice_get(d->ledger,
                        everybody(&m->customer) ? NULL : m->customer.b,
                        m->number, &invoice, e);
    else if (r == 0)
        r = invoice_draft(d->ledger, m->customer.b, from_ns, to_ns, &d->terms,
                          &invoice, e);
    if (r == 0 && m->flags & DOC_RECORDS)
        r = invoice_records_add(d->ledger, invoice, e);
    if (r < 0) {
        json_decref(invoice);
        return r;
    }
    if (m->kind == DOC_INVOICE_TEXT)
        r = invoice_print(invoice, out, e);
    else if (m->kind == DOC_INVOICE_HTML)
        r = invoice_html(invoice, out, e);
    else if (json_dumpf(invoice, out, JSON_INDENT(2)) < 0)
        r = err_set(e, ENOMEM, "no memory for an invoice");
    json_decref(invoice);
    return r;
}

static int write_account(struct ledgerd *d, const struct msg_document *m,
                         FILE *out, struct err *e)
{
    uint64_t from_ns, to_ns;
    json_t *o = NULL;
    int r = month_span(m->month, &from_ns, &to_ns, e);

    if (r == 0 && m->kind == DOC_INVOICES_JSON)
        r = invoice_list(d->ledger, m->customer.b, &o, e);
    else if (r == 0)
        r = (m->kind == DOC_SPEND_JSON ? spend_json : statement_json)(
            d->ledger, m->customer.b, from_ns, to_ns, &o, e);
    if (r < 0)
        return r;
    if (json_dumpf(o, out, JSON_INDENT(2)) < 0)
        r = err_set(e, ENOMEM, "no memory for a statement");
    json_decref(o);
    return r;
}

static int write_chain(struct ledgerd *d, const struct msg_document *m,
                       FILE *out, struct err *e)
{
    cleanup_free uint8_t *bytes = NULL;
    size_t len;
    int r = chain_build(d->ledger, m->after, &bytes, &len, e);

    if (r == 0)
        fwrite(bytes, 1, len, out);
    return r;
}

// All rows of a final invoice, or those of a month.
static int write_csv(struct ledgerd *d, const struct msg_document *m, FILE *out,
                     struct err *e)
{
    const uint8_t *key = everybody(&m->customer) ? NULL : m->customer.b;
    uint64_t from_ns, to_ns;
    int r = month_span(m->month, &from_ns, &to_ns, e);

    if (r < 0)
        return r;
    if (m->number)
        return invoice_csv(d->ledger, key, m->number, out, e);
    return export_csv(d->ledger, key, from_ns, to_ns, out, e);
}

static int write_export(struct ledgerd *d, const struct msg_document *m,
                        FILE *out, struct err *e)
{
    enum export_format format = m->kind == DOC_EXPORT_JSONL   ? EXPORT_JSONL
                                : m->kind == DOC_EXPORT_FOCUS ? EXPORT_FOCUS
                                                              : EXPORT_PROTOBUF;
    struct export_cursor cursor = {.after = m->after};
    int r =
        export_after(d->ledger, everybody(&m->customer) ? NULL : m->customer.b,
                     format, &cursor, out, e);

    d->export_cursor = cursor.after;
    return r;
}

static int write_ratecard(struct ledgerd *d, const struct msg_document *m,
                          FILE *out, struct err *e)
{
    const struct tariff_card *card = ledgerd_card(d, NULL);

    (void)m;
    (void)e;
    fwrite(card->text.data, 1, card->text.len, out);
    return 0;
}

static int write_cert(struct ledgerd *d, const struct msg_document *m,
                      FILE *out, struct err *e)
{
    uint8_t bytes[KEY_CERT_MAX];

    (void)m;
    (void)e;
    fwrite(bytes, 1, key_cert_pack(&d->cert, bytes), out);
    return 0;
}

static int (*const writers[])(struct ledgerd *, const struct msg_document *,
                              FILE *, struct err *) = {
    [DOC_RECEIPT] = write_receipt,        [DOC_INVOICE_JSON] = write_invoice,
    [DOC_INVOICE_TEXT] = write_invoice,   [DOC_USAGE_CSV] = write_csv,
    [DOC_RATECARD] = write_ratecard,      [DOC_KEY_CERT] = write_cert,
    [DOC_INVOICE_HTML] = write_invoice,   [DOC_STATEMENT_JSON] = write_account,
    [DOC_SPEND_JSON] = write_account,     [DOC_CHAIN] = write_chain,
    [DOC_INVOICES_JSON] = write_account,  [DOC_EXPORT_JSONL] = write_export,
    [DOC_EXPORT_PROTOBUF] = write_export, [DOC_EXPORT_FOCUS] = write_export,
};

// 0: it is the books that failed.
static unsigned document_status(int r)
{
    switch (r) {
    case -EFBIG:
        return 422;
    case -ENOMEM:
        return 503;
    }
    return refusal_status(r);
}

// Settled, and in no sealed batch yet. What is wrong with the request in any
// other way is said when the receipt is made.
static bool awaits_seal(struct ledgerd *d, const struct msg_document *m)
{
    sub_id_t id = period_id(&m->id, (uint32_t)m->number);
    struct submission_books books;
    struct err e;

    return m->kind == DOC_RECEIPT && m->flags & DOC_WAIT &&
           ledger_submission_get(d->ledger, id.b, &books, &e) == 0 &&
           (everybody(&m->customer) ||
            !memcmp(books.key, m->customer.b, sizeof(books.key))) &&
           books.state == SUBMISSION_SETTLED && !books.sealed;
}

int document_serve(struct ledgerd *d, struct chan *from,
                   const struct msg_document *m, struct err *e)
{
    __attribute__((cleanup(paper_free))) struct paper paper = {NULL, -1};
    int64_t length;
    int r;

    if (m->kind >= sizeof(writers) / sizeof(writers[0]) || !writers[m->kind]) {
        count_refuse(from, &m->head, 422, "there is no such document");
        return 0;
    }
    if (awaits_seal(d, m) && later_add(d, from, m))
        return 0;
    d->export_cursor = 0;
    r = paper_new(&paper, e);
    if (r == 0)
        r = writers[m->kind](d, m, paper.out, e);
    if (r == 0) {
        length = paper_seal(&paper, e);
        if (length >= 0) {
            paper_post(&paper, from, &m->head, d->export_cursor, length);
            return 0;
        }
        r = length;
    }
    if (!document_status(r))
        return r;
    count_refuse(from, &m->head, document_status(r), e->text);
    return 0;
}

// ------------------------------------------------------------------ accounts

struct account_writer {
    FILE *out;
    uint64_t count;
};

static int account_write(const struct account *a, void *arg)
{
    struct account_writer *w = arg;
    struct account_info info;

    if (a->kind != ACCOUNT_CUSTOMER)
        return 0;
    account_info_fill(&info, a);
    fwrite(&info, sizeof(info), 1, w->out);
    w->count++;
    return 0;
}

int account_list_serve(struct ledgerd *d, struct chan *from,
                       const struct msg_account *m, struct err *e)
{
    __attribute__((cleanup(paper_free))) struct paper paper = {NULL, -1};
    struct account_writer w = {0};
    int64_t length;
    int r = paper_new(&paper, e);

    if (r < 0)
        return r;
    w.out = paper.out;
    r = ledger_account_list(d->ledger, account_write, &w, e);
    if (r < 0)
        return r;
    length = paper_seal(&paper, e);
    if (length < 0)
        return length;
    paper_post(&paper, from, &m->head, w.count, length);
    return 0;
}
