// SPDX-License-Identifier: ISC
// The api role's routes, over real sockets, with a keeper and a ledger that
// make their answers up.

#include <assert.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "node-agent/api/httpsig.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/bundle.h"
#include "tests/unit/clock_shift.h"
#include "tests/unit/api_fake.h"

static struct fake_node node;
static struct seckey customer, stranger;

// ------------------------------------------------------------------ a client

struct answer {
    int status;
    struct buf head, body;
};

static void answer_free(struct answer *a)
{
    buf_free(&a->head);
    buf_free(&a->body);
}

static int tcp_connect(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert(fd >= 0);
    assert(connect(fd, (struct sockaddr *)&node.tcp_at, sizeof(node.tcp_at)) ==
           0);
    return fd;
}

static int unix_connect(void)
{
    int fd = sock_connect(node.unix_at, SOCK_STREAM, NULL);

    assert(fd >= 0);
    return fd;
}

// Reads to the end of the connection, which every request here asks for.
static void answer_read(int fd, struct answer *a)
{
    struct buf all = BUF_INIT(1 << 24);
    const char *end;

    *a = (struct answer){.head = BUF_INIT(1 << 16), .body = BUF_INIT(1 << 24)};
    fd_read(fd, "answer", &all, NULL);
    close(fd);
    end = all.data ? strstr(buf_str(&all), "\r\n\r\n") : NULL;
    assert(end);
    buf_add(&a->head, all.data, (size_t)(end - buf_str(&all)));
    end += 4;
    buf_add(&a->body, end, all.len - (size_t)(end - buf_str(&all)));
    assert(sscanf(buf_str(&a->head), "HTTP/1.1 %d", &a->status) == 1);
    buf_free(&all);
}

static const char *header(const struct answer *a, const char *name)
{
    static char value[1024];
    char start[64];
    const char *at;

    snprintf(start, sizeof(start), "\r\n%s: ", name);
    at = strcasestr(buf_str(&a->head), start);
    assert(at);
    at += strlen(start);
    snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

static void is_problem(const struct answer *a, int status)
{
    json_t *o = json_loads(buf_str(&a->body), 0, NULL);

    if (a->status != status)
        fprintf(stderr, "%d, not %d: %s\n", a->status, status,
                buf_str(&a->body));
    assert(a->status == status && o);
    assert(!strcmp(header(a, "content-type"), PROBLEM_TYPE));
    assert(json_integer_value(json_object_get(o, "status")) == status);
    assert(*json_string_value(json_object_get(o, "title")));
    assert(*json_string_value(json_object_get(o, "detail")));
    json_decref(o);
}

static json_t *is_json(const struct answer *a, int status)
{
    json_t *o = json_loads(buf_str(&a->body), 0, NULL);

    if (a->status != status)
        fprintf(stderr, "%d, not %d: %s\n", a->status, status,
                buf_str(&a->body));
    assert(a->status == status && o);
    assert(!strcmp(header(a, "content-type"), "application/json"));
    return o;
}

struct ask {
    const char *method, *target, *type;
    const void *body;
    size_t len;
    const struct seckey *sign; // NULL: not signed
    int64_t age_s;             // of the signature
    int local;                 // over the unix socket
    int elsewhere;             // signed for another node
};

static const char *ask_field(void *arg, const char *name)
{
    return !strcmp(name, "content-digest") ? arg : NULL;
}

static void ask_sign(const struct ask *q, struct buf *head)
{
    const char *query = strchr(q->target, '?');
    struct buf input = BUF_INIT(4096), signature = BUF_INIT(4096);
    char path[256], digest[HTTPSIG_DIGEST_SIZE];
    struct httpsig_request rq = {.method = q->method,
                                 .authority = "node",
                                 .path = path,
                                 .query = query ? query + 1 : NULL,
                                 .field = ask_field,
                                 .arg = digest};
    struct httpsig sig = {.label = "s",
                          .component = {"@method", "@authority", "@path",
                                        "@query", "content-digest"},
                          .ncomponents = q->len ? 5 : 4,
                          .created = (int64_t)(clock_real_ns() / 1000000000u) -
                                     q->age_s};
    uint8_t nonce[16], node_id[32];

    snprintf(path, sizeof(path), "%.*s", (int)strcspn(q->target, "?"),
             q->target);
    memcpy(node_id, node.cfg.node_id, sizeof(node_id));
    node_id[0] ^= (uint8_t)q->elsewhere;
    signature_tag(sig.tag, node_id);
    httpsig_digest(digest, q->body, q->len);
    hex_encode(sig.keyid, q->sign->key + 32, 32);
    randombytes_buf(nonce, sizeof(nonce));
    hex_encode(sig.nonce, nonce, sizeof(nonce));
    assert(httpsig_sign(&sig, &rq, q->sign->key, &input, &signature, NULL) ==
           0);
    buf_printf(head, "Signature-Input: %s\r\nSignature: %s\r\n",
               buf_str(&input), buf_str(&signature));
    if (q->len)
        buf_printf(head, "Content-Digest: %s\r\n", digest);
    buf_free(&input);
    buf_free(&signature);
}

static void ask_make(const struct ask *q, struct buf *head)
{
    buf_printf(head, "%s %s HTTP/1.1\r\nHost: node\r\nConnection: close\r\n",
               q->method, q->target);
    if (q->type)
        buf_printf(head, "Content-Type: %s\r\n", q->type);
    if (q->body)
        buf_printf(head, "Content-Length: %zu\r\n", q->len);
    if (q->sign)
        ask_sign(q, head);
    buf_printf(head, "\r\n");
}

static struct answer ask(const struct ask *q)
{
    struct buf head = BUF_INIT(1 << 16);
    int fd = q->local ? unix_connect() : tcp_connect();
    struct answer a;

    ask_make(q, &head);
    assert(write_full(fd, head.data, head.len) == 0);
    if (q->len)
        write_full(fd, q->body, q->len); // may be refused on the way
    buf_free(&head);
    answer_read(fd, &a);
    return a;
}

// ------------------------------------------------------------------- bundles

#define PROGRAM "int main(void) { return 7; }\n"

static struct answer submit(const struct buf *b)
{
    const struct ask q = {.method = "POST",
                          .target = "/v1/submissions",
                          .type = BUNDLE_TYPE,
                          .body = b->data,
                          .len = b->len};

    return ask(&q);
}

// --------------------------------------------------------------------- tests

static char sub_target[128]; // "/v1/submissions/ID"

static struct answer get(const char *target, const struct seckey *sign)
{
    const struct ask q = {.method = "GET", .target = target, .sign = sign};

    return ask(&q);
}

static struct answer get_local(const char *target)
{
    const struct ask q = {.method = "GET", .target = target, .local = 1};

    return ask(&q);
}

static void test_open_routes(void)
{
    struct answer a = get("/v1/node", NULL);
    json_t *o = is_json(&a, 200);
    char id[65];

    hex_encode(id, node.cfg.node_id, 32);
    assert(!strcmp(json_string_value(json_object_get(o, "id")), id));
    assert(!strcmp(json_string_value(json_object_get(o, "currency")), "EUR"));
    assert(json_integer_value(
               json_object_get(json_object_get(o, "capacity"), "slots")) == 8);
    json_decref(o);
    answer_free(&a);

    a = get("/healthz", NULL);
    json_decref(is_json(&a, 200));
    answer_free(&a);

    a = get("/v1/ratecard", NULL);
    assert(a.status == 200 && !strcmp(buf_str(&a.body), "a document"));
    answer_free(&a);
}

static void test_no_such_thing(void)
{
    static const char *const nowhere[] = {"/",
                                          "/v1",
                                          "/v1/nodes",
                                          "/v1/submissions/",
                                          "/v1/submissions/a/b",
                                          "/v1/submissions//console",
                                          "/v1/node/",
                                          "/../etc/passwd"};
    const struct ask put = {.method = "PUT", .target = "/v1/node"};
    const struct ask odd = {.method = "BREW", .target = "/v1/submissions"};
    struct answer a;

    for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
        a = get(nowhere[i], NULL);
        is_problem(&a, 404);
        answer_free(&a);
    }
    a = ask(&put);
    is_problem(&a, 405);
    assert(!strcmp(header(&a, "allow"), "GET, HEAD"));
    answer_free(&a);
    a = ask(&odd);
    is_problem(&a, 405);
    assert(!strcmp(header(&a, "allow"), "POST, GET, HEAD"));
    answer_free(&a);
}

static void test_quotes(void)
{
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"{\"kind\":\"image\",\"cpu_ns\":1000000000}", 200},
        {"", 400},
        {"{", 400},
        {"[]", 400},
        {"{\"cpu_ns\":\"1\"}", 400},
        {"{\"cpu_ns\":1e9}", 400},
        {"{\"cpu_ns\":-1}", 400},
        {"{\"cpu_ns\":99999999999999999999}", 400},
        {"{\"kind\":\"sauce\"}", 400},
        {"{\"cpu_ns\":1000000000,\"cpu_ns\":1000000000}", 400},
        {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}", 400},
        {"{\"cpu_ns\":1000000000} x", 400},
    };
    struct buf b = BUF_INIT(1 << 20);
    struct ask q = {.method = "POST", .target = "/v1/quotes"};
    struct answer a;
    json_t *o;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        q.type = "application/json";
        q.body = cases[i].body;
        q.len = strlen(cases[i].body);
        a = ask(&q);
        if (cases[i].status >= 400)
            is_problem(&a, cases[i].status);
        else
            json_decref(is_json(&a, cases[i].status));
        answer_free(&a);
    }
    // A bundle without its file is enough.
    fake_bundle(&node, &b, PROGRAM, 1, &customer);
    q.type = BUNDLE_TYPE;
    q.body = b.data;
    q.len = b.len - strlen(PROGRAM);
    a = ask(&q);
    o = is_json(&a, 200);
    assert(json_integer_value(json_object_get(o, "total_nano")) == 10000000);
    assert(!strcmp(json_string_value(json_object_get(o, "total")), "0.01"));
    json_decref(o);
    answer_free(&a);
    q.len = 100;
    a = ask(&q);
    is_problem(&a, 400);
    answer_free(&a);
    buf_free(&b);
}

static void test_submit(void)
{
    struct buf b = BUF_INIT(1 << 20);
    struct answer a;
    json_t *o;

    fake_bundle(&node, &b, PROGRAM, 1, &customer);
    a = submit(&b);
    o = is_json(&a, 201);
    snprintf(sub_target, sizeof(sub_target), "/v1/submissions/%s",
             json_string_value(json_object_get(o, "id")));
    assert(!strcmp(header(&a, "location"), sub_target));
    assert(!strcmp(json_string_value(json_object_get(o, "state")), "running"));
    assert(json_is_null(json_object_get(o, "outcome")));
    assert(json_integer_value(json_object_get(json_object_get(o, "left"),
                                              "cpu_ns")) == 750000000);
    json_decref(o);
    answer_free(&a);
    a = submit(&b);
    json_decref(is_json(&a, 200));
    answer_free(&a);
    buf_free(&b);
}

// No flipped bit and no missing end gets past the api.
static void test_submit_damaged(void)
{
    struct buf b = BUF_INIT(1 << 20);
    struct answer a;

    fake_bundle(&node, &b, PROGRAM, 2, &customer);
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 1;
        a = submit(&b);
        assert(a.status == 422 || a.status == 400);
        is_problem(&a, a.status);
        answer_free(&a);
        b.data[i] ^= 1;
    }
    for (size_t len = b.len; len-- > 0;) {
        struct buf cut = {.data = b.data, .len = len};

        a = submit(&cut);
        is_problem(&a, 400);
        answer_free(&a);
    }
    // Something after its end.
    buf_add(&b, "x", 1);
    a = submit(&b);
    is_problem(&a, 422);
    answer_free(&a);
    buf_free(&b);
    assert(spool_bytes(&node.api.spool) == 0);
}

// An upload that is refused early is answered although the rest, which nobody
// wants, has not come; and the connection ends.
static void test_submit_refused_early(void)
{
    const struct ask q = {.method = "POST",
                          .target = "/v1/submissions",
                          .type = BUNDLE_TYPE,
                          .body = "",
                          .len = 0};
    struct buf head = BUF_INIT(1 << 16);
    char junk[4096] = "not a bundle";
    struct answer a;
    int fd = tcp_connect();

    ask_make(&q, &head);
    buf_free(&head);
    head = (struct buf)BUF_INIT(1 << 16);
    buf_printf(&head, "POST /v1/submissions HTTP/1.1\r\nHost: node\r\n"
                      "Content-Length: 60000000\r\n\r\n");
    assert(write_full(fd, head.data, head.len) == 0);
    assert(write_full(fd, junk, sizeof(junk)) == 0);
    answer_read(fd, &a);
    is_problem(&a, 422);
    assert(!strcmp(header(&a, "connection"), "close"));
    answer_free(&a);

    // Too long by its own account: before any of it.
    buf_free(&head);
    buf_printf(&head, "POST /v1/submissions HTTP/1.1\r\nHost: node\r\n"
                      "Content-Length: 6000000000\r\n\r\n");
    fd = tcp_connect();
    assert(write_full(fd, head.data, head.len) == 0);
    answer_read(fd, &a);
    is_problem(&a, 413);
    answer_free(&a);
    buf_free(&head);
}

static void test_signatures(void)
{
    const struct ask old = {
        .method = "GET", .target = sub_target, .sign = &customer, .age_s = 400};
    const struct ask before = {
        .method = "GET", .target = sub_target, .sign = &customer, .age_s = 100};
    const struct ask early = {.method = "GET",
                              .target = sub_target,
                              .sign = &customer,
                              .age_s = -400};
    const struct ask other = {.method = "GET",
                              .target = sub_target,
                              .sign = &customer,
                              .elsewhere = 1};
    struct answer a = ask(&other);

    is_problem(&a, 401);
    assert(strstr(buf_str(&a.body), "not made for this node"));
    answer_free(&a);
    a = get(sub_target, NULL);
    is_problem(&a, 401);
    header(&a, "www-authenticate");
    answer_free(&a);
    a = get(sub_target, &customer);
    json_decref(is_json(&a, 200));
    answer_free(&a);
    a = get(sub_target, &stranger);
    is_problem(&a, 404);
    answer_free(&a);
    a = ask(&old);
    is_problem(&a, 401);
    answer_free(&a);
    a = ask(&before);
    is_problem(&a, 425);
    answer_free(&a);
    a = ask(&early);
    is_problem(&a, 401);
    answer_free(&a);
}

static void test_replayed_signature(void)
{
    const struct ask q = {
        .method = "DELETE", .target = sub_target, .sign = &customer};
    struct buf head = BUF_INIT(1 << 16);
    struct answer a;

    ask_make(&q, &head);
    for (int i = 0; i < 3; i++) {
        int fd = tcp_connect();

        assert(write_full(fd, head.data, head.len) == 0);
        answer_read(fd, &a);
        if (i == 0)
            json_decref(is_json(&a, 202));
        else
            is_problem(&a, 401);
        answer_free(&a);
    }
    buf_free(&head);
}

// What changes nothing takes no room among the nonces, nor does who has no
// account.
static void test_unremembered(void)
{
    struct ask q = {.method = "GET", .target = sub_target, .sign = &customer};
    struct buf head = BUF_INIT(1 << 16);
    struct answer a;

    ask_make(&q, &head);
    for (int i = 0; i < 2; i++) {
        int fd = tcp_connect();

        assert(write_full(fd, head.data, head.len) == 0);
        answer_read(fd, &a);
        json_decref(is_json(&a, 200));
        answer_free(&a);
    }
    buf_free(&head);
    memcpy(node.fake.nobody.b, stranger.key + 32, 32);
    q.method = "DELETE";
    q.sign = &stranger;
    a = ask(&q);
    is_problem(&a, 404);
    assert(strstr(buf_str(&a.body), "account"));
    answer_free(&a);
}

// The answer to this piece of input.
static void input_is(const struct ask *q, int accepted, int position,
                     bool ended)
{
    struct answer a = ask(q);
    json_t *o = is_json(&a, 200);

    assert(json_integer_value(json_object_get(o, "accepted")) == accepted);
    assert(json_integer_value(json_object_get(o, "position")) == position);
    assert(json_is_true(json_object_get(o, "ended")) == ended);
    json_decref(o);
    answer_free(&a);
}

static void test_input(void)
{
    char target[200], *big = malloc(BODY_MAX + 1);
    struct ask q = {.method = "POST",
                    .target = target,
                    .sign = &customer,
                    .body = big,
                    .len = 3000};
    struct answer a;

    assert(big);
    memset(big, 'x', BODY_MAX + 1);
    // The fake program has no room at first, and after every third message;
    // what it took of one is told, and where the input is.
    snprintf(target, sizeof(target), "%s/input?eof=1", sub_target);
    a = ask(&q);
    is_problem(&a, 429);
    answer_free(&a);
    input_is(&q, 2000, 2000, false);
    q.len = 1000;
    snprintf(target, sizeof(target), "%s/input?writer=77&offset=2000&eof=1",
             sub_target);
    input_is(&q, 1000, 3000, true);
    assert(node.fake.input_len == 3000 && node.fake.input_ended);
    assert(node.fake.input_writer == 77);
    snprintf(target, sizeof(target), "%s/input?writer=0", sub_target);
    a = ask(&q);
    is_problem(&a, 400);
    answer_free(&a);
    q.len = BODY_MAX + 1;
    a = ask(&q);
    is_problem(&a, 413);
    answer_free(&a);
    free(big);
}

static void test_console(void)
{
    char target[160];
    struct answer a;

    assert(write_full(node.fake.log_fd, "hello\n", 6) == 0);
    snprintf(target, sizeof(target), "%s/console", sub_target);
    a = get(target, &customer);
    assert(a.status == 200 && !strcmp(buf_str(&a.body), "hello\n"));
    answer_free(&a);
    snprintf(target, sizeof(target), "%s/console?offset=2", sub_target);
    a = get(target, &customer);
    assert(a.status == 200 && !strcmp(buf_str(&a.body), "llo\n"));
    answer_free(&a);
    snprintf(target, sizeof(target), "%s/console?offset=x", sub_target);
    a = get(target, &customer);
    is_problem(&a, 400);
    answer_free(&a);
    // The program goes on while it is followed, and ends.
    snprintf(target, sizeof(target), "%s/console?follow=1", sub_target);
    a = get(target, &customer);
    assert(a.status == 200);
    assert(strstr(buf_str(&a.body), "hello\n"));
    assert(strstr(buf_str(&a.body), "bye\n"));
    answer_free(&a);
}

static void test_done(void)
{
    struct answer a = get(sub_target, &customer);
    json_t *o = is_json(&a, 200);
    char target[160];

    assert(!strcmp(json_string_value(json_object_get(o, "state")), "done"));
    assert(json_integer_value(json_object_get(o, "exit_status")) == 7);
    assert(!strcmp(json_string_value(json_object_get(o, "charged")),
                   "0.001234567"));
    json_decref(o);
    answer_free(&a);

    snprintf(target, sizeof(target), "%s/receipt", sub_target);
    a = get(target, &customer);
    is_problem(&a, 425);
    header(&a, "retry-after");
    answer_free(&a);
    snprintf(target, sizeof(target), "%s/receipt?wait=1", sub_target);
    a = get(target, &customer);
    assert(a.status == 200 &&
           !strcmp(header(&a, "content-type"), RECEIPT_TYPE));
    answer_free(&a);
}

static void test_lists(void)
{
    struct answer a = get("/v1/submissions", &customer);
    json_t *o = is_json(&a, 200);

    assert(json_array_size(json_object_get(o, "submissions")) == 1);
    json_decref(o);
    answer_free(&a);
    a = get("/v1/submissions?live=1", &customer);
    o = is_json(&a, 200);
    assert(json_array_size(json_object_get(o, "submissions")) == 0);
    json_decref(o);
    answer_free(&a);
    a = get("/v1/submissions?limit=0", &customer);
    is_problem(&a, 400);
    answer_free(&a);
    a = get("/v1/submissions", NULL);
    is_problem(&a, 401);
    answer_free(&a);
}

static void test_operator(void)
{
    static const char good[] =
        "{\"key\":\"00112233445566778899aabbccddeeff00112233445566778899aabbcc"
        "ddeeff\",\"name\":\"Eve\"}";
    static const char credit[] = "{\"amount_nano\":5000000000,"
                                 "\"id\":\"00112233445566778899aabbccddeeff\"}";
    struct ask q = {.method = "POST",
                    .target = "/v1/accounts",
                    .type = "application/json",
                    .body = good,
                    .len = strlen(good),
                    .sign = &customer};
    struct answer a = ask(&q);
    json_t *o;

    is_problem(&a, 403); // a customer over TCP
    answer_free(&a);
    q.local = 1;
    a = ask(&q);
    is_problem(&a, 403); // a customer on the unix socket
    answer_free(&a);
    q.sign = NULL;
    a = ask(&q);
    json_decref(is_json(&a, 201));
    answer_free(&a);

    q.target = "/v1/accounts/00112233445566778899aabbccddeeff00112233445566778"
               "899aabbccddeeff/credits";
    q.body = credit;
    q.len = strlen(credit);
    a = ask(&q);
    o = is_json(&a, 200);
    assert(!strcmp(json_string_value(json_object_get(o, "balance")), "5.00"));
    json_decref(o);
    answer_free(&a);
    q.body = "{\"amount_nano\":-1}";
    q.len = strlen(q.body);
    a = ask(&q);
    is_problem(&a, 400);
    answer_free(&a);

    a = get_local("/v1/accounts");
    o = is_json(&a, 200);
    assert(json_array_size(json_object_get(o, "accounts")) == 1);
    json_decref(o);
    answer_free(&a);
    a = get_local("/v1/domains");
    json_decref(is_json(&a, 200));
    answer_free(&a);
    a = get_local(sub_target); // anybody's
    json_decref(is_json(&a, 200));
    answer_free(&a);
    a = get_local("/v1/account");
    is_problem(&a, 400);
    answer_free(&a);
    a = get("/v1/account/invoice?month=2026-13", &customer);
    is_problem(&a, 400);
    answer_free(&a);
    a = get("/v1/account/invoice?month=2026-11&format=text", &customer);
    assert(a.status == 200);
    answer_free(&a);
}

// The clock is set back by two hours: what was signed before that is not known
// any more, and what is signed from then on is served, not in two hours only.
static void test_clock_back(void)
{
    struct ask old = {.method = "GET",
                      .target = sub_target,
                      .sign = &customer,
                      .age_s = 10},
               now = {.method = "GET",
                      .target = sub_target,
                      .sign = &customer,
                      .age_s = -2}; // of the second after next, surely
    struct answer a;

    a = ask(&now);
    json_decref(is_json(&a, 200));
    answer_free(&a);
    shift_set_ns -= 2 * SHIFT_HOUR_NS;
    a = ask(&old);
    is_problem(&a, 425);
    assert(strstr(buf_str(&a.body), "before its clock was set back"));
    answer_free(&a);
    a = ask(&now);
    json_decref(is_json(&a, 200));
    answer_free(&a);
    shift_set_ns += 2 * SHIFT_HOUR_NS; // ahead: only what is too old is refused
    a = ask(&old);
    json_decref(is_json(&a, 200));
    answer_free(&a);
}

int main(void)
{
    struct err e;

    assert(key_init(&e) == 0);
    key_make(&customer);
    key_make(&stranger);
    fake_node_start(&node);
    test_open_routes();
    test_no_such_thing();
    test_quotes();
    test_submit();
    test_submit_damaged();
    test_submit_refused_early();
    test_signatures();
    test_replayed_signature();
    test_unremembered();
    test_input();
    test_console();
    test_done();
    test_lists();
    test_operator();
    test_clock_back();
    fake_node_stop(&node);
    return 0;
}
