// SPDX-License-Identifier: ISC
// From folders and bundle.cfg to manifests: golden files for the sentences,
// folders made here for which files go where, and the guest's archive.

#include <sys/stat.h>

#include "node-agent/bundle/cpio.h"
#include "node-agent/bundle/plan.h"
#include "node-agent/bundle/plan_net.h"
#include "tests/unit/bundle_fixture.h"

static char dir[] = "/tmp/hostel-plan-XXXXXX";

static int render(const char *name, const char *text, size_t len,
                  struct buf *out)
{
    struct recipe c;
    struct err e;
    int r;

    recipe_init(&c);
    r = recipe_parse(&c, name, text, len, &e);
    if (r < 0)
        buf_printf(out, "%s\n", e.text);
    else
        buf_printf(out, "%s %s %s %s sources=%zu memory=%lld cpu=%lld\n",
                   c.name ? c.name : "-", c.kind ? c.kind : "-",
                   c.image ? c.image : "-", c.max_cost ? c.max_cost : "-",
                   c.sources.n, (long long)c.memory_mib, (long long)c.cpu_ms);
    recipe_free(&c);
    return r;
}

static void put(const char *path, const char *text)
{
    char full[512], folder[512];

    snprintf(full, sizeof(full), "%s/%s", dir, path);
    snprintf(folder, sizeof(folder), "%s", full);
    *strrchr(folder, '/') = 0;
    CHECK_WORKS(dir_make(folder, 0755, e));
    CHECK_WORKS(file_write_durable(full, text, strlen(text), 0644, e));
}

// "main.c:1 data/x:2 ..." for a folder: paths and roles.
static int plan(const char *path, struct buf *out, struct err *e)
{
    static const uint8_t node[KEY_BYTES] = {7};
    char full[512];
    struct bundle_request q = {.path = full, .audience = node};
    struct bundle_plan p;
    int r;

    snprintf(full, sizeof(full), "%s/%s", dir, path);
    r = bundle_plan(&q, &p, e);
    out->len = 0;
    for (size_t i = 0; r == 0 && i < p.m.nfiles; i++)
        buf_printf(out, "%s:%d ", p.m.file[i].path, p.m.file[i].role);
    if (r == 0)
        buf_printf(out, "%s", p.m.name);
    for (size_t i = 0; r == 0 && i < p.m.noptions; i++)
        buf_printf(out, " %s", p.m.option[i]);
    bundle_plan_free(&p);
    return r;
}

#define CHECK_PLAN(path, text)                                                 \
    do {                                                                       \
        cleanup_buf struct buf got = BUF_INIT(65536);                          \
                                                                               \
        CHECK_WORKS(plan(path, &got, e));                                      \
        if (strcmp(buf_str(&got), text) != 0)                                  \
            fprintf(stderr, "found    %s\n", buf_str(&got));                   \
        CHECK(strcmp(buf_str(&got), text) == 0);                               \
    } while (0)

static void test_folders(void)
{
    cleanup_buf struct buf out = BUF_INIT(65536);
    char link[512];

    put("p/main.c", "int main(void);");
    put("p/util/u.c", "");
    put("p/util/u.h", "");
    put("p/data/b.txt", "b");
    put("p/data/a.txt", "a");
    put("p/.git/config", "");
    put("p/old.bundle", "");
    CHECK_PLAN("p", "main.c:1 util/u.c:1 util/u.h:1 data/a.txt:2 data/b.txt:2 "
                    "p -O2");
    CHECK_PLAN("p/", "main.c:1 util/u.c:1 util/u.h:1 data/a.txt:2 "
                     "data/b.txt:2 p -O2");
    CHECK_PLAN("p/main.c", "main.c:1 main -O2");

    put("p/bundle.cfg", "sources = [ \"main.c\" ]\ndata = []\n"
                        "cflags = [ \"-O3\" ]\nlibs = [ \"m\" ]\n");
    CHECK_PLAN("p", "main.c:1 p -O3 -lm");
    put("p/bundle.cfg", "name = 'q'\ndata = [ 'data', 'util/u.h' ]\n"
                        "sources = [ 'main.c', 'util/u.c' ]");
    CHECK_PLAN("p", "main.c:1 util/u.c:1 data/a.txt:2 data/b.txt:2 "
                    "util/u.h:2 q -O2");
    put("p/bundle.cfg", "\ndata = [ 'data',\n 'nothing' ]\n");
    CHECK_FAILS(plan("p", &out, e), "p/bundle.cfg:3: ");
    put("p/bundle.cfg", "data = [ '../x' ]\n");
    CHECK_FAILS(plan("p", &out, e), "leads out of the bundle");
    put("p/bundle.cfg", "data = [ 'main.c' ]\n");
    CHECK_FAILS(plan("p", &out, e), "the file main.c is listed twice");
    put("p/bundle.cfg", "cflags = [ '-B.' ]\n");
    CHECK_FAILS(plan("p", &out, e), "not one that a node accepts");
    put("p/bundle.cfg", "libs = [ ':x.a' ]\n");
    CHECK_FAILS(plan("p", &out, e), "not one that a node accepts");

    put("i/prog", "\177ELF...");
    put("i/x.txt", "");
    put("i/bundle.cfg", "image = 'prog'\n");
    CHECK_PLAN("i", "prog:3 x.txt:2 i");
    CHECK_PLAN("i/prog", "prog:3 prog");
    CHECK_FAILS(plan("i/x.txt", &out, e), "is neither C source (*.c) nor");
    CHECK_FAILS(plan("nowhere", &out, e), "No such file");

    put("l/main.c", "");
    snprintf(link, sizeof(link), "%s/l/passwd", dir);
    CHECK(symlink("/etc/passwd", link) == 0);
    CHECK_FAILS(plan("l", &out, e), "passwd is a symbolic link");
    CHECK(unlink(link) == 0 && mkfifo(link, 0600) == 0);
    CHECK_FAILS(plan("l", &out, e), "passwd is a special file");
    put("e/x.txt", "");
    CHECK_FAILS(plan("e", &out, e), "no source file (*.c) to compile");
}

static void test_request(void)
{
    static const uint8_t node[KEY_BYTES] = {7};
    static const char *const args[] = {"x"}, *const env[] = {"B=2"};
    char full[512];
    struct bundle_request q = {.path = full,
                               .audience = node,
                               .name = "n",
                               .nargs = 1,
                               .args = args,
                               .nenv = 1,
                               .env = env,
                               .memory_mib = 64,
                               .max_cost = "1.5 USD",
                               .valid_hours = 2};
    struct bundle_plan p;

    snprintf(full, sizeof(full), "%s/r", dir);
    put("r/main.c", "");
    put("r/bundle.cfg", "arguments = [ 'a', 'b' ]; environment = [ 'A=1' ]\n"
                        "memory = 16; cpu_ms = 250; max_cost = '2'\n");
    CHECK_WORKS(bundle_plan(&q, &p, e));
    CHECK(p.m.nargs == 1 && strcmp(p.m.arg[0], "x") == 0);
    CHECK(p.m.nenv == 2 && strcmp(p.m.env[1], "B=2") == 0);
    CHECK(p.m.memory_kib == 65536 && p.m.cpu_ns == 250000000);
    CHECK(p.m.cost_cap_nano == 1500000000);
    CHECK(strcmp(p.m.currency, "USD") == 0);
    CHECK(p.m.expires_s - p.m.not_before_s == 7200);
    bundle_plan_free(&p);
    q.max_cost = "a lot";
    CHECK_FAILS(bundle_plan(&q, &p, e), "\"a lot\" is not an amount of money");
    bundle_plan_free(&p);
}

static void test_cost(void)
{
    static const char *const bad[] = {
        "",        ".5",           "1.",     "1,5",
        "-1",      "1 eur",        "1EUR",   "1 EURO",
        "1000001", "0.0000000001", "1 EUR ", "99999999999999999999",
        NULL};
    uint64_t n;
    char c[4];

    CHECK_WORKS(cost_parse("0.05", &n, c, e));
    CHECK(n == 50000000 && c[0] == 0);
    CHECK_WORKS(cost_parse("1000000.000000000 EUR", &n, c, e));
    CHECK(n == COST_NANO_MAX && strcmp(c, "EUR") == 0);
    CHECK_WORKS(cost_parse("0.000000001", &n, c, e));
    CHECK(n == 1);
    for (int i = 0; bad[i]; i++)
        CHECK_FAILS(cost_parse(bad[i], &n, c, e), "is not an amount of money");
}

static void test_publish(void)
{
    static const char *const bad[] = {
        "",       "80",       "80:",     ":80",
        "tcp:80", "0:80",     "80:0",    "65536:80",
        "80:80 ", "-1:80",    "80:+80",  "sctp:80:80",
        "80::80", "80:80:80", "tcp::80", "99999999999999999999:80",
        NULL};
    struct net_publish p;

    CHECK_WORKS(publish_parse("30080:80", &p, e));
    CHECK(p.protocol == NET_TCP && p.host_port == 30080 && p.port == 80);
    CHECK_WORKS(publish_parse("udp:1:65535", &p, e));
    CHECK(p.protocol == NET_UDP && p.host_port == 1 && p.port == 65535);
    for (int i = 0; bad[i]; i++)
        CHECK_FAILS(publish_parse(bad[i], &p, e), "publishes nothing");
}

static void test_network(void)
{
    static const char *const ports[] = {"30080:80"};
    struct recipe c = {
        .network = (char *)"nat", .link = (char *)"shop", .net_in_mib = 3};
    struct bundle_request q = {0};
    struct net_terms n;

    CHECK_WORKS(plan_net_fill(&q, &c, &n, e));
    CHECK(n.mode == NET_NAT && !strcmp(n.link, "shop") && !n.npublish);
    CHECK(n.in_bytes == 3u << 20 && n.out_bytes == 1024ull << 20);
    q.network = "any";
    q.publish = ports;
    q.npublish = 1;
    CHECK_WORKS(plan_net_fill(&q, &c, &n, e));
    CHECK(n.mode == NET_ANY && n.npublish == 1 && n.publish[0].port == 80);
    q.network = "none"; // takes bundle.cfg's back, but not what is asked for
    CHECK_FAILS(plan_net_fill(&q, &c, &n, e), "go with a network");
    q.npublish = 0;
    CHECK_WORKS(plan_net_fill(&q, &c, &n, e));
    CHECK(n.mode == NET_NONE && !n.in_bytes && !*n.link);
    q.network = "NAT";
    CHECK_FAILS(plan_net_fill(&q, &c, &n, e), "not \"NAT\"");
    q.network = NULL;
    c.network = NULL;
    CHECK_FAILS(plan_net_fill(&q, &c, &n, e), "go with a network");
}

// A file that changes between the two readings is noticed, as is one that
// cannot be read.
static void test_write(void)
{
    static const uint8_t node[KEY_BYTES] = {7};
    char full[512], gone[512];
    struct bundle_request q = {.path = full, .audience = node};
    int fd = memfd_create("b", MFD_CLOEXEC);
    struct bundle_plan p;
    struct seckey sk;

    key_make(&sk);
    snprintf(full, sizeof(full), "%s/p", dir);
    snprintf(gone, sizeof(gone), "%s/p/data/a.txt", dir);
    put("p/bundle.cfg", "");
    CHECK_WORKS(bundle_plan(&q, &p, e));
    CHECK_WORKS(bundle_write(fd, &p.m, p.from, &sk, e));
    p.from[0].host_path = "/dev/zero";
    CHECK_FAILS(bundle_write(fd, &p.m, p.from, &sk, e), "not a regular file");
    p.from[0].host_path = "/nonexistent/x";
    CHECK_FAILS(bundle_write(fd, &p.m, p.from, &sk, e), "No such file");
    bundle_plan_free(&p);
    CHECK_WORKS(bundle_plan(&q, &p, e));
    CHECK_FAILS(bundle_write(-1, &p.m, p.from, &sk, e), "writing the bundle");
    CHECK(unlink(gone) == 0);
    CHECK_FAILS(bundle_write(fd, &p.m, p.from, &sk, e), "a.txt: No such file");
    bundle_plan_free(&p);
    close(fd);
}

// -------------------------------------------------------------------- cpio

static unsigned long field(const uint8_t *header, int i)
{
    char text[9] = "";

    memcpy(text, header + 6 + 8 * i, 8);
    return strtoul(text, NULL, 16);
}

// Reads an archive by the format's description, not by our writer.
static void list_cpio(const struct buf *a, struct buf *out)
{
    size_t at = 0;

    for (;;) {
        const uint8_t *h = a->data + at;
        unsigned long mode, size, name;

        CHECK(at + 110 <= a->len && memcmp(h, "070701", 6) == 0);
        mode = field(h, 1);
        size = field(h, 6);
        name = field(h, 11);
        CHECK(at + 110 + name <= a->len && h[110 + name - 1] == 0);
        CHECK(field(h, 2) == 0 && field(h, 3) == 0 && field(h, 5) == 0);
        at = (at + 110 + name + 3) & ~(size_t)3;
        if (strcmp((const char *)h + 110, "TRAILER!!!") == 0)
            break;
        CHECK(at + size <= a->len);
        buf_printf(out, "%s %lo %.*s|", h + 110, mode, (int)size, a->data + at);
        at = (at + size + 3) & ~(size_t)3;
    }
    CHECK(at == a->len);
}

static void test_cpio(void)
{
    static const struct bundle_handler nothing = {0};
    cleanup_buf struct buf a = BUF_INIT(65536), listed = BUF_INIT(65536);
    struct bundle_reader *r = bundle_reader_new(&nothing, NULL);
    int in = memfd_create("in", MFD_CLOEXEC);
    int out = memfd_create("out", MFD_CLOEXEC);
    struct fixture f;

    fixture_init(&f);
    f.file[1].path = "data/deep/x";
    f.file[1].role = ROLE_DATA;
    f.file[1].mode = 0755;
    CHECK_WORKS(fixture_write(&f, e));
    CHECK(write_full(in, f.bundle.data, f.bundle.len) == 0);
    CHECK(lseek(in, 0, SEEK_SET) == 0);
    CHECK_WORKS(bundle_read_fd(r, in, e));
    CHECK_WORKS(cpio_from_bundle(out, r, in, e));
    CHECK(lseek(out, 0, SEEK_SET) == 0);
    CHECK_WORKS(fd_read(out, "cpio", &a, e));
    list_cpio(&a, &listed);
    CHECK(strcmp(buf_str(&listed),
                 "data 40755 |data/deep 40755 |data/deep/x 100755 int x;\n|"
                 "empty.txt 100644 |data/in.txt 100644 17 19 23\n|") == 0);
    CHECK(ftruncate(in, f.bundle.len - 2) == 0);
    CHECK_FAILS(cpio_from_bundle(out, r, in, e), "reading data/in.txt");
    CHECK_FAILS(cpio_from_bundle(-1, r, in, e), "");
    bundle_reader_free(r);
    fixture_free(&f);
    close(in);
    close(out);
}

int main(void)
{
    char command[64];

    CHECK(mkdtemp(dir));
    CHECK_WORKS(key_init(e));
    golden_run("tests/golden/bundle", render);
    test_folders();
    test_request();
    test_cost();
    test_publish();
    test_network();
    test_write();
    test_cpio();
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}
