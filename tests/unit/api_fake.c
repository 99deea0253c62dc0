// SPDX-License-Identifier: ISC
// A keeper and a ledger for tests of the api role; see api_fake.h.

#include "tests/unit/api_fake.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "node-agent/api/nonces.h"
#include "node-agent/api/rate.h"

struct peer {
    struct fake *fake;
    int fd;
    void (*serve)(struct fake *f, int fd, union ipc_any *any, int *fds);
};

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    while (ipc_recv(p->fd, &any, fds, NULL) > 0) {
        p->serve(p->fake, p->fd, &any, fds);
        ipc_close(fds);
    }
    close(p->fd);
    free(p);
    return NULL;
}

static void peer_start(struct fake *f, int fd,
                       void (*serve)(struct fake *, int, union ipc_any *,
                                     int *))
{
    struct peer *p = malloc(sizeof(*p));
    pthread_t thread;

    assert(p);
    *p = (struct peer){f, fd, serve};
    assert(pthread_create(&thread, NULL, peer_run, p) == 0);
    pthread_detach(thread);
}

// Turns what was received into the reply to it, all zero but for this.
static void *reply_make(union ipc_any *any, size_t size, unsigned status,
                        const char *text)
{
    struct msg_head head = any->head;

    memset(any, 0, sizeof(*any));
    any->reply.head =
        (struct msg_head){head.type | MSG_REPLY, (uint32_t)size, head.tag};
    any->reply.status = status;
    ipc_text(any->reply.text, text);
    return any;
}

static int paper(const void *data, size_t len)
{
    int fd = memfd_create("paper", MFD_CLOEXEC);

    assert(fd >= 0 && write_full(fd, data, len) == 0);
    return fd;
}

// -------------------------------------------------------------------- keeper

// Verifies it, as the keeper does: the api leaves most of that to it.
static void keeper_submit(struct fake *f, int fd, union ipc_any *any, int *fds)
{
    static const struct bundle_handler nothing = {0};
    struct bundle_reader *r = bundle_reader_new(&nothing, NULL);
    unsigned status = f->info.version ? 200 : 201;
    uint8_t digest[DIGEST_BYTES];
    struct msg_submit_reply *reply;
    struct err e = {0};

    assert(r && lseek(fds[0], 0, SEEK_END) == (off_t)any->submit.bundle_len);
    assert(lseek(fds[0], 0, SEEK_SET) == 0);
    if (bundle_read_fd(r, fds[0], &e) < 0) {
        reply_make(any, sizeof(*reply), 422, e.text);
        bundle_reader_free(r);
        assert(ipc_send(fd, &any->head, NULL, 0, &e) == 0);
        return;
    }
    bundle_reader_digest(r, digest);
    memcpy(f->customer.b, bundle_reader_manifest(r)->customer, 32);
    f->info.customer = f->customer;
    submission_id(f->node_id, digest, f->info.id.b);
    ipc_text(f->info.name, bundle_reader_manifest(r)->name);
    f->info.version = 1;
    f->info.state = SUB_RUNNING;
    f->info.limits.cpu_ns = 1000000000;
    f->info.usage.cpu_ns = 250000000;
    f->info.hold_nano = 5000000;
    bundle_reader_free(r);
    reply = reply_make(any, sizeof(*reply), status, "");
    reply->info = f->info;
    assert(ipc_send(fd, &any->head, NULL, 0, &e) == 0);
}

static int mine(const struct fake *f, const sub_id_t *id, const key_id_t *key)
{
    static const key_id_t operator;

    return f->info.version && !memcmp(id, &f->info.id, sizeof(*id)) &&
           (!memcmp(key, &operator, sizeof(*key)) ||
            !memcmp(key, &f->customer, sizeof(*key)));
}

static void keeper_info(struct fake *f, int fd, union ipc_any *any, int found,
                        int log)
{
    struct msg_info_reply *reply =
        reply_make(any, sizeof(*reply), found ? 200 : 404,
                   found ? "" : "you have no such submission");

    if (found)
        reply->info = f->info;
    assert(ipc_send(fd, &any->head, &log, found && log >= 0, NULL) == 0);
}

// A wait runs the submission to its end, after one more line on the console.
static void keeper_wait(struct fake *f, int fd, union ipc_any *any)
{
    int found = mine(f, &any->wait.id, &any->wait.customer);

    if (found && f->info.state == SUB_RUNNING) {
        assert(write_full(f->log_fd, "bye\n", 4) == 0);
        f->info.state = SUB_DONE;
        f->info.outcome = OUTCOME_EXITED;
        f->info.exit_status = 7;
        f->info.charged_nano = 1234567;
        f->info.version++;
    }
    keeper_info(f, fd, any, found, -1);
}

static void keeper_list(struct fake *f, int fd, union ipc_any *any)
{
    struct msg_count_reply *reply;
    int have = f->info.version && mine(f, &f->info.id, &any->list.customer) &&
               !(any->list.live_only && f->info.state == SUB_DONE);
    int list = paper(&f->info, have ? sizeof(f->info) : 0);

    reply = reply_make(any, sizeof(*reply), 200, "");
    reply->count = have;
    assert(ipc_send(fd, &any->head, &list, 1, NULL) == 0);
    close(list);
}

static void keeper_input(struct fake *f, int fd, union ipc_any *any)
{
    int found = mine(f, &any->input.id, &any->input.customer);
    struct msg_input_reply *reply;
    uint32_t len = 0;

    // The program does not read all the time.
    if (found && f->input_asked++ % 3 == 0) {
        reply_make(any, sizeof(*reply), 429, "it has to read first");
        assert(ipc_send(fd, &any->head, NULL, 0, NULL) == 0);
        return;
    }
    if (found) { // it takes a thousand bytes at a time
        len = any->input.len > 1000 ? 1000 : any->input.len;
        assert(f->input_len + len <= sizeof(f->input));
        assert(any->input.offset == HVC_INPUT_HERE ||
               any->input.offset == f->input_len);
        memcpy(f->input + f->input_len, any->input.data, len);
        f->input_len += len;
        f->input_writer = any->input.writer;
        if (len == any->input.len && (any->input.flags & HVC_INPUT_END))
            f->input_ended = 1;
    }
    reply = reply_make(any, sizeof(*reply), found ? 200 : 404,
                       found ? "" : "you have no such submission");
    reply->accepted = len;
    reply->position = f->input_len;
    reply->ended = f->input_ended;
    assert(ipc_send(fd, &any->head, NULL, 0, NULL) == 0);
}

static void keeper_serve(struct fake *f, int fd, union ipc_any *any, int *fds)
{
    switch (any->head.type) {
    case MSG_SUBMIT:
        keeper_submit(f, fd, any, fds);
        break;
    case MSG_GET:
        if (!atomic_load(&f->late))
            keeper_info(f, fd, any, mine(f, &any->get.id, &any->get.customer),
                        -1);
        break;
    case MSG_WAIT:
        keeper_wait(f, fd, any);
        break;
    case MSG_LOG:
        keeper_info(f, fd, any, mine(f, &any->log.id, &any->log.customer),
                    f->log_fd);
        break;
    case MSG_LIST:
        keeper_list(f, fd, any);
        break;
    case MSG_INPUT:
        keeper_input(f, fd, any);
        break;
    case MSG_DESTROY:
        reply_make(any, sizeof(struct msg_reply), 200, "");
        assert(ipc_send(fd, &any->head, NULL, 0, NULL) == 0);
        break;
    case MSG_CAPACITY:
        reply_make(any, sizeof(struct msg_capacity_reply), 200, "");
        any->capacity.slots = 8;
        assert(ipc_send(fd, &any->head, NULL, 0, NULL) == 0);
        break;
    case MSG_KEY: { // nobody has another key than his first
        key_id_t key = any->key.key;

        assert(any->key.op == KEY_RESOLVE);
        reply_make(any, sizeof(struct msg_key_reply), 200, "");
        any->key_reply.key.key = any->key_reply.key.account = key;
        assert(ipc_send(fd, &any->head, NULL, 0, NULL) == 0);
        break;
    }
    case MSG_AUDIT:
        break;
    default:
        assert(!"a message the keeper does not know");
    }
}

// -------------------------------------------------------------------- ledger

static void ledger_quote(int fd, union ipc_any *any)
{
    uint64_t cpu_ns = any->quote.limits.cpu_ns;
    struct msg_quote_reply *reply = reply_make(any, sizeof(*reply), 200, "");

    strcpy(reply->currency, "EUR");
    strcpy(reply->ratecard, "test-1");
    reply->nlines = 1;
    strcpy(reply->line[0].sku, "domain.cpu");
    strcpy(reply->line[0].unit, "ns");
    reply->line[0].quantity_lo = cpu_ns;
    reply->line[0].amount_nano = (int64_t)(cpu_ns / 100);
    reply->total_nano = (int64_t)(cpu_ns / 100);
    assert(ipc_send(fd, &any->head, NULL, 0, NULL) == 0);
}

static void ledger_document(struct fake *f, int fd, union ipc_any *any)
{
    static const char text[] = "a document";
    struct msg_count_reply *reply;
    int early = any->document.kind == DOC_RECEIPT &&
                atomic_fetch_add(&f->receipts_asked, 1) < 2;
    int doc = paper(text, sizeof(text) - 1);

    reply = reply_make(any, sizeof(*reply), early ? 425 : 200,
                       early ? "the receipt is not signed yet" : "");
    if (early)
        reply->reply.retry_after_s = 1;
    reply->length = sizeof(text) - 1;
    assert(ipc_send(fd, &any->head, &doc, !early, NULL) == 0);
    close(doc);
}

static void ledger_account(struct fake *f, int fd, union ipc_any *any,
                           unsigned status)
{
    struct msg_account_reply *reply =
        reply_make(any, sizeof(*reply), status, "");

    reply->account = f->account;
    assert(ipc_send(fd, &any->head, NULL, 0, NULL) == 0);
}

static void ledger_serve(struct fake *f, int fd, union ipc_any *any, int *fds)
{
    int list;

    (void)fds;
    switch (any->head.type) {
    case MSG_QUOTE:
        ledger_quote(fd, any);
        break;
    case MSG_DOCUMENT:
        ledger_document(f, fd, any);
        break;
    case MSG_ACCOUNT_OPEN:
        f->account.customer = any->account_open.customer;
        ipc_text(f->account.name, any->account_open.name);
        strcpy(f->account.currency, "EUR");
        ledger_account(f, fd, any, 201);
        break;
    case MSG_ACCOUNT_CREDIT:
        f->account.balance_nano += any->account_credit.amount_nano;
        ledger_account(f, fd, any, 200);
        break;
    case MSG_ACCOUNT_GET:
        ledger_account(
            f, fd, any,
            memcmp(&any->account.customer, &f->nobody, sizeof(f->nobody))
                ? 200
                : 404);
        break;
    case MSG_ACCOUNT_LIST:
        list = paper(&f->account, sizeof(f->account));
        reply_make(any, sizeof(struct msg_count_reply), 200, "");
        any->count.count = 1;
        assert(ipc_send(fd, &any->head, &list, 1, NULL) == 0);
        close(list);
        break;
    default:
        assert(!"a message the ledger does not know");
    }
}

// ---------------------------------------------------------------- whole node

static void closed(const char *why)
{
    (void)why;
}

static int tcp_listen(struct sockaddr_in *at)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = sizeof(*at);

    *at = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert(fd >= 0);
    assert(bind(fd, (struct sockaddr *)at, sizeof(*at)) == 0);
    assert(listen(fd, 64) == 0);
    assert(getsockname(fd, (struct sockaddr *)at, &len) == 0);
    return fd;
}

void fake_node_start(struct fake_node *n)
{
    int keeper[2], ledger[2], unix_fd;
    struct err e = {0};

    strcpy(n->cfg.node_name, "testnode");
    n->cfg.memory_kib = 1 << 20;
    n->cfg.operator_uid = getuid();
    randombytes_buf(n->cfg.node_id, sizeof(n->cfg.node_id));
    memcpy(n->fake.node_id, n->cfg.node_id, sizeof(n->fake.node_id));
    n->fake.log_fd = memfd_create("log", MFD_CLOEXEC);
    fcntl(n->fake.log_fd, F_SETFL, O_APPEND); // as the keeper opens logs
    assert(sock_pair(keeper) == 0 && sock_pair(ledger) == 0);
    peer_start(&n->fake, keeper[1], keeper_serve);
    peer_start(&n->fake, ledger[1], ledger_serve);
    n->api.cfg = &n->cfg;
    n->api.spool = (struct spool)SPOOL_INIT;
    n->api.waits = (struct waits)WAITS_INIT;
    n->api.known = (struct known)KNOWN_INIT;
    n->api.currencies = (struct currencies)CURRENCIES_INIT;
    // It began a while ago: younger signatures only are good.
    n->api.started_real_ns = clock_real_ns() - 50000000000ull;
    n->api.nonces = nonces_new(1024);
    n->api.by_address = rate_new(1024, n->cfg.address_rate);
    n->api.by_customer = rate_new(1024, n->cfg.customer_rate);
    n->api.handshakes = rate_new(1024, 0);
    n->api.keeper = mux_new(keeper[0], closed);
    n->api.ledger = mux_new(ledger[0], closed);
    assert(n->api.nonces && n->api.keeper && n->api.ledger);
    assert(api_load(&n->api, &e) == 0);
    n->tcp = server_start(&n->api, tcp_listen(&n->tcp_at), false);
    snprintf(n->unix_at, sizeof(n->unix_at), "/tmp/hostel-test.%d.sock",
             (int)getpid());
    unix_fd = sock_listen(n->unix_at, SOCK_STREAM, 0600, &e);
    assert(unix_fd >= 0);
    n->local = server_start(&n->api, unix_fd, true);
    assert(n->tcp && n->local);
}

void fake_node_stop(struct fake_node *n)
{
    server_stop(n->tcp);
    server_stop(n->local);
    unlink(n->unix_at);
    free(n->api.key_cert);
    nonces_free(n->api.nonces);
    rate_free(n->api.by_address);
    rate_free(n->api.by_customer);
    rate_free(n->api.handshakes);
}

void fake_bundle(const struct fake_node *n, struct buf *out,
                 const char *program, uint8_t nonce, const struct seckey *key)
{
    struct manifest_file file = {.path = "main.c",
                                 .size = strlen(program),
                                 .role = ROLE_SOURCE,
                                 .mode = 0644};
    struct bundle_source source = {.data = program};
    uint64_t now_s = clock_real_ns() / 1000000000u;
    struct manifest m = {.kind = KIND_SOURCE,
                         .name = "program",
                         .nfiles = 1,
                         .file = &file,
                         .memory_kib = 16384,
                         .cpu_ns = 1000000000,
                         .wall_ns = 1000000000,
                         .build_cpu_ns = 1000000000,
                         .console_bytes = 65536,
                         .currency = "",
                         .not_before_s = now_s,
                         .expires_s = now_s + 3600};
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    struct err e = {0};

    memcpy(m.audience, n->cfg.node_id, sizeof(m.audience));
    memset(m.nonce, nonce, sizeof(m.nonce));
    if (bundle_write(fd, &m, &source, key, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    lseek(fd, 0, SEEK_SET);
    assert(fd_read(fd, "bundle", out, &e) == 0);
    close(fd);
}
