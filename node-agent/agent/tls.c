// SPDX-License-Identifier: ISC
// Certificates for the api role; see tls.h.

#include "node-agent/agent/tls.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "node-agent/agent/cert.h"
#include "node-agent/agent/identity.h"
#include "node-agent/bundle/key.h"

int tls_wanted(const struct node_config *cfg)
{
    if (!cfg->listen_host[0] || cfg->tls == TLS_OFF)
        return 0;
    return cfg->tls == TLS_ON || !sock_loopback(cfg->listen_host);
}

// -------------------------------------------------------------------- files

static int file_take(char *out, size_t size, const char *path, struct err *e)
{
    struct buf b = BUF_INIT(size - 1);
    int r = file_read(path, &b, e);

    if (r == 0 && (b.len == 0 || memchr(b.data, 0, b.len)))
        r = err_set(e, EINVAL, "%s is not a PEM file", path);
    if (r == 0)
        memcpy(out, b.data, b.len + 1);
    if (b.data)
        explicit_bzero(b.data, b.cap);
    buf_free(&b);
    return r;
}

// ----------------------------------------------------------------- self-made

static int pem_put(char *out, size_t size, const char *label,
                   const struct buf *der)
{
    struct buf pem = BUF_INIT(size - 1);
    int r = cert_pem(&pem, label, der);

    if (r == 0)
        memcpy(out, pem.data, pem.len + 1);
    if (pem.data)
        explicit_bzero(pem.data, pem.cap);
    buf_free(&pem);
    return r;
}

static int own_make(struct tls_secret *out, const struct node_config *cfg,
                    const struct seckey *identity)
{
    cleanup_buf struct buf authority = BUF_INIT(CERT_MAX);
    cleanup_buf struct buf server = BUF_INIT(CERT_MAX);
    struct buf secret = BUF_INIT(256);
    struct seckey tls;
    struct pubkey pk;
    int r;

    key_make(&tls);
    key_public(&tls, &pk);
    r = cert_authority(&authority, identity->key + 32, identity->key);
    if (r == 0)
        r = cert_server(&server, identity->key, pk.key, cfg->listen_host,
                        clock_real_ns() / 1000000000u);
    if (r == 0)
        r = cert_secret(&secret, tls.key);
    if (r == 0)
        r = pem_put(out->authority, sizeof(out->authority), "CERTIFICATE",
                    &authority);
    if (r == 0)
        r = pem_put(out->chain, sizeof(out->chain), "CERTIFICATE", &server);
    if (r == 0)
        r = pem_put(out->key, sizeof(out->key), "PRIVATE KEY", &secret);
    if (secret.data)
        explicit_bzero(secret.data, secret.cap);
    buf_free(&secret);
    key_forget(&tls);
    return r;
}

static int own_open(struct tls_secret *out, const struct node_config *cfg,
                    struct err *e)
{
    char path[NODE_PATH_MAX + 32];
    struct seckey identity;
    int r;

    snprintf(path, sizeof(path), "%s/identity/node.key", cfg->state_dir);
    if (seckey_read(path, &identity, e) < 0)
        return err_prefix(e, "reading the node's identity");
    r = own_make(out, cfg, &identity);
    key_forget(&identity);
    return r < 0 ? err_set(e, -r, "no memory for a certificate") : 0;
}

int tls_secret_open(const struct node_config *cfg, struct err *e)
{
    static struct tls_secret s; // too large for a stack
    int r;

    s = (struct tls_secret){.size = sizeof(s)};
    if (cfg->tls_certificate[0]) {
        r = file_take(s.chain, sizeof(s.chain), cfg->tls_certificate, e);
        if (r == 0)
            r = file_take(s.key, sizeof(s.key), cfg->tls_key, e);
    } else {
        r = own_open(&s, cfg, e);
    }
    if (r == 0)
        r = memfd_sealed("TLS key", &s, sizeof(s), e);
    explicit_bzero(&s, sizeof(s));
    return r < 0 ? err_prefix(e, "TLS") : r;
}
