// SPDX-License-Identifier: ISC
// The HTTPS listener's certificate; see tls.h.

#include "node-agent/api/tls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io.h"
#include "node-agent/agent/tls.h"

#define CHAIN_LEN_MAX 8

struct certificate {
    gnutls_pcert_st chain[CHAIN_LEN_MAX];
    unsigned chain_len;
    gnutls_privkey_t key;
    int64_t expires_s;
    char authority[TLS_OWN_MAX];
};

// What was once shown is never freed: a handshake may be using it, and a new
// one comes a few times a year.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct certificate *current;

static struct certificate *certificate_now(void)
{
    struct certificate *c;

    pthread_mutex_lock(&lock);
    c = current;
    pthread_mutex_unlock(&lock);
    return c;
}

// Does the key belong to the certificate?
static int pair_check(const struct certificate *c, struct err *e)
{
    uint8_t shown[64], had[64];
    size_t shown_len = sizeof(shown), had_len = sizeof(had);
    gnutls_pubkey_t public;
    int r = gnutls_pubkey_init(&public);

    if (r < 0)
        return err_set(e, ENOMEM, "no memory for a key");
    r = gnutls_pubkey_import_privkey(public, c->key, 0, 0);
    if (r == 0)
        r = gnutls_pubkey_get_key_id(public, 0, had, &had_len);
    if (r == 0)
        r = gnutls_pubkey_get_key_id(c->chain[0].pubkey, 0, shown, &shown_len);
    gnutls_pubkey_deinit(public);
    if (r < 0)
        return err_set(e, EINVAL, "the key cannot be used: %s",
                       gnutls_strerror(r));
    if (shown_len != had_len || memcmp(shown, had, had_len))
        return err_set(e, EINVAL,
                       "the key is not that of the first certificate");
    return 0;
}

static int expiry_read(struct certificate *c, struct err *e)
{
    gnutls_x509_crt_t crt;
    int r = gnutls_x509_crt_init(&crt);

    if (r == 0) {
        r = gnutls_x509_crt_import(crt, &c->chain[0].cert, GNUTLS_X509_FMT_DER);
        if (r == 0)
            c->expires_s = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
        gnutls_x509_crt_deinit(crt);
    }
    return r < 0 ? err_set(e, EINVAL, "the certificate: %s", gnutls_strerror(r))
                 : 0;
}

static int certificate_read(struct certificate *c, const struct tls_secret *s,
                            struct err *e)
{
    const gnutls_datum_t chain = {(void *)s->chain, strlen(s->chain)};
    const gnutls_datum_t key = {(void *)s->key, strlen(s->key)};
    int r;

    c->chain_len = CHAIN_LEN_MAX;
    r = gnutls_pcert_list_import_x509_raw(
        c->chain, &c->chain_len, &chain, GNUTLS_X509_FMT_PEM,
        GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    if (r < 0) {
        c->chain_len = 0;
        return err_set(e, EINVAL, "the file of certificates (at most %d): %s",
                       CHAIN_LEN_MAX, gnutls_strerror(r));
    }
    r = gnutls_privkey_init(&c->key);
    if (r == 0)
        r = gnutls_privkey_import_x509_raw(c->key, &key, GNUTLS_X509_FMT_PEM,
                                           NULL, 0);
    if (r < 0)
        return err_set(e, EINVAL, "the file of the key: %s",
                       gnutls_strerror(r));
    memcpy(c->authority, s->authority, sizeof(c->authority));
    r = pair_check(c, e);
    return r < 0 ? r : expiry_read(c, e);
}

static void certificate_free(struct certificate *c)
{
    for (unsigned i = 0; i < c->chain_len; i++)
        gnutls_pcert_deinit(&c->chain[i]);
    gnutls_privkey_deinit(c->key);
    free(c);
}

// Every text in it ends inside.
static int secret_check(const struct tls_secret *s, ssize_t got)
{
    return got == sizeof(*s) && s->size == sizeof(*s) &&
           memchr(s->chain, 0, sizeof(s->chain)) &&
           memchr(s->key, 0, sizeof(s->key)) &&
           memchr(s->authority, 0, sizeof(s->authority));
}

int tls_load(int fd, struct err *e)
{
    struct tls_secret *s = malloc(sizeof(*s));
    struct certificate *c = calloc(1, sizeof(*c));
    int r;

    if (!s || !c)
        r = err_set(e, ENOMEM, "no memory for a certificate");
    else if (!secret_check(s, pread_full(fd, s, sizeof(*s), 0)))
        r = err_set(e, EPROTO, "the certificate is not whole");
    else
        r = certificate_read(c, s, e);
    if (s)
        explicit_bzero(s, sizeof(*s));
    free(s);
    if (r < 0) {
        if (c)
            certificate_free(c);
        return err_prefix(e, "TLS");
    }
    pthread_mutex_lock(&lock);
    current = c;
    pthread_mutex_unlock(&lock);
    return 0;
}

const char *tls_authority(void)
{
    struct certificate *c = certificate_now();

    return c ? c->authority : "";
}

int64_t tls_expires_s(void)
{
    struct certificate *c = certificate_now();

    return c ? c->expires_s : 0;
}

int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities,
                 int nauthorities, const gnutls_pk_algorithm_t *algorithms,
                 int nalgorithms, gnutls_pcert_st **chain,
                 unsigned int *chain_len, gnutls_privkey_t *key)
{
    struct certificate *c = certificate_now();

    (void)session, (void)authorities, (void)nauthorities;
    (void)algorithms, (void)nalgorithms;
    if (!c)
        return -1;
    *chain = c->chain;
    *chain_len = c->chain_len;
    *key = c->key;
    return 0;
}
