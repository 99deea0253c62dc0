// SPDX-License-Identifier: ISC
// Requests to a function of a node, over HTTP, each signed and answered by a
// domain of its own.
//
//     function-load ADDRESS NODE_ID KEY FUNCTION SECONDS CONNECTIONS
//
// The time is from a request's first byte sent to its answer's last one read;
// requests are signed before. Prints the figures as `bench` lines, then
// `answered COUNT`.

#include <err.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/hex.h"
#include "node-agent/api/httpsig.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/key.h"
#include "tests/bench/link.h"

#define RATE_MAX 5000 // requests a second that there is room for

static struct {
    struct load_to to;
    const char *authority, *function;
    uint64_t end_ns;
    uint64_t *took_ns;
    size_t count;
    atomic_size_t next;
    _Atomic uint64_t last_ns;
} load;

static char *request_sign(size_t n)
{
    struct buf input = BUF_INIT(4096), signature = BUF_INIT(4096);
    char path[96], *text;
    const struct httpsig_request rq = {
        .method = "POST", .authority = load.to.authority, .path = path};
    struct httpsig sig = {
        .label = SIGNATURE_LABEL,
        .component = {"@method", "@authority", "@path", "@query"},
        .ncomponents = 4,
        .created = (int64_t)(clock_real_ns() / 1000000000u)};
    struct err e;

    snprintf(path, sizeof(path), "/v1/submissions/%s/call", load.to.what);
    hex_encode(sig.keyid, load.to.key.key + 32, 32);
    signature_tag(sig.tag, load.to.node_id);
    snprintf(sig.nonce, sizeof(sig.nonce), "%zu-%08x", n, randombytes_random());
    if (httpsig_sign(&sig, &rq, load.to.key.key, &input, &signature, &e) < 0)
        errx(1, "signing a request: %s", e.text);
    if (asprintf(&text,
                 "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n"
                 "Signature-Input: %s\r\nSignature: %s\r\n\r\n",
                 path, load.to.authority, buf_str(&input),
                 buf_str(&signature)) < 0)
        err(1, "a request");
    buf_free(&input);
    buf_free(&signature);
    return text;
}

static void *link_run(void *arg)
{
    struct link *l = malloc(sizeof(*l));

    (void)arg;
    if (!l)
        err(1, "a connection");
    link_open(l, load.to.address, load.to.authority);
    while (clock_mono_ns() < load.end_ns) {
        size_t n = atomic_fetch_add(&load.next, 1), len;
        char *text = request_sign(n);
        struct iovec part = {text, strlen(text)};
        uint64_t began_ns = clock_mono_ns();
        const char *answer;
        int status;

        if (n >= load.count)
            errx(1, "faster than was prepared for: raise RATE_MAX");
        link_write(l, &part, 1);
        status = link_read(l, &answer, &len);
        if (status != 200)
            errx(1, "a request gives %d: %s", status, answer);
        if (len != 13 || memcmp(answer, "Hello, world\n", 13))
            errx(1, "the answer is %.*s", (int)len, answer);
        load.last_ns = clock_mono_ns();
        load.took_ns[n] = load.last_ns - began_ns;
        free(text);
    }
    close(l->fd);
    free(l);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
    uint64_t began_ns;
    size_t n;

    if (argc != 1 + LOAD_ARGUMENTS)
        errx(2, "usage: function-load " LOAD_USAGE);
    load_read(&load.to, argv + 1);
    load.count = load.to.seconds * RATE_MAX;
    load.took_ns = calloc(load.count, sizeof(*load.took_ns));
    if (!load.took_ns)
        err(1, "room for the figures");
    began_ns = clock_mono_ns();
    load.end_ns = began_ns + load.to.seconds * 1000000000u;
    load_run(load.to.connections, link_run);
    n = load.next;
    qsort(load.took_ns, n, sizeof(*load.took_ns), by_size);
    printf("answered %zu\n", n);
    printf("bench function.rate %.0f 1/s\n",
           (double)n * 1e9 / (double)(load.last_ns - began_ns));
    printf("bench function.p50 %.2f ms\n", (double)load.took_ns[n / 2] / 1e6);
    printf("bench function.p99 %.2f ms\n",
           (double)load.took_ns[n * 99 / 100] / 1e6);
    return 0;
}
