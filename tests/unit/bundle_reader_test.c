// SPDX-License-Identifier: ISC
// The streaming reader: a good bundle in pieces of every size, and every way
// to damage one.

#include <sodium.h>

#include "node-agent/bundle/signature.h"
#include "tests/unit/bundle_fixture.h"

// What a handler saw, as text.
struct seen {
    struct buf log;
    const char *refuse; // the handler that says no
};

static int on_manifest(void *ctx, const struct manifest *m, struct err *e)
{
    struct seen *s = ctx;

    buf_printf(&s->log, "manifest %s;", m->name);
    if (s->refuse && strcmp(s->refuse, "manifest") == 0)
        return err_set(e, EDQUOT, "no room");
    return 0;
}

static int on_data(void *ctx, size_t i, const void *data, size_t len,
                   struct err *e)
{
    struct seen *s = ctx;

    (void)i;
    CHECK(len > 0);
    buf_add(&s->log, data, len);
    if (s->refuse && strcmp(s->refuse, "data") == 0)
        return err_set(e, ENOSPC, "disk full");
    return 0;
}

static int on_end(void *ctx, size_t i, struct err *e)
{
    struct seen *s = ctx;

    (void)e;
    buf_printf(&s->log, "end %zu;", i);
    return s->refuse && strcmp(s->refuse, "end") == 0 ? -EINTR : 0;
}

static const struct bundle_handler handler = {
    .manifest = on_manifest, .file_data = on_data, .file_end = on_end};

static const char whole_log[] =
    "manifest primes;int main(void)\n{\n}\nend 0;int x;\nend 1;end 2;"
    "17 19 23\nend 3;";

static void test_pieces(const struct fixture *f)
{
    for (size_t piece = 1; piece <= f->bundle.len; piece++) {
        struct seen s = {.log = BUF_INIT(4096)};
        struct bundle_reader *r = bundle_reader_new(&handler, &s);

        for (size_t at = 0; at < f->bundle.len; at += piece) {
            size_t n = f->bundle.len - at < piece ? f->bundle.len - at : piece;

            CHECK(!bundle_reader_complete(r));
            CHECK_WORKS(bundle_reader_feed(r, f->bundle.data + at, n, e));
        }
        CHECK(bundle_reader_complete(r));
        CHECK_WORKS(bundle_reader_end(r, e));
        CHECK(strcmp(buf_str(&s.log), whole_log) == 0);
        CHECK(bundle_reader_file_at(r, 0) == f->head_len);
        CHECK(memcmp(f->bundle.data + bundle_reader_file_at(r, 3), "17 19",
                     5) == 0);
        bundle_reader_free(r);
        buf_free(&s.log);
    }
}

static void test_truncations(const struct fixture *f)
{
    struct guarded g = guarded_new(f->bundle.len);

    for (size_t n = 0; n < f->bundle.len; n++)
        CHECK_FAILS(fixture_read(guarded_put(&g, f->bundle.data, n), n, e),
                    "send it whole");
    CHECK_WORKS(fixture_read(guarded_put(&g, f->bundle.data, f->bundle.len),
                             f->bundle.len, e));
    guarded_free(&g);
    CHECK_FAILS(fixture_read(f->bundle.data, f->bundle.len - 1, e),
                "inside the file data/in.txt");
    CHECK_FAILS(fixture_read(f->bundle.data, f->head_len - 1, e),
                "before its files");
}

static void test_flips(struct fixture *f)
{
    uint8_t *last = &f->bundle.data[f->bundle.len - 1];

    // Each bit, and each byte turned round: none is good, none is silent.
    for (size_t i = 0; i < f->bundle.len; i++) {
        uint8_t was = f->bundle.data[i];

        for (int bit = 0; bit <= 8; bit++) {
            struct err e = {0};

            f->bundle.data[i] = bit == 8 ? (uint8_t)~was : was ^ 1 << bit;
            CHECK(fixture_read(f->bundle.data, f->bundle.len, &e) < 0);
            CHECK(e.code > 0 && strlen(e.text) > 20);
        }
        f->bundle.data[i] = was;
    }
    *last ^= 1;
    CHECK_FAILS(fixture_read(f->bundle.data, f->bundle.len, e),
                "the file data/in.txt is not the one that was signed");
    *last ^= 1;
    f->bundle.data[0] ^= 1;
    CHECK_FAILS(fixture_read(f->bundle.data, 1, e), "this is not a bundle");
    f->bundle.data[0] ^= 1;
    CHECK_WORKS(fixture_read(f->bundle.data, f->bundle.len, e));
}

static void test_extra(struct fixture *f)
{
    size_t len = f->bundle.len;

    CHECK(buf_add(&f->bundle, "x", 1) == 0);
    CHECK_FAILS(fixture_read(f->bundle.data, f->bundle.len, e),
                "1 bytes follow the end of the bundle");
    f->bundle.len = len;
}

static void test_lengths(struct fixture *f)
{
    uint8_t *manifest_len = f->bundle.data + 8;
    uint8_t *signature_len =
        f->bundle.data + 12 + manifest_len[0] + (manifest_len[1] << 8);
    uint8_t was[4];

    memcpy(was, manifest_len, 4);
    memset(manifest_len, 0xff, 4);
    CHECK_FAILS(fixture_read(f->bundle.data, 12, e),
                "its manifest has 4294967295 bytes");
    memset(manifest_len, 0, 4);
    CHECK_FAILS(fixture_read(f->bundle.data, 12, e), "manifest has 0 bytes");
    memcpy(manifest_len, was, 4);
    memcpy(was, signature_len, 4);
    memset(signature_len, 0xff, 4);
    CHECK_FAILS(fixture_read(f->bundle.data, f->bundle.len, e),
                "its signature has 4294967295 bytes");
    memcpy(signature_len, was, 4);
}

static void test_refusals(const struct fixture *f)
{
    static const char *const who[] = {"manifest", "data", "end"};
    static const char *const text[] = {"no room", "disk full", ""};
    static const int code[] = {EDQUOT, ENOSPC, EINTR};

    for (int i = 0; i < 3; i++) {
        struct seen s = {.log = BUF_INIT(4096), .refuse = who[i]};
        struct bundle_reader *r = bundle_reader_new(&handler, &s);
        struct err e;
        size_t len;

        CHECK(bundle_reader_feed(r, f->bundle.data, f->bundle.len, &e) ==
              -code[i]);
        CHECK(strcmp(e.text, text[i]) == 0);
        len = s.log.len;
        // Failed once, it stays so, and calls nobody.
        CHECK(bundle_reader_feed(r, "x", 1, NULL) == -code[i]);
        CHECK(bundle_reader_end(r, &e) == -code[i]);
        CHECK(strcmp(e.text, text[i]) == 0 && s.log.len == len);
        CHECK(!bundle_reader_complete(r));
        bundle_reader_free(r);
        buf_free(&s.log);
    }
}

// A good signature by a key that the manifest does not name.
static void test_wrong_key(struct fixture *f)
{
    cleanup_buf struct buf bytes = BUF_INIT(MANIFEST_MAX);
    cleanup_buf struct buf sig = BUF_INIT(SIGNATURE_MAX);
    cleanup_buf struct buf forged = BUF_INIT(BUNDLE_MAX);
    struct seckey thief;
    uint8_t len[4] = {0};

    key_make(&thief);
    for (int same_number = 0; same_number < 2; same_number++) {
        if (same_number)
            memcpy(thief.number, f->sk.number, sizeof(thief.number));
        bytes.len = sig.len = forged.len = 0;
        CHECK_WORKS(manifest_encode(&f->m, &bytes, e));
        CHECK_WORKS(
            signature_make(&thief, bytes.data, bytes.len, "x", &sig, e));
        buf_add(&forged, f->bundle.data, 12 + bytes.len);
        len[0] = sig.len;
        len[1] = sig.len >> 8;
        buf_add(&forged, len, 4);
        buf_add(&forged, sig.data, sig.len);
        if (same_number)
            CHECK_FAILS(fixture_read(forged.data, forged.len, e),
                        "the signature of the manifest is wrong");
        else
            CHECK_FAILS(fixture_read(forged.data, forged.len, e),
                        "the manifest is signed with the key number");
    }
}

static int relay(const struct fixture *f, struct err *e)
{
    static const struct bundle_handler relays = {.relays = true};
    struct bundle_reader *r = bundle_reader_new(&relays, NULL);
    int n = bundle_reader_feed(r, f->bundle.data, f->bundle.len, e);

    if (n == 0)
        n = bundle_reader_end(r, e);
    bundle_reader_free(r);
    return n;
}

// Who only passes a bundle on knows who signed it and that it is whole: what
// it lets through is the trusted comment's signature and the files, and
// nothing else.
static void test_relay(struct fixture *f)
{
    const uint8_t *line =
        memmem(f->bundle.data, f->head_len, "\ntrusted comment: ", 18);
    size_t first;

    CHECK(line);
    first = line + 18 - f->bundle.data; // of the comment
    CHECK_WORKS(relay(f, e));
    for (size_t i = 0; i < f->bundle.len; i++) {
        struct err e = {0};
        int n;

        f->bundle.data[i] ^= 1;
        n = relay(f, &e);
        f->bundle.data[i] ^= 1;
        if (i < first)
            CHECK(n < 0 && strlen(e.text) > 20);
        else if (i >= f->head_len)
            CHECK(n == 0);
        else // as long as it is in minisign's form
            CHECK(n == 0 || strstr(e.text, "minisign's format"));
    }
    f->bundle.data[first] ^= 1;
    CHECK_WORKS(relay(f, e));
    CHECK_FAILS(fixture_read(f->bundle.data, f->bundle.len, e),
                "the trusted comment of the manifest was changed");
    f->bundle.data[first] ^= 1;
    f->bundle.len--;
    CHECK_FAILS(relay(f, e), "send it whole");
    f->bundle.len++;
}

static void test_fd(const struct fixture *f)
{
    static const struct bundle_handler nothing = {0};
    struct bundle_reader *r = bundle_reader_new(&nothing, NULL);
    uint8_t digest[DIGEST_BYTES], again[DIGEST_BYTES];
    int fd = memfd_create("b", MFD_CLOEXEC);

    CHECK(write_full(fd, f->bundle.data, f->bundle.len) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK_WORKS(bundle_read_fd(r, fd, e));
    bundle_reader_digest(r, digest);
    manifest_digest(bundle_reader_manifest_bytes(r)->data,
                    bundle_reader_manifest_bytes(r)->len, again);
    CHECK(memcmp(digest, again, sizeof(digest)) == 0);
    bundle_reader_free(r);

    r = bundle_reader_new(&nothing, NULL);
    CHECK(ftruncate(fd, f->bundle.len - 1) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK_FAILS(bundle_read_fd(r, fd, e), "inside the file data/in.txt");
    bundle_reader_free(r);
    close(fd);
}

// All files empty: complete with the signature's last byte.
static void test_no_contents(struct fixture *f)
{
    for (int i = 0; i < FIXTURE_FILES; i++)
        f->file[i].size = 0;
    CHECK_WORKS(fixture_write(f, e));
    CHECK_WORKS(fixture_read(f->bundle.data, f->bundle.len, e));
    CHECK_FAILS(fixture_read(f->bundle.data, f->bundle.len - 1, e),
                "before its files");
}

int main(void)
{
    struct fixture f;

    fixture_init(&f);
    test_pieces(&f);
    test_truncations(&f);
    test_flips(&f);
    test_extra(&f);
    test_lengths(&f);
    test_refusals(&f);
    test_wrong_key(&f);
    test_relay(&f);
    test_fd(&f);
    test_no_contents(&f);
    fixture_free(&f);
    return 0;
}
