// SPDX-License-Identifier: ISC
// The ledger role over real books: what the API and the keeper ask, answered
// only when it is durable, the same when it is asked again, and audited at
// the end.

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "billing/audit.h"
#include "billing/receipt.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/sock.h"
#include "node-agent/ledgerd/ledgerd.h"
#include "tests/unit/lib_check.h"

// 1 a start, 2 for each us of CPU, 100 a build: easy to reckon with.
static const char card[] = "version = \"test-1\"\n"
                           "currency = \"EUR\"\n"
                           "rounding = \"half-even\"\n"
                           "prices = [\n"
                           "  \"sku=start.fee, unit=start, price_nano=1\",\n"
                           "  \"sku=build.fee, unit=build, price_nano=100\",\n"
                           "  \"sku=domain.cpu, unit=ns, price_nano=2, "
                           "per=1000\",\n"
                           "]\n";

// Customer 14 pays half for CPU, nothing for starts, and builds cost him more.
static const char own_card[] = "version = \"own-1\"\n"
                               "currency = \"EUR\"\n"
                               "customer = \"%s\"\n"
                               "rounding = \"up\"\n"
                               "prices = [\n"
                               "  \"sku=build.fee, unit=build, "
                               "price_nano=300\",\n"
                               "  \"sku=domain.cpu, unit=ns, price_nano=1, "
                               "per=1000\",\n"
                               "]\n";

struct books {
    char folder[64];
    uint8_t node_id[32], node_secret[64];
    struct receipts_key key;
    struct ledgerd d;
    int api, keeper, operator; // our ends
};
static struct books t;

static void role_open(void)
{
    struct ledgerd_options o = {
        .path = "ledger.db",
        .ratecard_path = "cards",
        .node_id = t.node_id,
        .key = &t.key,
        .batch_ns = 1000000000u,
        .interval_ns = 10000,
        .lifeline_fd = -1,
        .payment_secret = (const uint8_t *)"secret of the bank",
        .payment_secret_len = strlen("secret of the bank"),
    };
    int api[2], keeper[2], operator[2];

    CHECK(sock_pair(api) == 0 && sock_pair(keeper) == 0 &&
          sock_pair(operator) == 0);
    CHECK(fcntl(operator[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(fcntl(api[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(fcntl(keeper[0], F_SETFL, O_NONBLOCK) == 0);
    t.api = api[0];
    t.keeper = keeper[0];
    t.operator= operator[0];
    o.operator_fd = operator[1];
    o.api_fd = api[1];
    o.keeper_fd = keeper[1];
    CHECK_WORKS(ledgerd_open(&t.d, &o, e));
}

static void role_kill(void)
{
    ledgerd_close(&t.d);
    close(t.api);
    close(t.keeper);
    close(t.operator);
}

static void say(int fd, void *msg, uint32_t type, size_t size, uint64_t tag)
{
    *(struct msg_head *)msg = (struct msg_head){type, size, tag};
    CHECK_WORKS(ipc_send(fd, msg, NULL, 0, e));
}

static void turn(void)
{
    CHECK_WORKS(ledgerd_turn(&t.d, 0, e));
}

// The next answer at one of our ends; its status.
static unsigned hear(int fd, uint32_t type, uint64_t tag, union ipc_any *any,
                     int fds[IPC_FDS_MAX])
{
    CHECK_WORKS(ipc_recv(fd, any, fds, e));
    CHECK(any->head.type == (type | MSG_REPLY) && any->head.tag == tag);
    CHECK(any->reply.status < 400 || any->reply.text[0]);
    return any->reply.status;
}

static unsigned ask(int fd, void *msg, uint32_t type, size_t size,
                    union ipc_any *any)
{
    static uint64_t tag;
    int fds[IPC_FDS_MAX];
    unsigned status;

    say(fd, msg, type, size, ++tag);
    turn();
    status = hear(fd, type, tag, any, fds);
    ipc_close(fds);
    return status;
}

static key_id_t customer(uint8_t n)
{
    key_id_t k;

    memset(&k, n, sizeof(k));
    return k;
}

static sub_id_t submission(uint8_t n)
{
    sub_id_t s;

    memset(&s, n, sizeof(s));
    return s;
}

static unsigned account_open(uint8_t n, int64_t amount_nano)
{
    struct msg_account_open m = {.customer = customer(n), .name = "somebody"};
    struct msg_account_credit c = {.customer = customer(n),
                                   .amount_nano = amount_nano};
    union ipc_any any;
    unsigned status = ask(t.operator, & m, MSG_ACCOUNT_OPEN, sizeof(m), &any);

    memset(c.id, n, sizeof(c.id));
    for (int i = 0; amount_nano && i < 2; i++) { // applied once
        CHECK(ask(t.operator, & c, MSG_ACCOUNT_CREDIT, sizeof(c), &any) == 200);
        CHECK(any.account_reply.account.balance_nano == amount_nano);
    }
    return status;
}

static struct account_info account(uint8_t n)
{
    struct msg_account m = {.customer = customer(n)};
    union ipc_any any;

    CHECK(ask(t.api, &m, MSG_ACCOUNT_GET, sizeof(m), &any) == 200);
    return any.account_reply.account;
}

// 1 for the start and 2 for each us of this.
static struct msg_hold hold_of(uint8_t sub, uint8_t who, uint64_t cpu_us)
{
    return (struct msg_hold){
        .id = submission(sub),
        .customer = customer(who),
        .limits = {.memory_kib = 1024,
                   .cpu_ns = cpu_us * 1000,
                   .wall_ns = 1000000},
    };
}

static struct msg_record record_of(uint8_t sub, uint8_t who, uint64_t sequence,
                                   uint64_t cpu_us)
{
    struct msg_record m = {.id = submission(sub),
                           .customer = customer(who),
                           .sequence = sequence,
                           .from_real_ns = 1800000000000000000u,
                           .to_real_ns = 1800000000000000001u};

    m.usage.starts = sequence == 1;
    m.usage.cpu_ns = cpu_us * 1000;
    m.usage.wall_ns = 1;
    return m;
}

static void test_accounts(void)
{
    struct msg_account m = {.customer = customer(9)};
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    struct account_info all[4];

    CHECK(account_open(1, 1000) == 201);
    CHECK(account_open(1, 0) == 200);
    CHECK(account_open(2, 0) == 201);
    CHECK(!strcmp(account(1).currency, "EUR"));
    CHECK(!strcmp(account(1).name, "somebody"));
    CHECK(ask(t.api, &m, MSG_ACCOUNT_GET, sizeof(m), &any) == 404);

    say(t.operator, & m, MSG_ACCOUNT_LIST, sizeof(m), 5);
    turn();
    CHECK(hear(t.operator, MSG_ACCOUNT_LIST, 5, &any, fds) == 200);
    CHECK(any.count.count == 2); // the node's own are not customers
    CHECK(pread_full(fds[0], all, sizeof(all), 0) ==
          2 * (ssize_t)sizeof(all[0]));
    CHECK(!memcmp(&all[0].customer, &(key_id_t[]){customer(1)}[0], 32));
    CHECK(all[0].balance_nano == 1000 && all[1].balance_nano == 0);
    ipc_close(fds);
}

static void test_quote_is_hold(void)
{
    struct msg_hold h = hold_of(1, 1, 100);
    struct msg_quote q = {.limits = h.limits};
    union ipc_any any;

    CHECK(ask(t.api, &q, MSG_QUOTE, sizeof(q), &any) == 200);
    CHECK(any.quote_reply.total_nano == 201 && any.quote_reply.nlines == 2);
    CHECK(!strcmp(any.quote_reply.line[0].sku, "start.fee"));
    CHECK(!strcmp(any.quote_reply.ratecard, "test-1"));
    q.is_source = 1;
    CHECK(ask(t.api, &q, MSG_QUOTE, sizeof(q), &any) == 200);
    CHECK(any.quote_reply.total_nano == 301);

    for (int i = 0; i < 2; i++) { // asked again, held once
        CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
        CHECK(any.hold_reply.hold_nano == 201);
        CHECK(account(1).held_nano == 201);
    }
    h.customer = customer(2); // another's submission
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 409);
    h = hold_of(2, 2, 100); // no money
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 402);
    h = hold_of(2, 7, 100); // no account
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 404);
    h = hold_of(2, 1, 100);
    h.limits.cost_cap_nano = 50; // the customer's own limit
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    CHECK(any.hold_reply.hold_nano == 50);
    h = hold_of(3, 1, 100);
    h.limits.cost_cap_nano = 20; // less than a start and one interval
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 402);
    CHECK(strstr(any.reply.text, "0.00000002 EUR does not cover"));
    CHECK(strstr(any.reply.text, "may cost 0.000000021"));
}

// A period that follows another: as far as money and cap go, or not at all.
static void test_next_period(void)
{
    struct msg_record r = {.id = submission(51), .customer = customer(60)};
    struct msg_hold h = hold_of(50, 60, 100);
    union ipc_any any;

    account_open(60, 260);
    h.is_next = 1;
    for (int i = 0; i < 2; i++) { // asked again, held once
        CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
        CHECK(any.hold_reply.hold_nano == 201);
    }
    h.id = submission(51);
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    CHECK(any.hold_reply.hold_nano == 59); // what there is
    h.id = submission(52);
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 402);
    CHECK(account(60).held_nano == 260);
    CHECK(ask(t.keeper, &r, MSG_VOID, sizeof(r), &any) == 200);
    h = hold_of(53, 60, 100);
    h.is_next = 1;
    h.limits.cost_cap_nano = 30;
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    CHECK(any.hold_reply.hold_nano == 30); // what the cap leaves
    h.id = submission(54);
    h.limits.cost_cap_nano = 20; // less than a start and one interval
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 422);
}

static unsigned receipt(uint8_t sub, uint8_t who, struct receipt_report *report)
{
    struct msg_document m = {
        .customer = customer(who), .id = submission(sub), .kind = DOC_RECEIPT};
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    static uint8_t bytes[65536];
    unsigned status;
    ssize_t n;

    say(t.api, &m, MSG_DOCUMENT, sizeof(m), 77);
    turn();
    status = hear(t.api, MSG_DOCUMENT, 77, &any, fds);
    if (status == 200) {
        n = pread_full(fds[0], bytes, sizeof(bytes), 0);
        CHECK(n == (ssize_t)any.count.length);
        CHECK_WORKS(receipt_verify(bytes, n, t.node_id, report, e));
    }
    ipc_close(fds);
    return status;
}

// Joining is the keeper's request: an account, and each credit once.
static void test_enrol(void)
{
    struct msg_enrol m = {
        .customer = customer(14), .credit_nano = 500, .credit_id = {44}};
    struct msg_document doc = {.customer = customer(14),
                               .kind = DOC_STATEMENT_JSON};
    union ipc_any any;

    strcpy(m.name, "Dora");
    CHECK(ask(t.keeper, &m, MSG_ENROL, sizeof(m), &any) == 201);
    CHECK(any.account_reply.account.balance_nano == 500);
    CHECK(!strcmp(any.account_reply.account.name, "Dora"));
    strcpy(m.name, "Theodora"); // asked again: what is there stays
    CHECK(ask(t.keeper, &m, MSG_ENROL, sizeof(m), &any) == 200);
    CHECK(any.account_reply.account.balance_nano == 500);
    CHECK(!strcmp(any.account_reply.account.name, "Dora"));
    m.credit_nano = 501; // the same invitation is not worth more now
    CHECK(ask(t.keeper, &m, MSG_ENROL, sizeof(m), &any) == 409);
    m = (struct msg_enrol){.customer = customer(15)}; // without any
    CHECK(ask(t.keeper, &m, MSG_ENROL, sizeof(m), &any) == 201);
    CHECK(!strcmp(any.account_reply.account.name, "key 0f0f0f0f"));
    CHECK(account(14).balance_nano == 500 && account(15).balance_nano == 0);
    CHECK(ask(t.api, &doc, MSG_DOCUMENT, sizeof(doc), &any) == 200);
}

// Quote, hold and bill of a customer with prices of his own are by his card:
// what is quoted is held, and the whole budget costs exactly that.
static void test_own_card(void)
{
    struct msg_hold h = hold_of(40, 14, 101);
    struct msg_quote q = {.limits = h.limits, .customer = customer(14)};
    struct msg_record r = record_of(40, 14, 1, 100);
    int64_t quoted_nano;
    union ipc_any any;

    q.is_source = h.is_source = 1;
    CHECK(ask(t.api, &q, MSG_QUOTE, sizeof(q), &any) == 200);
    CHECK(!strcmp(any.quote_reply.ratecard, "own-1"));
    quoted_nano = any.quote_reply.total_nano;
    CHECK(quoted_nano == 300 + 101);
    q.customer = customer(1); // who has none of his own, and nobody
    CHECK(ask(t.api, &q, MSG_QUOTE, sizeof(q), &any) == 200);
    CHECK(any.quote_reply.total_nano == 1 + 100 + 202);
    q.customer = (key_id_t){{0}};
    CHECK(ask(t.api, &q, MSG_QUOTE, sizeof(q), &any) == 200);
    CHECK(any.quote_reply.total_nano == 1 + 100 + 202);

    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    CHECK(any.hold_reply.hold_nano == quoted_nano);
    r.usage.builds = 1; // most of the hold
    CHECK(ask(t.keeper, &r, MSG_RECORD, sizeof(r), &any) == 202);
    // The last microsecond: by everybody's card it was used up long before.
    r = record_of(40, 14, 2, 1);
    r.usage.starts = 0;
    CHECK(ask(t.keeper, &r, MSG_RECORD, sizeof(r), &any) == 402);
    r = record_of(40, 14, 0, 0);
    CHECK(ask(t.keeper, &r, MSG_SETTLE, sizeof(r), &any) == 200);
    CHECK(any.settle.charged_nano == quoted_nano);
    CHECK(any.settle.written_off_nano == 0);
}

static void test_settle(void)
{
    struct msg_record r = record_of(1, 1, 1, 30);
    struct receipt_report report;
    union ipc_any any;

    CHECK(ask(t.keeper, &r, MSG_RECORD, sizeof(r), &any) == 200);
    CHECK(ask(t.keeper, &r, MSG_RECORD, sizeof(r), &any) == 200); // once
    CHECK(receipt(1, 1, &report) == 425);
    r = record_of(1, 1, 2, 20);
    for (int i = 0; i < 2; i++) { // settled again: the same
        CHECK(ask(t.keeper, &r, MSG_SETTLE, sizeof(r), &any) == 200);
        CHECK(any.settle.charged_nano == 101); // 1 + 2 * (30 + 20)
        CHECK(any.settle.written_off_nano == 0);
    }
    CHECK(account(1).balance_nano == 1000 - 101);
    CHECK(account(1).held_nano == 50); // submission 2's
    CHECK(account(1).spent_nano == 101);
    // The seal came with the settlement, so the receipt is there already.
    CHECK(receipt(1, 1, &report) == 200);
    CHECK(report.books.billed_nano == 101);
    CHECK(receipt(1, 2, &report) == 404); // another's
    CHECK(receipt(9, 1, &report) == 404);
}

// Beyond the hold: the keeper is told to stop it, the rest is written off.
static void test_spent(void)
{
    struct msg_record r = record_of(2, 1, 1, 10);
    union ipc_any any;

    CHECK(ask(t.keeper, &r, MSG_RECORD, sizeof(r), &any) == 200);
    r = record_of(2, 1, 2, 20);
    CHECK(ask(t.keeper, &r, MSG_RECORD, sizeof(r), &any) == 402);
    r = record_of(2, 1, 3, 5);
    CHECK(ask(t.keeper, &r, MSG_SETTLE, sizeof(r), &any) == 200);
    CHECK(any.settle.charged_nano == 50); // not 1 + 2 * 35
    CHECK(any.settle.written_off_nano == 21);
    CHECK(account(1).held_nano == 0);
}

// Settled and void are for ever; nothing used costs nothing.
static void test_ends(void)
{
    struct msg_hold h = hold_of(3, 1, 1);
    struct msg_record none = {.id = submission(3), .customer = customer(1)};
    int64_t before = account(1).balance_nano;
    union ipc_any any;

    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    CHECK(ask(t.keeper, &none, MSG_VOID, sizeof(none), &any) == 200);
    CHECK(ask(t.keeper, &none, MSG_VOID, sizeof(none), &any) == 200);
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 409);
    none.id = submission(4);
    h = hold_of(4, 1, 1);
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    CHECK(ask(t.keeper, &none, MSG_SETTLE, sizeof(none), &any) == 200);
    CHECK(any.settle.charged_nano == 0);
    CHECK(ask(t.keeper, &none, MSG_VOID, sizeof(none), &any) == 409);
    CHECK(account(1).balance_nano == before && account(1).held_nano == 0);
}

#define NEVER (UINT64_MAX / 2)

static void seals_held_back(bool held_back)
{
    t.d.batch_ns = held_back ? NEVER : 1000000000u;
    t.d.sealed_mono_ns = held_back ? NEVER : 0;
}

static void receipt_wait(uint8_t sub, uint8_t who, uint64_t tag)
{
    struct msg_document m = {.customer = customer(who),
                             .id = submission(sub),
                             .kind = DOC_RECEIPT,
                             .flags = DOC_WAIT};

    say(t.api, &m, MSG_DOCUMENT, sizeof(m), tag);
    turn();
}

static unsigned answer(uint64_t tag)
{
    int fds[IPC_FDS_MAX];
    union ipc_any any;
    unsigned status = hear(t.api, MSG_DOCUMENT, tag, &any, fds);

    CHECK((status == 200) == (fds[0] >= 0));
    ipc_close(fds);
    return status;
}

static bool no_answer(void)
{
    int fds[IPC_FDS_MAX];
    union ipc_any any;
    struct err e;

    return ipc_recv(t.api, &any, fds, &e) == -EAGAIN;
}

// A receipt that only has to be signed is waited for, once; one of what runs,
// or of another's, is not.
static void test_receipt_waits(void)
{
    struct msg_hold h = hold_of(60, 1, 10);
    struct msg_record r = record_of(60, 1, 1, 7);
    union ipc_any any;

    seals_held_back(true);
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    receipt_wait(60, 1, 500);
    CHECK(answer(500) == 425); // it runs
    CHECK(ask(t.keeper, &r, MSG_SETTLE, sizeof(r), &any) == 200);
    receipt_wait(60, 1, 501);
    receipt_wait(60, 2, 502);
    CHECK(answer(502) == 404);
    receipt_wait(60, 1, 503);
    turn();
    CHECK(no_answer() && t.d.nlater == 2);
    // One of them for too long.
    t.d.later[0].until_ns = 0;
    turn();
    CHECK(answer(501) == 425);
    CHECK(no_answer() && t.d.nlater == 1);
    seals_held_back(false);
    turn();
    CHECK(answer(503) == 200 && no_answer() && t.d.nlater == 0);
    receipt_wait(60, 1, 504); // signed by now
    CHECK(answer(504) == 200);
}

// So many wait; one more is told to ask again.
static void test_receipts_wait(void)
{
    struct msg_hold h = hold_of(61, 1, 10);
    struct msg_record r = record_of(61, 1, 1, 7);
    union ipc_any any;

    seals_held_back(true);
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    CHECK(ask(t.keeper, &r, MSG_SETTLE, sizeof(r), &any) == 200);
    for (unsigned i = 0; i < LATER_MAX; i++)
        receipt_wait(61, 1, 1000 + i);
    CHECK(no_answer() && t.d.nlater == LATER_MAX);
    receipt_wait(61, 1, 999);
    CHECK(answer(999) == 425 && no_answer());
    seals_held_back(false);
    for (unsigned i = 0; i < LATER_MAX; i++) {
        turn(); // the channel takes some at a time
        CHECK(answer(1000 + i) == 200);
    }
    CHECK(no_answer() && t.d.nlater == 0);
}

// The role dies after it has said yes: all of it is there afterwards, and
// asking again gives the same answers.
static void test_kill(void)
{
    struct msg_hold h = hold_of(5, 1, 10);
    struct msg_record r = record_of(5, 1, 1, 7);
    struct receipt_report report;
    union ipc_any any;
    int64_t balance;

    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    role_kill();
    role_open();
    CHECK(account(1).held_nano == 21);
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    CHECK(account(1).held_nano == 21);
    CHECK(ask(t.keeper, &r, MSG_RECORD, sizeof(r), &any) == 200);
    role_kill();
    role_open();
    CHECK(ask(t.keeper, &r, MSG_RECORD, sizeof(r), &any) == 200);
    r.sequence = 0;
    CHECK(ask(t.keeper, &r, MSG_SETTLE, sizeof(r), &any) == 200);
    CHECK(any.settle.charged_nano == 15);
    balance = account(1).balance_nano;
    role_kill();
    role_open();
    CHECK(account(1).balance_nano == balance);
    CHECK(ask(t.keeper, &r, MSG_SETTLE, sizeof(r), &any) == 200);
    CHECK(any.settle.charged_nano == 15);
    CHECK(account(1).balance_nano == balance);
    CHECK(receipt(5, 1, &report) == 200); // what was open is sealed at start
}

static uint64_t document(enum document_kind kind, uint8_t who, uint32_t month,
                         char *text, size_t room)
{
    struct msg_document m = {
        .customer = customer(who), .kind = kind, .month = month};
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    ssize_t n;

    say(t.api, &m, MSG_DOCUMENT, sizeof(m), 78);
    turn();
    CHECK(hear(t.api, MSG_DOCUMENT, 78, &any, fds) == 200);
    n = pread_full(fds[0], text, room - 1, 0);
    CHECK(n == (ssize_t)any.count.length);
    CHECK(write(fds[0], "x", 1) < 0); // sealed
    ipc_close(fds);
    text[n] = 0;
    return n;
}

static void test_documents(void)
{
    static char text[65536];
    struct msg_document m = {.kind = 99};
    union ipc_any any;
    uint8_t cert[KEY_CERT_MAX];

    CHECK(document(DOC_RATECARD, 1, 0, text, sizeof(text)) == strlen(card));
    CHECK(!strcmp(text, card)); // comments and all
    CHECK(document(DOC_KEY_CERT, 1, 0, text, sizeof(text)) ==
          key_cert_pack(&t.key.cert, cert));
    CHECK(!memcmp(text, cert, 32));
    document(DOC_USAGE_CSV, 1, 0, text, sizeof(text));
    CHECK(strstr(text, "BilledCost") && strstr(text, "domain.cpu"));
    document(DOC_INVOICE_JSON, 1, 0, text, sizeof(text));
    CHECK(text[0] == '{' && strstr(text, "domain.cpu"));
    document(DOC_INVOICE_TEXT, 1, 0, text, sizeof(text));
    CHECK(text[0]);
    document(DOC_USAGE_CSV, 1, 199001, text, sizeof(text)); // before any
    CHECK(!strstr(text, "domain.cpu"));
    CHECK(ask(t.api, &m, MSG_DOCUMENT, sizeof(m), &any) == 422);
    m.kind = DOC_USAGE_CSV;
    m.month = 202613;
    CHECK(ask(t.api, &m, MSG_DOCUMENT, sizeof(m), &any) == 422);
}

// ------------------------------------------------------------------- money

// What was used is told after the end: within the hold it is charged.
static void test_late(void)
{
    struct msg_hold h = hold_of(20, 4, 100);
    struct msg_record r = record_of(20, 4, 1, 10);
    struct receipt_report report;
    union ipc_any any;

    account_open(4, 1000);
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200);
    CHECK(ask(t.keeper, &r, MSG_SETTLE, sizeof(r), &any) == 200);
    CHECK(any.settle.charged_nano == 21);
    r = record_of(20, 4, 2, 5);
    for (int i = 0; i < 2; i++)
        CHECK(ask(t.keeper, &r, MSG_RECORD, sizeof(r), &any) == 200);
    CHECK(account(4).balance_nano == 1000 - 31 && account(4).held_nano == 0);
    while (t.d.unsealed_mono_ns)
        CHECK_WORKS(ledgerd_turn(&t.d, -1, e));
    CHECK(receipt(20, 4, &report) == 200);
    CHECK(report.books.billed_nano == 31 && report.settlement_count == 2);
}

static void test_terms(void)
{
    struct msg_account_open o = {.customer = customer(6),
                                 .name = "later",
                                 .currency = "SEK",
                                 .credit_limit_nano = 500};
    struct msg_account_change c = {.customer = customer(6),
                                   .credit_limit_nano = -1,
                                   .low_balance_nano = 450};
    struct msg_hold h = hold_of(21, 6, 40);
    union ipc_any any;

    CHECK(ask(t.operator, & o, MSG_ACCOUNT_OPEN, sizeof(o), &any) == 422);
    CHECK(strstr(any.reply.text, "no prices in SEK"));
    strcpy(o.currency, "EUR");
    CHECK(ask(t.operator, & o, MSG_ACCOUNT_OPEN, sizeof(o), &any) == 201);
    CHECK(ask(t.operator, & c, MSG_ACCOUNT_CHANGE, sizeof(c), &any) == 200);
    CHECK(any.account_reply.account.credit_limit_nano == 500);
    CHECK(!any.account_reply.account.low);
    strcpy(h.currency, "USD");
    h.limits.cost_cap_nano = 1000;
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 422);
    strcpy(h.currency, "EUR");
    CHECK(ask(t.keeper, &h, MSG_HOLD, sizeof(h), &any) == 200); // on credit
    CHECK(account(6).low && account(6).held_nano == 81);
    c.customer = customer(99);
    CHECK(ask(t.operator, & c, MSG_ACCOUNT_CHANGE, sizeof(c), &any) == 404);
}

static void test_notes(void)
{
    struct msg_account_correct m = {
        .customer = customer(4), .amount_nano = 11, .id = {7}};
    int64_t before = account(4).balance_nano;
    union ipc_any any;

    CHECK(ask(t.operator, & m, MSG_ACCOUNT_CORRECT, sizeof(m), &any) == 422);
    strcpy(m.reason, "slow");
    for (int i = 0; i < 2; i++)
        CHECK(ask(t.operator, & m, MSG_ACCOUNT_CORRECT, sizeof(m), &any) ==
              200);
    CHECK(account(4).balance_nano == before + 11);
    m.amount_nano = 12; // the same id
    CHECK(ask(t.operator, & m, MSG_ACCOUNT_CORRECT, sizeof(m), &any) == 409);
    m.id[0]++;
    m.submission = submission(1); // another's
    CHECK(ask(t.operator, & m, MSG_ACCOUNT_CORRECT, sizeof(m), &any) == 404);
}

// A webhook's message; signed at this time with this secret.
static struct msg_payment payment(const char *body, uint64_t time_s,
                                  const char *secret)
{
    struct msg_payment m = {.webhook_id = "msg_1",
                            .timestamp_s = time_s,
                            .signatures = 2, // the first one is nonsense
                            .len = (uint32_t)strlen(body)};
    crypto_auth_hmacsha256_state s;
    char head[64];

    snprintf(head, sizeof(head), "msg_1.%llu.", (unsigned long long)time_s);
    strcpy(m.body, body);
    crypto_auth_hmacsha256_init(&s, (const uint8_t *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&s, (uint8_t *)head, strlen(head));
    crypto_auth_hmacsha256_update(&s, (uint8_t *)body, strlen(body));
    crypto_auth_hmacsha256_final(&s, m.signature[1]);
    return m;
}

static unsigned pay(const char *body, int64_t late_s, const char *secret)
{
    struct msg_payment m =
        payment(body, clock_real_ns() / 1000000000u - (uint64_t)late_s, secret);
    union ipc_any any;

    return ask(t.api, &m, MSG_PAYMENT, sizeof(m), &any);
}

static void test_payments(void)
{
#define CUSTOMER                                                               \
    "0404040404040404040404040404040404040404040404040404040404040404"
    static const char good[] =
        "{\"payment\": \"p1\", \"customer\": \"" CUSTOMER
        "\", \"amount\": \"0.000000100\", \"currency\": \"EUR\", \"more\": 1}";
    static const struct {
        const char *body;
        unsigned status;
    } cases[] = {
        {"", 422},
        {"[]", 422},
        {"{\"payment\": \"\"}", 422},
        {"{\"payment\": \"p2\", \"customer\": \"04\"}", 422},
        {"{\"payment\": \"p\\n2\", \"customer\": \"" CUSTOMER
         "\", \"amount\": \"1.00\", \"currency\": \"EUR\"}",
         422},
        {"{\"payment\": \"p2\", \"customer\": \"" CUSTOMER
         "\", \"amount\": 1, \"currency\": \"EUR\"}",
         422},
        {"{\"payment\": \"p2\", \"customer\": \"" CUSTOMER
         "\", \"amount\": \"0.00\", \"currency\": \"EUR\"}",
         422},
        {"{\"payment\": \"p2\", \"customer\": \"" CUSTOMER
         "\", \"amount\": \"1.00\", \"currency\": \"USD\"}",
         422},
        {"{\"payment\": \"p2\", \"payment\": \"p3\", \"customer\": \"" CUSTOMER
         "\", \"amount\": \"1.00\", \"currency\": \"EUR\"}",
         422},
        {"{\"payment\": \"p1\", \"customer\": \"" CUSTOMER
         "\", \"amount\": \"1.00\", \"currency\": \"EUR\"}",
         409},
    };
    int64_t before = account(4).balance_nano;

    for (int i = 0; i < 2; i++)
        CHECK(pay(good, 0, "secret of the bank") == 200);
    CHECK(account(4).balance_nano == before + 100);
    CHECK(pay(good, 0, "another secret") == 401);
    CHECK(pay(good, PAYMENT_AGE_S + 5, "secret of the bank") == 401);
    CHECK(pay(good, -PAYMENT_AGE_S - 5, "secret of the bank") == 401);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK(pay(cases[i].body, 0, "secret of the bank") == cases[i].status);
    CHECK(account(4).balance_nano == before + 100);
}

static void test_invoices(void)
{
    struct msg_invoice_issue m = {.customer = customer(4), .month = 299912};
    struct msg_document d = {
        .customer = customer(5), .kind = DOC_INVOICE_JSON, .number = 1};
    static char text[65536];
    union ipc_any any;

    CHECK(ask(t.operator, & m, MSG_INVOICE_ISSUE, sizeof(m), &any) == 422);
    m.month = 202013;
    CHECK(ask(t.operator, & m, MSG_INVOICE_ISSUE, sizeof(m), &any) == 422);
    m.month = 0;
    CHECK(ask(t.operator, & m, MSG_INVOICE_ISSUE, sizeof(m), &any) == 200);
    CHECK(any.count.count == 1);
    m.month = 202001; // long before that one
    CHECK(ask(t.operator, & m, MSG_INVOICE_ISSUE, sizeof(m), &any) == 409);
    CHECK(ask(t.api, &d, MSG_DOCUMENT, sizeof(d), &any) == 404);
    document(DOC_INVOICES_JSON, 4, 0, text, sizeof(text));
    CHECK(strstr(text, "\"number\": 1"));
    document(DOC_EXPORT_JSONL, 4, 0, text, sizeof(text));
    CHECK(strstr(text, "\"late charge\"") && strstr(text, "\"end\":true}\n"));
    document(DOC_EXPORT_FOCUS, 4, 0, text, sizeof(text));
    CHECK(strstr(text, ",Correction,slow,"));
}

// Many requests at once make one group; each gets its own answer.
static void test_group(void)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    uint8_t n;

    account_open(3, 1000000);
    for (n = 100; n < 200; n++) {
        struct msg_hold h = hold_of(n, 3, n);

        say(t.keeper, &h, MSG_HOLD, sizeof(h), n);
    }
    CHECK(ipc_recv(t.keeper, &any, fds, NULL) == -EAGAIN);
    turn();
    for (n = 100; n < 200; n++) {
        CHECK(hear(t.keeper, MSG_HOLD, n, &any, fds) == 200);
        CHECK(any.hold_reply.hold_nano == 1 + 2 * n);
    }
}

// A batch is sealed when it is old enough, without anybody asking.
static void test_seal_in_time(void)
{
    turn();
    while (t.d.unsealed_mono_ns)
        CHECK_WORKS(ledgerd_turn(&t.d, -1, e));
}

// The keeper may not open accounts, the API may not charge them, nor give
// money: that is for the operator's role.
static void test_wrong_peer(void)
{
    struct msg_record r = record_of(1, 1, 1, 1);
    struct msg_account_open open = {.name = "x"};
    struct msg_account_credit credit = {.amount_nano = 1};
    struct msg_account list = {0};
    struct msg_enrol enrol = {.credit_nano = 1};
    struct err e = {0};

    say(t.api, &r, MSG_SETTLE, sizeof(r), 1);
    CHECK(ledgerd_turn(&t.d, 0, &e) == -EPROTO);
    say(t.api, &open, MSG_ACCOUNT_OPEN, sizeof(open), 2);
    CHECK(ledgerd_turn(&t.d, 0, &e) == -EPROTO);
    say(t.api, &credit, MSG_ACCOUNT_CREDIT, sizeof(credit), 3);
    CHECK(ledgerd_turn(&t.d, 0, &e) == -EPROTO);
    say(t.api, &list, MSG_ACCOUNT_LIST, sizeof(list), 4);
    CHECK(ledgerd_turn(&t.d, 0, &e) == -EPROTO);
    say(t.keeper, &open, MSG_ACCOUNT_OPEN, sizeof(open), 5);
    CHECK(ledgerd_turn(&t.d, 0, &e) == -EPROTO);
    say(t.api, &enrol, MSG_ENROL, sizeof(enrol), 6);
    CHECK(ledgerd_turn(&t.d, 0, &e) == -EPROTO);
}

static void cards_write(void)
{
    char own[512], hex[65];
    key_id_t who = customer(14);

    snprintf(own, sizeof(own), own_card, hex_encode(hex, who.b, sizeof(who.b)));
    CHECK(mkdir("cards", 0700) == 0);
    CHECK_WORKS(
        file_write_durable("cards/all.cfg", card, strlen(card), 0600, e));
    CHECK_WORKS(file_write_durable("cards/own.cfg", own, strlen(own), 0600, e));
}

int main(void)
{
    struct audit_result audit;

    CHECK(sodium_init() >= 0);
    strcpy(t.folder, "/tmp/hostel-ledgerd-XXXXXX");
    CHECK(mkdtemp(t.folder) && chdir(t.folder) == 0);
    cards_write();
    crypto_sign_keypair(t.node_id, t.node_secret);
    CHECK_WORKS(receipts_key_make(&t.key, t.node_secret,
                                  clock_real_ns() / 1000000000u, 86400, e));
    role_open();
    test_accounts();
    test_quote_is_hold();
    test_next_period();
    test_settle();
    test_spent();
    test_ends();
    test_receipt_waits();
    test_receipts_wait();
    test_kill();
    test_documents();
    test_late();
    test_terms();
    test_notes();
    test_enrol();
    test_own_card();
    test_payments();
    test_invoices();
    test_group();
    test_seal_in_time();
    test_wrong_peer();
    role_kill();
    CHECK_WORKS(ledger_audit("ledger.db", t.node_id, &audit, e));
    CHECK(audit.unsealed == 0 && audit.accounts >= 3);
    CHECK(chdir("/") == 0);
    CHECK(execlp("rm", "rm", "-r", t.folder, NULL) == 0);
}
