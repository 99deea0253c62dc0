// SPDX-License-Identifier: ISC
// The streaming reader. The first byte says what the rest is:
//
//     0    a whole bundle, as a stranger sends it
//     1    a manifest; it is signed here, so that what lies behind the
//          signature is reached, and zero bytes follow as its files
//     2    the signature file of a good manifest
//
// Pieces have sizes taken from the data, and the outcome must not depend on
// them.

#include "node-agent/bundle/bundle.c"

static const struct seckey *fuzz_key(void)
{
    static struct seckey sk;
    uint8_t seed[32] = {1}, pk[32];

    if (sk.key[63] == 0 && sk.key[0] == 0) {
        if (sodium_init() < 0)
            abort();
        crypto_sign_seed_keypair(pk, sk.key, seed);
    }
    return &sk;
}

static int count_data(void *ctx, size_t i, const void *data, size_t len,
                      struct err *e)
{
    (void)i;
    (void)e;
    // Read every byte, so that the sanitizer looks at them.
    for (size_t n = 0; n < len; n++)
        *(uint64_t *)ctx += 1 + ((const uint8_t *)data)[n];
    return 0;
}

static const struct bundle_handler fuzz_handler = {.file_data = count_data};

// Feeds in pieces of at most `piece` bytes; the sentence goes to text.
static int read_in_pieces(const uint8_t *data, size_t len, size_t piece,
                          uint64_t *count, struct err *e)
{
    struct bundle_reader *r = bundle_reader_new(&fuzz_handler, count);
    int n = 0;

    for (size_t at = 0; at < len && n == 0; at += piece)
        n = bundle_reader_feed(r, data + at,
                               len - at < piece ? len - at : piece, e);
    if (n == 0)
        n = bundle_reader_end(r, e);
    bundle_reader_free(r);
    return n;
}

static void read_all_ways(const uint8_t *data, size_t len, size_t piece)
{
    struct err whole = {0}, parts = {0};
    uint64_t count_whole = 0, count_parts = 0;
    int a = read_in_pieces(data, len, len ? len : 1, &count_whole, &whole);
    int b = read_in_pieces(data, len, piece, &count_parts, &parts);

    if (a != b || (a < 0 && !whole.text[0]))
        abort();
    if (a == 0 && count_whole != count_parts)
        abort();
}

static void put_part(struct buf *out, const void *data, size_t len)
{
    uint8_t le[4] = {len, len >> 8, len >> 16, len >> 24};

    buf_add(out, le, 4);
    buf_add(out, data, len);
}

static void fuzz_manifest(const uint8_t *data, size_t len, size_t piece)
{
    struct buf b = BUF_INIT(1 << 21), sig = BUF_INIT(SIGNATURE_MAX);
    struct manifest m;
    uint64_t zeros;

    signature_make(fuzz_key(), data, len, "fuzz", &sig, NULL);
    buf_add(&b, BUNDLE_MAGIC, 8);
    put_part(&b, data, len);
    put_part(&b, sig.data, sig.len);
    if (manifest_decode(data, len, &m, NULL) == 0) {
        zeros = manifest_files_bytes(&m);
        if (zeros < 1 << 20 && buf_room(&b, zeros))
            memset(buf_room(&b, zeros), 0, zeros), b.len += zeros;
    }
    manifest_free(&m);
    read_all_ways(b.data, b.len, piece);
    buf_free(&b);
    buf_free(&sig);
}

static void fuzz_signature(const uint8_t *data, size_t len, size_t piece)
{
    struct manifest_file file = {
        .path = "a.c", .role = ROLE_SOURCE, .mode = 0644};
    struct manifest m = {.kind = KIND_SOURCE,
                         .name = "fuzz",
                         .nfiles = 1,
                         .file = &file,
                         .memory_kib = MEMORY_KIB_MIN,
                         .cpu_ns = TIME_NS_MIN,
                         .wall_ns = TIME_NS_MIN,
                         .build_cpu_ns = TIME_NS_MIN,
                         .currency = "",
                         .not_before_s = 1,
                         .expires_s = 2};
    struct buf b = BUF_INIT(1 << 21), bytes = BUF_INIT(MANIFEST_MAX);

    manifest_digest("", 0, file.digest);
    memcpy(m.customer, fuzz_key()->key + 32, KEY_BYTES);
    if (manifest_encode(&m, &bytes, NULL) < 0)
        abort();
    buf_add(&b, BUNDLE_MAGIC, 8);
    put_part(&b, bytes.data, bytes.len);
    put_part(&b, data, len);
    read_all_ways(b.data, b.len, piece);
    buf_free(&b);
    buf_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t piece;

    if (len < 2)
        return 0;
    piece = 1 + data[1];
    switch (data[0] % 3) {
    case 0:
        read_all_ways(data + 2, len - 2, piece);
        break;
    case 1:
        fuzz_manifest(data + 2, len - 2, piece);
        break;
    case 2:
        fuzz_signature(data + 2, len - 2, piece);
        break;
    }
    return 0;
}
