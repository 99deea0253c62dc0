// SPDX-License-Identifier: ISC
// Key files of minisign(1); see key.h.

#include "node-agent/bundle/key.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"

#define KEY_FILE_MAX 4096 // two lines
#define PASSWORD_MAX 1024 // minisign's own limit

// What is inside the base64 of a secret key file.
struct seckey_file {
    uint8_t algorithm[2];
    uint8_t kdf[2];
    uint8_t checksum_algorithm[2];
    uint8_t salt[32];
    uint8_t opslimit[8], memlimit[8]; // little endian
    struct {
        uint8_t number[KEY_ID_BYTES];
        uint8_t key[64];
        uint8_t checksum[32];
    } body;
};
_Static_assert(sizeof(struct seckey_file) == 158, "no padding");

struct pubkey_file {
    uint8_t algorithm[2];
    uint8_t number[KEY_ID_BYTES];
    uint8_t key[KEY_BYTES];
};
_Static_assert(sizeof(struct pubkey_file) == 42, "no padding");

int key_init(struct err *e)
{
    if (sodium_init() < 0)
        return err_set(e, EIO, "libsodium does not start on this machine");
    return 0;
}

void key_make(struct seckey *sk)
{
    uint8_t pk[KEY_BYTES];

    crypto_sign_keypair(pk, sk->key);
    randombytes_buf(sk->number, sizeof(sk->number));
}

void key_public(const struct seckey *sk, struct pubkey *pk)
{
    memcpy(pk->number, sk->number, sizeof(pk->number));
    memcpy(pk->key, sk->key + 32, sizeof(pk->key));
}

void key_forget(struct seckey *sk)
{
    sodium_memzero(sk, sizeof(*sk));
}

char *key_number_text(char out[KEY_NUMBER_TEXT],
                      const uint8_t number[KEY_ID_BYTES])
{
    for (int i = 0; i < KEY_ID_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02X", number[KEY_ID_BYTES - 1 - i]);
    return out;
}

int pubkey_from_hex(const char *text, uint8_t key[KEY_BYTES], struct err *e)
{
    if (hex_decode(key, KEY_BYTES, text) == 0)
        return 0;
    return err_set(e, EINVAL,
                   "a public key is written as 64 hexadecimal digits");
}

// The second line of a two-line key file, decoded to exactly len bytes.
static int key_file_read(const char *path, const char *what, void *out,
                         size_t len, struct err *e)
{
    cleanup_buf struct buf b = BUF_INIT(KEY_FILE_MAX);
    const char *line, *stop;
    size_t got;
    int r = file_read(path, &b, e);

    if (r == 0) {
        line = strchr(buf_str(&b), '\n');
        line = line ? line + 1 : "";
        if (strncmp(buf_str(&b), "untrusted comment: ", 19) != 0 ||
            sodium_base642bin(out, len, line, strcspn(line, "\r\n"), NULL, &got,
                              &stop, sodium_base64_VARIANT_ORIGINAL) != 0 ||
            got != len || strspn(stop, "\r\n") != strlen(stop))
            r = err_set(e, EINVAL, "%s is not a %s key in minisign's format",
                        path, what);
    }
    if (b.data)
        sodium_memzero(b.data, b.cap);
    return r;
}

static int password_ask(const char *path, char out[PASSWORD_MAX], struct err *e)
{
    cleanup_close int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios was, quiet;
    ssize_t n;

    if (fd < 0 || tcgetattr(fd, &was) < 0)
        return err_set(e, ENXIO,
                       "%s is encrypted, and there is no terminal to ask for "
                       "its password on",
                       path);
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &quiet);
    dprintf(fd, "Password for %s: ", path);
    n = read(fd, out, PASSWORD_MAX - 1);
    tcsetattr(fd, TCSAFLUSH, &was);
    dprintf(fd, "\n");
    if (n <= 0)
        return err_set(e, EINTR, "%s: no password was given", path);
    out[n] = 0;
    out[strcspn(out, "\r\n")] = 0;
    return 0;
}

static uint64_t le64(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void body_checksum(const struct seckey_file *f, uint8_t out[32])
{
    crypto_generichash_state st;

    crypto_generichash_init(&st, NULL, 0, 32);
    crypto_generichash_update(&st, f->algorithm, sizeof(f->algorithm));
    crypto_generichash_update(&st, f->body.number, sizeof(f->body.number));
    crypto_generichash_update(&st, f->body.key, sizeof(f->body.key));
    crypto_generichash_final(&st, out, 32);
}

static int body_decrypt(const char *path, struct seckey_file *f, struct err *e)
{
    uint8_t stream[sizeof(f->body)], sum[32];
    uint8_t *body = (uint8_t *)&f->body;
    char password[PASSWORD_MAX];
    int r = password_ask(path, password, e);

    if (r < 0)
        return r;
    if (crypto_pwhash_scryptsalsa208sha256(
            stream, sizeof(stream), password, strlen(password), f->salt,
            le64(f->opslimit), le64(f->memlimit)) != 0)
        r = err_set(e, ENOMEM, "%s: not enough memory to decrypt it", path);
    sodium_memzero(password, sizeof(password));
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof(stream); i++)
        body[i] ^= stream[i];
    sodium_memzero(stream, sizeof(stream));
    body_checksum(f, sum);
    if (sodium_memcmp(sum, f->body.checksum, sizeof(sum)) != 0)
        return err_set(e, EACCES, "%s: wrong password", path);
    return 0;
}

static int seckey_take(const char *path, struct seckey_file *f,
                       struct seckey *sk, struct err *e)
{
    uint8_t pk[KEY_BYTES], again[64];
    int r;

    if (memcmp(f->algorithm, "Ed", 2) != 0 ||
        memcmp(f->checksum_algorithm, "B2", 2) != 0)
        return err_set(e, EINVAL, "%s holds a key of an unknown algorithm",
                       path);
    if (memcmp(f->kdf, "Sc", 2) == 0) {
        r = body_decrypt(path, f, e);
        if (r < 0)
            return r;
    } else if (memcmp(f->kdf, "\0\0", 2) != 0) {
        return err_set(e, EINVAL, "%s is encrypted in an unknown way", path);
    }
    // Signing with a public half that is not the seed's gives the seed away.
    crypto_sign_seed_keypair(pk, again, f->body.key);
    r = sodium_memcmp(again, f->body.key, sizeof(again));
    sodium_memzero(again, sizeof(again));
    if (r != 0)
        return err_set(e, EINVAL, "%s is damaged: its halves do not match",
                       path);
    memcpy(sk->number, f->body.number, sizeof(sk->number));
    memcpy(sk->key, f->body.key, sizeof(sk->key));
    return 0;
}

int seckey_read(const char *path, struct seckey *sk, struct err *e)
{
    struct seckey_file f;
    int r = key_file_read(path, "secret", &f, sizeof(f), e);

    if (r == 0)
        r = seckey_take(path, &f, sk, e);
    sodium_memzero(&f, sizeof(f));
    return r;
}

int seckey_write(const char *path, const struct seckey *sk, struct err *e)
{
    struct seckey_file f = {.algorithm = "Ed", .checksum_algorithm = "B2"};
    char line[sodium_base64_ENCODED_LEN(sizeof(f),
                                        sodium_base64_VARIANT_ORIGINAL)];
    char text[sizeof(line) + 64];
    cleanup_close int fd = -1;
    int r;

    // As minisign does, the checksum of a key that is not encrypted stays 0.
    memcpy(f.body.number, sk->number, sizeof(f.body.number));
    memcpy(f.body.key, sk->key, sizeof(f.body.key));
    sodium_bin2base64(line, sizeof(line), (uint8_t *)&f, sizeof(f),
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(&f, sizeof(f));
    snprintf(text, sizeof(text),
             "untrusted comment: minisign encrypted secret key\n%s\n", line);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        r = err_errno(e, "making the secret key %s", path);
    } else {
        r = write_full(fd, text, strlen(text));
        if (r == 0 && fsync(fd) < 0)
            r = -errno;
        if (r == 0)
            r = dir_sync_of(path);
        if (r < 0) {
            errno = -r;
            r = err_errno(e, "writing the secret key %s", path);
            unlink(path);
        }
    }
    sodium_memzero(line, sizeof(line));
    sodium_memzero(text, sizeof(text));
    return r;
}

int pubkey_read(const char *path, struct pubkey *pk, struct err *e)
{
    struct pubkey_file f;
    int r = key_file_read(path, "public", &f, sizeof(f), e);

    if (r < 0)
        return r;
    if (memcmp(f.algorithm, "Ed", 2) != 0)
        return err_set(e, EINVAL, "%s holds a key of an unknown algorithm",
                       path);
    memcpy(pk->number, f.number, sizeof(pk->number));
    memcpy(pk->key, f.key, sizeof(pk->key));
    return 0;
}

int pubkey_write(const char *path, const struct pubkey *pk, struct err *e)
{
    struct pubkey_file f = {.algorithm = "Ed"};
    char line[sodium_base64_ENCODED_LEN(sizeof(f),
                                        sodium_base64_VARIANT_ORIGINAL)];
    char text[sizeof(line) + 64], number[KEY_NUMBER_TEXT];

    memcpy(f.number, pk->number, sizeof(f.number));
    memcpy(f.key, pk->key, sizeof(f.key));
    sodium_bin2base64(line, sizeof(line), (uint8_t *)&f, sizeof(f),
                      sodium_base64_VARIANT_ORIGINAL);
    snprintf(text, sizeof(text),
             "untrusted comment: minisign public key %s\n%s\n",
             key_number_text(number, pk->number), line);
    return file_write_durable(path, text, strlen(text), 0644, e);
}
