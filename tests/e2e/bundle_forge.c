// SPDX-License-Identifier: ISC
/*
 * Bundles that no honest client would write, properly signed:
 *
 *     bundle-forge KEY NODE OUT [WHAT=VALUE]...
 *
 * Begins with a valid manifest of one source file and changes, in order:
 *
 *     type= version= kind= name= audience= customer= expires= (s from now)
 *     begins= nonce= memory= cpu= wall= build_cpu= console= currency=
 *     path= size= digest=bad role= mode=   of the last file
 *     file=PATH      one more file, empty
 *     files=N        as many more, f0 ... with one byte each
 *     content=TEXT   of the last file
 *     arg=TEXT option=TEXT env=TEXT   one more
 *     junk=N         so many zero bytes behind the manifest, signed
 *     length=N       what the bundle says is the manifest's length
 *     tail=N         so many bytes behind the last file
 *     signer=KEY     another key signs
 */
#include <err.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lib/io.h"
#include "manifest.pb-c.h"
#include "node-agent/bundle/bundle.h"
#include "node-agent/bundle/signature.h"

#define FILES_MAX 4096
#define WORDS_MAX 4096

static Hostel__Manifest m = HOSTEL__MANIFEST__INIT;
static Hostel__Manifest__File file[FILES_MAX], *files[FILES_MAX];
static const char *content[FILES_MAX];
static uint8_t digest[FILES_MAX][DIGEST_BYTES];
static char *args[WORDS_MAX], *options[WORDS_MAX], *envs[WORDS_MAX];
static struct seckey signer;
static uint64_t junk, length, tail;

static ProtobufCBinaryData bytes(const void *data, size_t len)
{
    void *copy = malloc(len ? len : 1);

    memcpy(copy, data, len);
    return (ProtobufCBinaryData){.len = len, .data = copy};
}

static ProtobufCBinaryData bytes_hex(const char *text)
{
    uint8_t raw[256];
    size_t len = strlen(text) / 2;

    if (len > sizeof(raw) || hex_decode(raw, len, text) < 0)
        errx(2, "%s: not hexadecimal", text);
    return bytes(raw, len);
}

static void file_add(const char *path, const char *text)
{
    Hostel__Manifest__File *f = &file[m.n_files];

    if (m.n_files == FILES_MAX)
        errx(2, "too many files");
    hostel__manifest__file__init(f);
    f->path = strdup(path);
    f->role = HOSTEL__MANIFEST__ROLE__SOURCE_FILE;
    f->mode = 0644;
    f->size = strlen(text);
    content[m.n_files] = text;
    crypto_generichash(digest[m.n_files], DIGEST_BYTES, (const uint8_t *)text,
                       strlen(text), NULL, 0);
    f->digest = bytes(digest[m.n_files], DIGEST_BYTES);
    files[m.n_files++] = f;
    m.files = files;
}

static void honest(const struct seckey *sk, const char *node)
{
    struct pubkey pk;
    uint8_t nonce[NONCE_BYTES];

    key_public(sk, &pk);
    randombytes_buf(nonce, sizeof(nonce));
    m.type = strdup(MANIFEST_TYPE);
    m.version = MANIFEST_VERSION;
    m.kind = HOSTEL__MANIFEST__KIND__SOURCE;
    m.name = strdup("forged");
    m.customer_key = bytes(pk.key, sizeof(pk.key));
    m.customer_key_id = bytes(pk.number, sizeof(pk.number));
    m.audience = bytes_hex(node);
    m.memory_kib = 16384;
    m.cpu_ns = 1000000000;
    m.wall_ns = 5000000000;
    m.build_cpu_ns = 5000000000;
    m.console_bytes = 65536;
    m.currency = strdup("");
    m.not_before_s = (uint64_t)time(NULL);
    m.expires_s = m.not_before_s + 3600;
    m.nonce = bytes(nonce, sizeof(nonce));
    m.arguments = args;
    m.options = options;
    m.environment = envs;
    file_add("main.c", "int main(void) { return 0; }\n");
}

static void files_add(int n)
{
    char path[32];

    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "f%d", i);
        file_add(path, "x");
    }
}

static void content_set(const char *text)
{
    Hostel__Manifest__File *f = files[m.n_files - 1];
    char *path = f->path;

    m.n_files--;
    file_add(path, text);
}

static void change(const char *what, const char *value)
{
    Hostel__Manifest__File *last = files[m.n_files - 1];
    int64_t n = strtoll(value, NULL, 10);
    struct err e;

#define IS(word) (strcmp(what, word) == 0)
    if (IS("type")) m.type = strdup(value);
    else if (IS("version")) m.version = (uint32_t)n;
    else if (IS("kind")) m.kind = (Hostel__Manifest__Kind)n;
    else if (IS("name")) m.name = strdup(value);
    else if (IS("audience")) m.audience = bytes_hex(value);
    else if (IS("customer")) m.customer_key = bytes_hex(value);
    else if (IS("expires")) m.expires_s = (uint64_t)(time(NULL) + n);
    else if (IS("begins")) m.not_before_s = (uint64_t)(time(NULL) + n);
    else if (IS("nonce")) m.nonce = bytes_hex(value);
    else if (IS("memory")) m.memory_kib = (uint64_t)n;
    else if (IS("cpu")) m.cpu_ns = (uint64_t)n;
    else if (IS("wall")) m.wall_ns = (uint64_t)n;
    else if (IS("build_cpu")) m.build_cpu_ns = (uint64_t)n;
    else if (IS("console")) m.console_bytes = (uint64_t)n;
    else if (IS("currency")) m.currency = strdup(value);
    else if (IS("path")) last->path = strdup(value);
    else if (IS("size")) last->size = (uint64_t)n;
    else if (IS("digest")) last->digest.data[0] ^= 1;
    else if (IS("role")) last->role = (Hostel__Manifest__Role)n;
    else if (IS("mode")) last->mode = (uint32_t)n;
    else if (IS("file")) file_add(value, "");
    else if (IS("files")) files_add((int)n);
    else if (IS("content")) content_set(value);
    else if (IS("arg")) args[m.n_arguments++] = strdup(value);
    else if (IS("option")) options[m.n_options++] = strdup(value);
    else if (IS("env")) envs[m.n_environment++] = strdup(value);
    else if (IS("junk")) junk = (uint64_t)n;
    else if (IS("length")) length = (uint64_t)n;
    else if (IS("tail")) tail = (uint64_t)n;
    else if (IS("signer")) {
        if (seckey_read(value, &signer, &e) < 0)
            errx(2, "%s", e.text);
    } else errx(2, "what is %s?", what);
}

static void put(int fd, const void *data, size_t len)
{
    if (write_full(fd, data, len) < 0)
        err(1, "writing");
}

static void put_le32(int fd, uint64_t n)
{
    uint8_t b[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16),
                    (uint8_t)(n >> 24)};

    put(fd, b, sizeof(b));
}

int main(int argc, char **argv)
{
    struct buf signature = BUF_INIT(SIGNATURE_MAX);
    size_t len;
    uint8_t *packed;
    struct err e;
    int fd;

    if (argc < 4 || key_init(&e) < 0)
        errx(2, "usage: bundle-forge KEY NODE OUT [WHAT=VALUE]...");
    if (seckey_read(argv[1], &signer, &e) < 0)
        errx(2, "%s", e.text);
    honest(&signer, argv[2]);
    for (int i = 4; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (!equals)
            errx(2, "%s: no =", argv[i]);
        *equals = 0;
        change(argv[i], equals + 1);
    }
    len = hostel__manifest__get_packed_size(&m);
    packed = calloc(1, len + junk);
    hostel__manifest__pack(&m, packed);
    if (signature_make(&signer, packed, len + junk, "forged", &signature, &e) <
        0)
        errx(1, "%s", e.text);
    fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        err(1, "%s", argv[3]);
    put(fd, BUNDLE_MAGIC, 8);
    put_le32(fd, length ? length : len + junk);
    put(fd, packed, len + junk);
    put_le32(fd, signature.len);
    put(fd, signature.data, signature.len);
    for (size_t i = 0; i < m.n_files; i++)
        put(fd, content[i], strlen(content[i]));
    for (; tail > 0; tail--)
        put(fd, "x", 1);
    return 0;
}
