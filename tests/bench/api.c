// SPDX-License-Identifier: ISC
// Load for a node's API: one signed GET of a submission, again and again, on
// many connections at once. Each is verified by the node as if it were new.
//
//     api-load plain|tls ADDRESS NODE_ID KEY SUBMISSION SECONDS CONNECTIONS
//
// Prints a `bench` line: requests a second, and the 99th percentile of the
// time from the first byte sent to the last one read. Over TLS the node must
// show a certificate that NODE_ID has signed.

#include <err.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/hex.h"
#include "node-agent/agent/cert.h"
#include "node-agent/api/httpsig.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/key.h"
#include "tests/bench/link.h"

#define EACH_MAX (1u << 18) // requests of a connection

static struct {
    bool tls;
    struct load_to to;
    const char *authority, *submission;
    gnutls_certificate_credentials_t credentials;
    pthread_barrier_t ready;
    uint64_t end_ns;
} load;

struct connection {
    struct link link;
    gnutls_session_t session;
    char *ask;
    uint32_t *took_us;
    size_t count;
    uint64_t last_ns;
};

// ------------------------------------------------------------------------ TLS

static ssize_t secure_write(struct link *l, const void *data, size_t len)
{
    return gnutls_record_send(l->secure, data, len);
}

static ssize_t secure_read(struct link *l, void *data, size_t len)
{
    return gnutls_record_recv(l->secure, data, len);
}

static void secure_prepare(void)
{
    struct buf der = BUF_INIT(CERT_MAX);
    gnutls_datum_t ca;

    if (cert_authority(&der, load.to.node_id, NULL) < 0)
        errx(1, "no memory");
    ca = (gnutls_datum_t){der.data, (unsigned)der.len};
    if (gnutls_certificate_allocate_credentials(&load.credentials) < 0 ||
        gnutls_certificate_set_x509_trust_mem(load.credentials, &ca,
                                              GNUTLS_X509_FMT_DER) != 1)
        errx(1, "the node's authority cannot be used");
    buf_free(&der);
}

static void secure_begin(struct connection *c)
{
    unsigned status = ~0u;
    int r;

    if (gnutls_init(&c->session, GNUTLS_CLIENT) < 0 ||
        gnutls_set_default_priority(c->session) < 0 ||
        gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE,
                               load.credentials) < 0)
        errx(1, "a TLS session cannot be made");
    gnutls_transport_set_int(c->session, c->link.fd);
    do {
        r = gnutls_handshake(c->session);
    } while (r < 0 && !gnutls_error_is_fatal(r));
    if (r < 0)
        errx(1, "the handshake: %s", gnutls_strerror(r));
    if (gnutls_certificate_verify_peers2(c->session, &status) < 0 || status)
        errx(1, "the node's certificate is not signed by its key");
    c->link.secure = c->session;
    c->link.write = secure_write;
    c->link.read = secure_read;
}

// ------------------------------------------------------------------- the load

static char *ask_sign(void)
{
    struct buf input = BUF_INIT(4096), signature = BUF_INIT(4096);
    char path[96], *ask;
    const struct httpsig_request rq = {.method = "GET",
                                       .authority = load.to.authority,
                                       .scheme = load.tls ? "https" : "http",
                                       .path = path};
    struct httpsig sig = {
        .label = SIGNATURE_LABEL,
        .component = {"@method", "@authority", "@path", "@query"},
        .ncomponents = 4,
        .nonce = "again",
        .created = (int64_t)(clock_real_ns() / 1000000000u)};
    struct err e;

    snprintf(path, sizeof(path), "/v1/submissions/%s", load.to.what);
    hex_encode(sig.keyid, load.to.key.key + 32, 32);
    signature_tag(sig.tag, load.to.node_id);
    if (httpsig_sign(&sig, &rq, load.to.key.key, &input, &signature, &e) < 0)
        errx(1, "signing a request: %s", e.text);
    if (asprintf(&ask,
                 "GET %s HTTP/1.1\r\nHost: %s\r\nSignature-Input: %s\r\n"
                 "Signature: %s\r\n\r\n",
                 path, load.to.authority, buf_str(&input),
                 buf_str(&signature)) < 0)
        err(1, "a request");
    buf_free(&input);
    buf_free(&signature);
    return ask;
}

static void ask_once(struct connection *c)
{
    struct iovec part = {c->ask, strlen(c->ask)};
    uint64_t began_ns = clock_mono_ns();
    const char *body;
    size_t len;
    int status;

    link_write(&c->link, &part, 1);
    status = link_read(&c->link, &body, &len);
    if (status != 200)
        errx(1, "the submission gives %d: %s", status, body);
    c->last_ns = clock_mono_ns();
    if (c->count < EACH_MAX)
        c->took_us[c->count++] = (uint32_t)((c->last_ns - began_ns) / 1000);
}

static void *connection_run(void *arg)
{
    struct connection *c = arg;

    link_open(&c->link, load.to.address, load.to.authority);
    if (load.tls)
        secure_begin(c);
    ask_once(c);
    c->count = 0;
    pthread_barrier_wait(&load.ready); // all are connected,
    pthread_barrier_wait(&load.ready); // and the clock runs
    while (c->last_ns < load.end_ns)
        ask_once(c);
    close(c->link.fd);
    return NULL;
}

static int by_time(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void report(struct connection *all, int n, uint64_t began_ns)
{
    uint64_t last_ns = began_ns;
    size_t count = 0, at = 0;
    uint32_t *took_us;

    for (int i = 0; i < n; i++) {
        count += all[i].count;
        if (all[i].last_ns > last_ns)
            last_ns = all[i].last_ns;
    }
    took_us = malloc(count * sizeof(*took_us));
    if (!took_us || !count)
        errx(1, "nothing was answered");
    for (int i = 0; i < n; i++) {
        memcpy(took_us + at, all[i].took_us, all[i].count * sizeof(*took_us));
        at += all[i].count;
    }
    qsort(took_us, count, sizeof(*took_us), by_time);
    printf("bench api.%s %.0f 1/s p99_ms %.2f p50_ms %.2f connections %d\n",
           load.tls ? "tls" : "plain",
           (double)count * 1e9 / (double)(last_ns - began_ns),
           took_us[count * 99 / 100] / 1e3, took_us[count / 2] / 1e3, n);
    free(took_us);
}

int main(int argc, char **argv)
{
    static struct connection all[CONNECTIONS_MAX];
    pthread_t thread[CONNECTIONS_MAX];
    uint64_t began_ns;
    int n;

    if (argc != 2 + LOAD_ARGUMENTS)
        errx(2, "usage: api-load plain|tls " LOAD_USAGE);
    load.tls = !strcmp(argv[1], "tls");
    load_read(&load.to, argv + 2);
    n = load.to.connections;
    if (load.tls)
        secure_prepare();
    pthread_barrier_init(&load.ready, NULL, (unsigned)n + 1);
    for (int i = 0; i < n; i++) {
        all[i].ask = ask_sign();
        all[i].took_us = malloc(EACH_MAX * sizeof(*all[i].took_us));
        if (!all[i].took_us ||
            pthread_create(&thread[i], NULL, connection_run, &all[i]) != 0)
            errx(1, "a connection's thread");
    }
    pthread_barrier_wait(&load.ready);
    began_ns = clock_mono_ns();
    load.end_ns = began_ns + load.to.seconds * 1000000000u;
    pthread_barrier_wait(&load.ready);
    for (int i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    report(all, n, began_ns);
    return 0;
}
