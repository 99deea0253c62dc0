// SPDX-License-Identifier: ISC
// The node's identity; see identity.h.

#include "node-agent/agent/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "billing/receipts_key.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/log.h"
#include "node-agent/bundle/key.h"
#include "node-agent/bundle/secrets.h"

/* A receipts key lives as long as one generation of roles; its certificate
 * outlives any that is reasonable. */
#define RECEIPTS_KEY_S (366u * 86400u)

int memfd_sealed(const char *name, const void *data, size_t len, struct err *e)
{
    cleanup_close int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r;

    if (fd < 0)
        return err_errno(e, "making a memfd for the %s", name);
    r = write_full(fd, data, len);
    if (r == 0 &&
        fcntl(fd, F_ADD_SEALS,
              F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        r = -errno;
    if (r < 0) {
        errno = -r;
        return err_errno(e, "writing the %s", name);
    }
    return steal_fd(&fd);
}

static int identity_make(const char *dir, const char *secret, struct err *e)
{
    char path[NODE_PATH_MAX + 32], text[65];
    struct seckey sk;
    struct pubkey pk;
    int r;

    key_make(&sk);
    key_public(&sk, &pk);
    /* The public file first: a secret key without it would never get one. */
    snprintf(path, sizeof(path), "%s/node.pub", dir);
    r = pubkey_write(path, &pk, e);
    if (r == 0)
        r = seckey_write(secret, &sk, e);
    if (r == 0)
        log_info("a new identity: node %s",
                 hex_encode(text, pk.key, sizeof(pk.key)));
    key_forget(&sk);
    return r;
}

/* Someone who could read it could issue receipts in the node's name. */
static int identity_guard(const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return err_errno(e, "%s", path);
    if (st.st_uid != 0 || (st.st_mode & 077))
        return err_set(e, EPERM,
                       "%s must belong to root and be readable by nobody else",
                       path);
    return 0;
}

/* The key for customers' secrets, in one line of hex digits. */
static int secrets_read(const char *path, struct secrets_key *k, struct err *e)
{
    char text[2 * sizeof(k->secret) + 2] = "";
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
    int r = 0;

    if (n < 0)
        return err_errno(e, "%s", path);
    text[strcspn(text, "\n")] = 0;
    if (hex_decode(k->secret, sizeof(k->secret), text) < 0)
        r = err_set(e, EINVAL,
                    "%s holds no key of 64 hexadecimal digits; a node without "
                    "the file makes a new one",
                    path);
    explicit_bzero(text, sizeof(text));
    return r;
}

static int secrets_write(const char *path, const struct secrets_key *k,
                         struct err *e)
{
    char text[2 * sizeof(k->secret) + 2];
    int r;

    hex_encode(text, k->secret, sizeof(k->secret));
    strcat(text, "\n");
    r = file_write_durable(path, text, strlen(text), 0600, e);
    explicit_bzero(text, sizeof(text));
    return r;
}

static int secrets_open_key(struct node_config *cfg, const char *dir,
                            const struct seckey *sk, struct err *e)
{
    char path[NODE_PATH_MAX + 32];
    struct secrets_key k;
    int r = 0;

    snprintf(path, sizeof(path), "%s/secrets.key", dir);
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        secrets_key_make(&k);
        r = secrets_write(path, &k, e);
    } else {
        r = identity_guard(path, e);
        if (r == 0)
            r = secrets_read(path, &k, e);
    }
    if (r == 0) {
        secrets_key_public(&k);
        memcpy(cfg->secrets_key, k.public_key, sizeof(cfg->secrets_key));
        secrets_key_certify(k.public_key, sk->key, cfg->secrets_signature);
        r = memfd_sealed("secrets key", &k, sizeof(k), e);
    }
    explicit_bzero(&k, sizeof(k));
    return r;
}

/* As Standard Webhooks writes it: "whsec_" and base64, in one line. */
static int payment_read(const char *path, struct ledger_secret *s,
                        struct err *e)
{
    static const char prefix[] = "whsec_";
    char text[128] = "";
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
    size_t len = 0;
    int r = 0;

    if (n < 0)
        return err_errno(e, "payment_secret: %s", path);
    text[strcspn(text, "\r\n")] = 0;
    if (strncmp(text, prefix, strlen(prefix)) != 0 ||
        sodium_base642bin(s->payment, sizeof(s->payment), text + strlen(prefix),
                          strlen(text) - strlen(prefix), NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) < 0 ||
        len < 16)
        r = err_set(e, EINVAL,
                    "payment_secret: %s must hold one line, whsec_ and 16 to "
                    "%d bytes in base64",
                    path, PAYMENT_SECRET_BYTES_MAX);
    s->payment_len = (uint32_t)len;
    explicit_bzero(text, sizeof(text));
    return r;
}

static int ledger_secret_open(const struct node_config *cfg,
                              const struct seckey *sk, struct err *e)
{
    struct ledger_secret s = {.payment_len = 0};
    // Good for a day that is past, so that a clock which is set back by an hour
    // does not make it void: that would be the end of this generation.
    int r = receipts_key_make(&s.receipts, sk->key,
                              clock_real_ns() / 1000000000u - 86400u,
                              RECEIPTS_KEY_S, e);

    if (r == 0 && cfg->payment_secret[0])
        r = identity_guard(cfg->payment_secret, e);
    if (r == 0 && cfg->payment_secret[0])
        r = payment_read(cfg->payment_secret, &s, e);
    if (r == 0)
        r = memfd_sealed("receipts key", &s, sizeof(s), e);
    explicit_bzero(&s, sizeof(s));
    return r;
}

int identity_renew(const struct node_config *cfg, struct identity_fds *fds,
                   struct err *e)
{
    char secret[NODE_PATH_MAX + 32];
    struct seckey sk;
    struct pubkey pk;
    int r;

    snprintf(secret, sizeof(secret), "%s/identity/node.key", cfg->state_dir);
    if (identity_guard(secret, e) < 0 || seckey_read(secret, &sk, e) < 0)
        return -e->code;
    key_public(&sk, &pk);
    r = memcmp(pk.key, cfg->node_id, sizeof(cfg->node_id))
            ? err_set(e, EINVAL, "%s: this is another node's identity", secret)
            : ledger_secret_open(cfg, &sk, e);
    key_forget(&sk);
    if (r < 0)
        return r;
    close(fds->receipts);
    fds->receipts = r;
    return 0;
}

int identity_open(struct node_config *cfg, struct identity_fds *fds,
                  struct err *e)
{
    char dir[NODE_PATH_MAX + 16], secret[NODE_PATH_MAX + 32];
    struct seckey sk;
    struct pubkey pk;
    int r;

    snprintf(dir, sizeof(dir), "%s/identity", cfg->state_dir);
    snprintf(secret, sizeof(secret), "%s/node.key", dir);
    if (key_init(e) < 0 || dir_make(dir, 0700, e) < 0)
        return -e->code;
    if (access(secret, F_OK) < 0 && errno == ENOENT &&
        identity_make(dir, secret, e) < 0)
        return err_prefix(e, "making the node's identity");
    if (identity_guard(secret, e) < 0)
        return -e->code;
    if (seckey_read(secret, &sk, e) < 0)
        return err_prefix(e, "reading the node's identity");
    key_public(&sk, &pk);
    memcpy(cfg->node_id, pk.key, sizeof(cfg->node_id));
    r = fds->receipts = ledger_secret_open(cfg, &sk, e);
    if (r >= 0)
        r = fds->secrets = secrets_open_key(cfg, dir, &sk, e);
    key_forget(&sk);
    return r < 0 ? r : 0;
}
