// SPDX-License-Identifier: ISC
// Rules of the manifest, each by a case that breaks it, and its wire form.

#include <sodium.h>

#include "lib/hex.h"
#include "node-agent/bundle/options.h"
#include "node-agent/bundle/path.h"
#include "node-agent/bundle/text.h"
#include "tests/unit/bundle_fixture.h"

// The manifest with one field changed is refused with this in its sentence.
#define REFUSED(field, value, part)                                            \
    do {                                                                       \
        struct manifest m = f->m;                                              \
                                                                               \
        m.field = value;                                                       \
        CHECK_FAILS(manifest_check(&m, e), part);                              \
    } while (0)

// The same for a field of file i.
#define FILE_REFUSED(i, field, value, part)                                    \
    do {                                                                       \
        struct manifest_file was = f->file[i];                                 \
                                                                               \
        f->file[i].field = value;                                              \
        CHECK_FAILS(manifest_check(&f->m, e), part);                           \
        f->file[i] = was;                                                      \
    } while (0)

static void test_fields(struct fixture *f)
{
    CHECK_WORKS(manifest_check(&f->m, e));
    REFUSED(kind, 3, "unknown kind 3");
    REFUSED(name, "", "the name \"\" must be 1 to 63");
    REFUSED(name, "../x", "the name");
    REFUSED(name, "-x", "beginning with a letter");
    REFUSED(name, "a\033[2J", "the name \"a\\x1b[2J\"");
    REFUSED(memory_kib, 1023, "the memory (in KiB) is 1023");
    REFUSED(memory_kib, UINT64_MAX, "it must be from 1024 to");
    REFUSED(cpu_ns, 0, "the CPU budget (in ns) is 0");
    REFUSED(wall_ns, UINT64_MAX, "the wall time budget");
    REFUSED(build_cpu_ns, 0, "the build's CPU budget");
    REFUSED(console_bytes, CONSOLE_BYTES_MAX + 1, "the console's limit");
    REFUSED(cost_cap_nano, UINT64_MAX, "the cost cap");
    REFUSED(currency, "eur", "three capital letters");
    REFUSED(currency, "EURO", "three capital letters");
    REFUSED(purchase_order_len, 65, "the purchase order's id has 65 bytes");
    REFUSED(run.mode, 3, "the way to run it is 3");
    REFUSED(run.restart, RESTART_ALWAYS, "restarts go with a service");
    REFUSED(run.backoff_ms, 1, "restarts go with a service");
    REFUSED(run.concurrency, 1, "requests go with a function");
    REFUSED(run.cpu_weight, 10001, "the CPU weight is 10001");
    REFUSED(run.cpu_cap_percent, 1601, "the CPU cap");
    REFUSED(sealed_len, SEALED_MAX + 1, "the sealed secrets have");
    REFUSED(sealed_key[0], 1, "a key for secrets is named, but no secret");
    f->m.run.mode = RUN_SERVICE;
    REFUSED(run.restart, 0, "the restart policy is 0");
    f->m.run.restart = RESTART_ALWAYS;
    REFUSED(run.backoff_ms, 0, "the pause before a restart");
    f->m.run.backoff_ms = 1;
    CHECK_WORKS(manifest_check(&f->m, e));
    REFUSED(run.restarts_max, RESTARTS_MAX + 1, "the number of restarts");
    f->m.run = (struct run_terms){.mode = RUN_FUNCTION};
    REFUSED(run.concurrency, 0, "the number of requests at once is 0");
    REFUSED(run.concurrency, CONCURRENCY_MAX + 1, "requests at once");
    f->m.run.concurrency = 1;
    REFUSED(run.request_ms, 0, "the time for a request (in ms) is 0");
    f->m.run = (struct run_terms){0};
    REFUSED(not_before_s, 0, "the time of validity is empty");
    REFUSED(expires_s, FIXTURE_NOW, "the time of validity is empty");
    REFUSED(expires_s, FIXTURE_NOW + VALID_S_MAX + 1,
            "at most 168 are allowed");
}

// What a network may be; see net_terms.h.
static void network_set(struct fixture *f)
{
    f->m.net = (struct net_terms){
        .mode = NET_NAT,
        .npublish = 2,
        .in_bytes = 1000,
        .out_bytes = 2000,
        .publish = {{.protocol = NET_TCP, .host_port = 30080, .port = 80},
                    {.protocol = NET_UDP, .host_port = 30080, .port = 53}},
        .link = "shop"};
}

static void test_network(struct fixture *f)
{
    REFUSED(net.in_bytes, 1, "go with a network, and it asks for none");
    REFUSED(net.npublish, 1, "go with a network, and it asks for none");
    REFUSED(net.link[0], 'a', "go with a network, and it asks for none");
    network_set(f);
    CHECK_WORKS(manifest_check(&f->m, e));
    REFUSED(net.mode, NET_ANY + 1, "the kind of network is 5");
    REFUSED(net.in_bytes, 0, "the budget of bytes into it is 0");
    REFUSED(net.out_bytes, NET_BYTES_MAX + 1, "the budget of bytes out of it");
    REFUSED(net.npublish, NET_PUBLISH_MAX + 1, "it publishes 9 ports");
    REFUSED(net.publish[0].protocol, 1, "must be of tcp or udp");
    REFUSED(net.publish[0].host_port, 0, "from 1 to 65535");
    REFUSED(net.publish[1].port, 0, "from 1 to 65535");
    REFUSED(net.publish[1].protocol, NET_TCP, "tcp:30080 is published twice");
    REFUSED(net.link[1], '/', "the name of a link must be letters");
    f->m.run = (struct run_terms){
        .mode = RUN_FUNCTION, .concurrency = 1, .request_ms = 1};
    CHECK_FAILS(manifest_check(&f->m, e), "and this is a function");
    f->m.run = (struct run_terms){0};
    f->m.net = (struct net_terms){0};
}

static void test_strings(struct fixture *f)
{
    static const char *many[OPTIONS_MAX + ARGS_MAX + ENV_MAX + 1];
    static char long_arg[HV_CMDLINE_MAX + 1];

    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
        many[i] = "-O2";
    f->m.arg = many;
    REFUSED(nargs, ARGS_MAX + 1, "there are 257 arguments; at most 256");
    f->m.env = many;
    REFUSED(nenv, ENV_MAX + 1, "257 environment variables");
    REFUSED(nenv, 1, "\"-O2\" must be written NAME=value");
    f->m.env = f->env;
    f->m.option = many;
    REFUSED(noptions, OPTIONS_MAX + 1, "65 compiler options");
    f->m.arg = f->arg;
    f->m.option = f->option;

    f->arg[0] = "bell\a";
    CHECK_FAILS(manifest_check(&f->m, e), "argument 1 holds a control");
    f->arg[0] = "\xc3\x28";
    CHECK_FAILS(manifest_check(&f->m, e), "argument 1 holds a control");
    memset(long_arg, 'x', sizeof(long_arg) - 1);
    f->arg[0] = long_arg;
    CHECK_FAILS(manifest_check(&f->m, e), "name, arguments and environment");
    f->arg[0] = "100";
    f->env[1] = "LANG=D";
    CHECK_FAILS(manifest_check(&f->m, e), "\"LANG=D\" is set twice");
    f->env[1] = "1X=a";
    CHECK_FAILS(manifest_check(&f->m, e), "must be written NAME=value");
    f->env[1] = "X=";
    f->option[0] = "-fplugin=x";
    CHECK_FAILS(manifest_check(&f->m, e), "not one that a node accepts");
    f->option[0] = "-O2";
    CHECK_WORKS(manifest_check(&f->m, e));
}

static void test_files(struct fixture *f)
{
    FILE_REFUSED(0, path, "../main.c", "leads out of the bundle");
    FILE_REFUSED(3, path, "empty.txt", "the file empty.txt is listed twice");
    FILE_REFUSED(3, path, "lib", "lib cannot be a file and the folder of");
    FILE_REFUSED(3, path, "main.c/x", "main.c cannot be a file and the folder");
    FILE_REFUSED(0, path, "-main.c", "may not begin with -");
    FILE_REFUSED(0, path, "@main.c", "may not begin with @");
    FILE_REFUSED(0, path, "main.h", "no source file (*.c) to compile");
    FILE_REFUSED(0, role, 0, "has the unknown role 0");
    FILE_REFUSED(0, role, ROLE_IMAGE, "is an image, and this bundle holds");
    FILE_REFUSED(2, mode, 04755, "has mode 4755");
    FILE_REFUSED(2, mode, 0, "has mode 0");
    FILE_REFUSED(2, size, BUNDLE_FILES_BYTES_MAX + 1, "a bundle may hold");
    FILE_REFUSED(2, size, UINT64_MAX, "a bundle may hold");
    FILE_REFUSED(2, size, BUNDLE_FILES_BYTES_MAX, "bytes together");
    REFUSED(nfiles, BUNDLE_FILES_MAX + 1, "there are 1025 files");
    REFUSED(nfiles, 0, "no source file");

    // Neighbours in the order of bytes that are none in the order of paths.
    f->file[0].path = "a.c";
    f->file[1].path = "a.c-d";
    f->file[2].path = "a.c/x";
    CHECK_FAILS(manifest_check(&f->m, e), "a.c cannot be a file and the");
    f->file[0].path = "main.c";
    f->file[1].path = "lib/a.h";
    f->file[2].path = "empty.txt";
}

static void test_image(struct fixture *f)
{
    struct manifest was = f->m;

    f->m.kind = KIND_IMAGE;
    CHECK_FAILS(manifest_check(&f->m, e), "compiler options go with source");
    f->m.noptions = 0;
    CHECK_FAILS(manifest_check(&f->m, e), "is source, and this bundle holds");
    f->m.file += 2;
    f->m.nfiles = 2;
    CHECK_FAILS(manifest_check(&f->m, e), "there are 0 images");
    f->file[2].role = f->file[3].role = ROLE_IMAGE;
    CHECK_FAILS(manifest_check(&f->m, e), "there are 2 images");
    f->file[3].role = ROLE_DATA;
    CHECK_FAILS(manifest_check(&f->m, e), "a build budget goes with source");
    f->m.build_cpu_ns = 0;
    CHECK_WORKS(manifest_check(&f->m, e));
    f->file[2].role = ROLE_DATA;
    f->m = was;
}

static void test_paths(void)
{
    static char longest[BUNDLE_PATH_MAX + 2];

    memset(longest, 'x', BUNDLE_PATH_MAX);
    CHECK_WORKS(path_check(longest, e));
    longest[BUNDLE_PATH_MAX] = 'x';
    CHECK_FAILS(path_check(longest, e), "is longer than 200 bytes");
    CHECK_WORKS(path_check("a/..b/c..", e));
    CHECK_WORKS(path_check("Stra\xc3\x9f"
                           "e/.hidden",
                           e));
    CHECK_FAILS(path_check("", e), "\"\" is empty");
    CHECK_FAILS(path_check("/etc/passwd", e), "begins with a slash");
    CHECK_FAILS(path_check("a/../b", e), "leads out of the bundle");
    CHECK_FAILS(path_check("..", e), "leads out of the bundle");
    CHECK_FAILS(path_check("a/.", e), "has a component \".\"");
    CHECK_FAILS(path_check("./a", e), "has a component \".\"");
    CHECK_FAILS(path_check("a//b", e), "two slashes in a row");
    CHECK_FAILS(path_check("a/", e), "ends with a slash");
    CHECK_FAILS(path_check("a\\b", e), "holds a backslash");
    CHECK_FAILS(path_check("a\nb", e), "\"a\\x0ab\" holds a control");
    CHECK_FAILS(path_check("a\x7f", e), "holds a control");
    CHECK_FAILS(path_check("a\xc2\x85", e), "holds a control");    // C1
    CHECK_FAILS(path_check("\xc0\xae\xc0\xae/x", e), "not UTF-8"); // long ".."
    CHECK_FAILS(path_check("\xed\xa0\x80", e), "not UTF-8");
    CHECK(path_compare("a/b", "a-b") < 0 && path_compare("a", "a/b") < 0);
    CHECK(path_compare("a", "a") == 0 && path_compare("b", "a/b") > 0);
}

static void test_options(void)
{
    static const char *const good[] = {
        "-std=c11", "-O3",    "-g",      "-Wall",       "-lm", "-DX",
        "-DX=1 2",  "-UNDEF", "-Ilib/x", "-DS=\"a;b\"", "-I.", NULL};
    static const char *const bad[] = {"",
                                      "-",
                                      "-o",
                                      "-ofile",
                                      "-O",
                                      "-B.",
                                      "-specs=x",
                                      "@file",
                                      "main.c",
                                      "-Wl,-T,x",
                                      "-Xlinker",
                                      "-include",
                                      "-fplugin=x.so",
                                      "-D",
                                      "-D1",
                                      "-DX-Y=1",
                                      "-DX=\n",
                                      "-U",
                                      "-UX=1",
                                      "-I",
                                      "-I/usr/include",
                                      "-I..",
                                      "-Ia/../..",
                                      "-I=x",
                                      "-I$SYSROOT",
                                      "-I-",
                                      "-isystem",
                                      "-lc++",
                                      "-l:libc.a",
                                      "-L.",
                                      "-wrapper",
                                      "-save-temps",
                                      "-march=native",
                                      "-x",
                                      NULL};

    for (int i = 0; good[i]; i++)
        CHECK_WORKS(option_check(good[i], e));
    for (int i = 0; bad[i]; i++)
        CHECK_FAILS(option_check(bad[i], e), "the compiler option");
}

static void test_text(void)
{
    char out[TEXT_QUOTE_MAX], big[300];

    memset(big, 7, sizeof(big));
    big[299] = 0;
    CHECK(strlen(text_quote(out, big)) < TEXT_QUOTE_MAX);
    CHECK(strcmp(out + strlen(out) - 3, "...") == 0);
    CHECK(strcmp(text_quote(out, "a\\b\xff"), "a\\x5cb\\xff") == 0);
    CHECK(text_is_plain("\xf0\x9f\x98\x80 ok", ""));
    CHECK(!text_is_plain("\xf4\x90\x80\x80", "") &&
          !text_is_plain("\xe2\x82", ""));
    CHECK(!text_is_plain("\xf8\x88\x80\x80\x80", ""));
}

// ----------------------------------------------------------------- the wire

static void decode_only(const void *data, size_t len)
{
    struct manifest m;

    manifest_decode(data, len, &m, NULL);
    manifest_free(&m);
}

static int decode(const void *data, size_t len, struct err *e)
{
    struct manifest m;
    int r = manifest_decode(data, len, &m, e);

    manifest_free(&m);
    return r;
}

static void test_round_trip(struct fixture *f)
{
    cleanup_buf struct buf a = BUF_INIT(MANIFEST_MAX);
    cleanup_buf struct buf b = BUF_INIT(MANIFEST_MAX);
    struct manifest m;

    f->m.purchase_order_len = 32;
    memset(f->m.purchase_order, 0xb0, 32);
    network_set(f);
    CHECK_WORKS(manifest_encode(&f->m, &a, e));
    CHECK_WORKS(manifest_decode(a.data, a.len, &m, e));
    CHECK(strcmp(m.name, "primes") == 0 && m.kind == KIND_SOURCE);
    CHECK(m.nargs == 2 && strcmp(m.arg[1], "a b\tc") == 0);
    CHECK(m.nenv == 2 && strcmp(m.env[0], "LANG=C") == 0);
    CHECK(m.noptions == 2 && strcmp(m.option[1], "-Ilib") == 0);
    CHECK(m.nfiles == 4 && strcmp(m.file[3].path, "data/in.txt") == 0);
    CHECK(m.file[3].size == 9 && m.file[3].mode == 0644);
    CHECK(m.file[3].role == ROLE_DATA && m.file[1].role == ROLE_SOURCE);
    CHECK(memcmp(m.file[3].digest, f->file[3].digest, DIGEST_BYTES) == 0);
    CHECK(memcmp(m.customer, f->m.customer, KEY_BYTES) == 0);
    CHECK(memcmp(m.audience, f->m.audience, KEY_BYTES) == 0);
    CHECK(m.memory_kib == 32768 && m.cpu_ns == 1000000000);
    CHECK(m.wall_ns == 5000000000 && m.build_cpu_ns == 2000000000);
    CHECK(m.console_bytes == 65536 && m.cost_cap_nano == 50000000);
    CHECK(strcmp(m.currency, "EUR") == 0 && m.purchase_order_len == 32);
    CHECK(m.not_before_s == FIXTURE_NOW && m.nonce[15] == 0x55);
    CHECK(memcmp(&m.net, &f->m.net, sizeof(m.net)) == 0);
    CHECK(manifest_file_is_unit(&m.file[0]) &&
          !manifest_file_is_unit(&m.file[1]));
    CHECK_WORKS(manifest_encode(&m, &b, e));
    CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    // Optional fields at the end could be cut off: the signature sees to that.
    f->m.net = (struct net_terms){0};
    manifest_free(&m);
}

static void test_wire(struct fixture *f)
{
    cleanup_buf struct buf a = BUF_INIT(MANIFEST_MAX);
    cleanup_buf struct buf b = BUF_INIT(MANIFEST_MAX);
    struct guarded g;
    uint8_t *at;

    CHECK_WORKS(manifest_encode(&f->m, &a, e));
    g = guarded_new(a.len);
    for (size_t n = 0; n < a.len; n++)
        CHECK_FAILS(decode(guarded_put(&g, a.data, n), n, e),
                    "the manifest is refused: ");
    CHECK_WORKS(decode(guarded_put(&g, a.data, a.len), a.len, e));
    guarded_free(&g);
    for (size_t i = 0; i < 8 * a.len; i++) { // nothing worse than a sentence
        a.data[i / 8] ^= 1 << i % 8;
        decode_only(a.data, a.len);
        a.data[i / 8] ^= 1 << i % 8;
    }

    // An unknown field 100 = 0; a known one again; a number the long way.
    CHECK(buf_add(&b, a.data, a.len) == 0 && buf_add(&b, "\xa0\6\0", 3) == 0);
    CHECK_FAILS(decode(b.data, b.len, e), "unknown fields or is not in the");
    b.len = a.len;
    CHECK(buf_add(&b, "\x10\1", 2) == 0);
    CHECK_FAILS(decode(b.data, b.len, e), "canonical");
    b.len = a.len;
    at = memmem(b.data, b.len, "\x10\1", 2);
    CHECK(at && buf_add(&b, "x", 1) == 0);
    at = memmem(b.data, b.len, "\x10\1", 2);
    memmove(at + 3, at + 2, b.data + a.len - (at + 2));
    at[1] = 0x81;
    at[2] = 0;
    CHECK_FAILS(decode(b.data, b.len, e), "canonical");

    // Version and type come first.
    memcpy(b.data, a.data, b.len = a.len);
    *(uint8_t *)memmem(b.data, b.len, "\x10\1", 2) = 0x10;
    ((uint8_t *)memmem(b.data, b.len, "\x10\1", 2))[1] = 2;
    CHECK_FAILS(decode(b.data, b.len, e), "it is of version 2");
    memcpy(b.data, a.data, a.len);
    memcpy(memmem(b.data, b.len, "hostel", 6), "HOSTEL", 6);
    CHECK_FAILS(decode(b.data, b.len, e), "not of the type");
}

// What is small on the wire and large in memory.
static void test_bombs(void)
{
    cleanup_buf struct buf b = BUF_INIT(MANIFEST_MAX + 1);

    for (size_t i = 0; i < MANIFEST_MAX / 2; i++)
        CHECK(buf_add(&b, "\x52\0", 2) == 0); // an empty file
    CHECK_FAILS(decode(b.data, b.len, e), "too many or too long fields");
    b.len = 0;
    for (size_t i = 0; i < MANIFEST_MAX / 2; i++)
        CHECK(buf_add(&b, "\x42\0", 2) == 0); // an empty argument
    CHECK_FAILS(decode(b.data, b.len, e), "the manifest is refused");
    b.len = 0;
    for (size_t i = 0; i < MANIFEST_MAX / 2; i++)
        CHECK(buf_add(&b, "\xf8\1", 2) == 0);
    CHECK_FAILS(decode(b.data, b.len, e), "the manifest is refused");
    CHECK(buf_add(&b, "x", 1) == 0);
    CHECK_FAILS(decode(b.data, b.len, e), "has 262145 bytes; at most 262144");
}

// The most that is allowed really is.
static void test_largest(struct fixture *f)
{
    static struct manifest_file file[BUNDLE_FILES_MAX];
    static char path[BUNDLE_FILES_MAX][BUNDLE_PATH_MAX + 1];
    cleanup_buf struct buf a = BUF_INIT(MANIFEST_MAX);
    struct manifest m = f->m;

    for (size_t i = 0; i < BUNDLE_FILES_MAX; i++) {
        snprintf(path[i], sizeof(path[i]), "%0180zu.c", i);
        file[i] = f->file[0];
        file[i].path = path[i];
    }
    m.file = file;
    m.nfiles = BUNDLE_FILES_MAX;
    CHECK_WORKS(manifest_encode(&m, &a, e));
    CHECK_WORKS(decode(a.data, a.len, e));
}

static void test_admit(struct fixture *f)
{
    uint8_t other[KEY_BYTES] = {1};

    CHECK_WORKS(manifest_admit(&f->m, f->m.audience, FIXTURE_NOW, e));
    CHECK_WORKS(manifest_admit(&f->m, f->m.audience, FIXTURE_NOW - 120, e));
    CHECK_WORKS(manifest_admit(&f->m, f->m.audience, FIXTURE_NOW + 3599, e));
    CHECK_FAILS(manifest_admit(&f->m, f->m.audience, FIXTURE_NOW - 121, e),
                "valid only in 121 seconds");
    CHECK_FAILS(manifest_admit(&f->m, f->m.audience, FIXTURE_NOW + 3600, e),
                "expired 0 seconds ago; make and sign it again");
    CHECK_FAILS(manifest_admit(&f->m, other, FIXTURE_NOW, e),
                "made for node aaaaaaaaaaaaaaaa..., and this is node 01000000");
}

// The id is part of what clients compute: it must never change.
static void test_submission_id(void)
{
    uint8_t node[KEY_BYTES] = {1}, digest[DIGEST_BYTES] = {2}, id[16];
    char hex[33];

    submission_id(node, digest, id);
    CHECK(strcmp(hex_encode(hex, id, 16), "8af7f0bbc4a7426004442702ca46a3d9") ==
          0);
}

int main(void)
{
    struct fixture f;

    fixture_init(&f);
    test_fields(&f);
    test_network(&f);
    test_strings(&f);
    test_files(&f);
    test_image(&f);
    test_paths();
    test_options();
    test_text();
    test_round_trip(&f);
    test_wire(&f);
    test_bombs();
    test_largest(&f);
    test_admit(&f);
    test_submission_id();
    fixture_free(&f);
    return 0;
}
