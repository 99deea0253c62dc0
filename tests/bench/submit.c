// SPDX-License-Identifier: ISC
// Load for a node: ready-image submissions over HTTP, as many customers'
// machines would send them, each taken to its receipt.
//
//     submit-load ADDRESS NODE_ID KEY IMAGE SECONDS CONNECTIONS HELLO
//
// Everything that can be signed before is: bundles that differ in their nonce
// only, and the request for each receipt, whose path follows from the bundle.
// A connection then sends a bundle, reads the answer, asks for the receipt and
// reads that; the time is from the first byte sent to the last one read. When
// the time is over, what is under way is finished, and every receipt is
// verified offline and its bill added up.
//
// Prints the figures as `bench` lines (HELLO is the peer's program), and for
// the script `billed NANO_UNITS SUBMISSIONS`, to compare with the books, and
// its own CPU time while it sent.

#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "billing/receipt.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/api/httpsig.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/bundle.h"
#include "node-agent/bundle/key.h"
#include "tests/bench/link.h"

#define FLOOR_NS 1000000000u
#define RATE_MAX 1200 // submissions a second that are prepared for

struct submission {
    uint8_t *head; // the bundle up to its file
    size_t head_len;
    char id[33];
    char *ask; // for the receipt, as it is sent
    uint64_t took_ns;
    uint8_t *receipt;
    size_t receipt_len;
};

static struct {
    struct load_to to;
    uint8_t *image;
    size_t image_len;
    uint64_t end_ns;
    struct submission *all;
    size_t count;
    atomic_size_t next;
    atomic_size_t finished;
    uint64_t last_ns; // when the last one was finished
    pthread_mutex_t lock;
} load = {.lock = PTHREAD_MUTEX_INITIALIZER};

// --------------------------------------------------------------- preparation

static void image_map(void)
{
    FILE *f = fopen(load.to.what, "re");
    struct stat st;

    if (!f || fstat(fileno(f), &st) < 0)
        err(1, "%s", load.to.what);
    load.image_len = (size_t)st.st_size;
    load.image =
        mmap(NULL, load.image_len, PROT_READ, MAP_PRIVATE, fileno(f), 0);
    if (load.image == MAP_FAILED)
        err(1, "%s", load.to.what);
    fclose(f);
}

// The bundle of number n, of which only the head is kept.
static void bundle_sign(struct submission *s, uint64_t n)
{
    struct manifest_file file = {
        .path = "image", .role = ROLE_IMAGE, .mode = 0755};
    const struct bundle_source source = {.host_path = load.to.what};
    uint64_t now_s = clock_real_ns() / 1000000000u;
    struct manifest m = {.kind = KIND_IMAGE,
                         .name = "load",
                         .nfiles = 1,
                         .file = &file,
                         .memory_kib = 4096,
                         .cpu_ns = 1000000000,
                         .wall_ns = 10000000000,
                         .console_bytes = 4096,
                         .currency = "",
                         .not_before_s = now_s,
                         .expires_s = now_s + 3600};
    uint8_t digest[DIGEST_BYTES], id[SUBMISSION_ID_BYTES];
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    uint32_t manifest_len;
    struct err e;
    off_t len;

    memcpy(m.audience, load.to.node_id, sizeof(m.audience));
    randombytes_buf(m.nonce, sizeof(m.nonce));
    memcpy(m.nonce, &n, sizeof(n));
    if (fd < 0 || bundle_write(fd, &m, &source, &load.to.key, &e) < 0)
        errx(1, "signing a bundle: %s", e.text);
    len = lseek(fd, 0, SEEK_END);
    s->head_len = (size_t)len - load.image_len;
    s->head = malloc(s->head_len);
    if (!s->head ||
        pread_full(fd, s->head, s->head_len, 0) != (ssize_t)s->head_len)
        err(1, "a bundle");
    close(fd);
    // Magic, length of the manifest (little endian), manifest.
    memcpy(&manifest_len, s->head + 8, sizeof(manifest_len));
    manifest_digest(s->head + 12, manifest_len, digest);
    submission_id(load.to.node_id, digest, id);
    hex_encode(s->id, id, sizeof(id));
}

static void receipt_ask_sign(struct submission *s)
{
    struct buf input = BUF_INIT(4096), signature = BUF_INIT(4096);
    char path[96];
    const struct httpsig_request rq = {.method = "GET",
                                       .authority = load.to.authority,
                                       .path = path,
                                       .query = "wait=1"};
    struct httpsig sig = {
        .label = SIGNATURE_LABEL,
        .component = {"@method", "@authority", "@path", "@query"},
        .ncomponents = 4,
        .created = (int64_t)(clock_real_ns() / 1000000000u)};
    struct err e;

    snprintf(path, sizeof(path), "/v1/submissions/%s/receipt", s->id);
    hex_encode(sig.keyid, load.to.key.key + 32, 32);
    signature_tag(sig.tag, load.to.node_id);
    snprintf(sig.nonce, sizeof(sig.nonce), "%s", s->id);
    if (httpsig_sign(&sig, &rq, load.to.key.key, &input, &signature, &e) < 0)
        errx(1, "signing a request: %s", e.text);
    if (asprintf(&s->ask,
                 "GET %s?wait=1 HTTP/1.1\r\nHost: %s\r\n"
                 "Signature-Input: %s\r\nSignature: %s\r\n\r\n",
                 path, load.to.authority, buf_str(&input),
                 buf_str(&signature)) < 0)
        err(1, "a request");
    buf_free(&input);
    buf_free(&signature);
}

// ------------------------------------------------------------------- sending

static void submission_send(struct link *l, struct submission *s)
{
    char head[256];
    const char *body;
    size_t len;
    int status;
    struct iovec bundle[] = {
        {head,
         (size_t)snprintf(head, sizeof(head),
                          "POST /v1/submissions HTTP/1.1\r\nHost: %s\r\n"
                          "Content-Type: " BUNDLE_TYPE "\r\n"
                          "Content-Length: %zu\r\n\r\n",
                          load.to.authority, s->head_len + load.image_len)},
        {s->head, s->head_len},
        {load.image, load.image_len}};
    struct iovec ask = {s->ask, strlen(s->ask)};
    uint64_t began_ns = clock_mono_ns();

    link_write(l, bundle, 3);
    status = link_read(l, &body, &len);
    if (status != 201)
        errx(1, "submitting gives %d: %s", status, body);
    link_write(l, &ask, 1);
    status = link_read(l, &body, &len);
    if (status != 200)
        errx(1, "the receipt of %s gives %d: %s", s->id, status, body);
    s->took_ns = clock_mono_ns() - began_ns;
    s->receipt = malloc(len);
    if (!s->receipt)
        err(1, "a receipt");
    memcpy(s->receipt, body, len);
    s->receipt_len = len;
}

static void *link_run(void *arg)
{
    struct link *l = malloc(sizeof(*l));

    (void)arg;
    if (!l)
        err(1, "a connection");
    link_open(l, load.to.address, load.to.authority);
    while (clock_mono_ns() < load.end_ns) {
        size_t n = atomic_fetch_add(&load.next, 1);

        if (n >= load.count)
            errx(1, "faster than was prepared for: raise RATE_MAX");
        submission_send(l, &load.all[n]);
        atomic_fetch_add(&load.finished, 1);
        pthread_mutex_lock(&load.lock);
        load.last_ns = clock_mono_ns();
        pthread_mutex_unlock(&load.lock);
    }
    close(l->fd);
    free(l);
    return NULL;
}

// --------------------------------------------------------------------- after

// Every receipt proves its bill; the sum of the bills.
static int64_t receipts_verify(size_t count)
{
    struct receipt_report *report = malloc(sizeof(*report));
    int64_t billed_nano = 0;
    char id[33];

    if (!report)
        err(1, "a report");
    for (size_t i = 0; i < count; i++) {
        const struct submission *s = &load.all[i];
        struct err e;

        if (receipt_verify(s->receipt, s->receipt_len, load.to.node_id, report,
                           &e) < 0)
            errx(1, "the receipt of %s: %s", s->id, e.text);
        hex_encode(id, report->books.submission_id, 16);
        if (strcmp(id, s->id) || report->books.billed_nano <= 0 ||
            report->books.usage.starts != 1)
            errx(1, "the receipt of %s is not about one start of it", s->id);
        billed_nano += report->books.billed_nano;
    }
    free(report);
    return billed_nano;
}

static int by_time(const void *a, const void *b)
{
    const struct submission *x = a, *y = b;

    return (x->took_ns > y->took_ns) - (x->took_ns < y->took_ns);
}

// vfork and exec of a static program that says hello, in as many processes as
// there are CPUs: what starting something costs without any of this.
static uint64_t hellos(const char *hello, uint64_t until_ns)
{
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    uint64_t n = 0;

    while (clock_mono_ns() < until_ns) {
        pid_t pid = vfork();

        if (pid == 0) {
            dup2(null, 1);
            execl(hello, "hello", NULL);
            _exit(127);
        }
        if (pid < 0 || waitpid(pid, NULL, 0) != pid)
            err(1, "%s", hello);
        n++;
    }
    return n;
}

static double floor_measure(const char *hello)
{
    uint64_t until_ns = clock_mono_ns() + FLOOR_NS, n = 0, one;
    int cpus = get_nprocs(), p[2];

    if (pipe2(p, O_CLOEXEC) < 0)
        err(1, "pipe");
    for (int i = 0; i < cpus; i++)
        if (fork() == 0) {
            one = hellos(hello, until_ns);
            _exit(write(p[1], &one, sizeof(one)) != sizeof(one));
        }
    for (int i = 0; i < cpus; i++, n += one)
        if (read(p[0], &one, sizeof(one)) != sizeof(one))
            err(1, "%s", hello);
    while (wait(NULL) > 0)
        ;
    return (double)n * 1e9 / FLOOR_NS;
}

static uint64_t own_cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    uint64_t began_ns, cpu_us;
    double floor;
    size_t count;

    if (argc != 2 + LOAD_ARGUMENTS)
        errx(2, "usage: submit-load " LOAD_USAGE " HELLO");
    load_read(&load.to, argv + 1);
    image_map();
    load.count = load.to.seconds * RATE_MAX;
    load.all = calloc(load.count, sizeof(*load.all));
    if (!load.all)
        err(1, "submissions");
    floor = floor_measure(argv[1 + LOAD_ARGUMENTS]);
    for (size_t i = 0; i < load.count; i++) {
        bundle_sign(&load.all[i], i);
        receipt_ask_sign(&load.all[i]);
    }

    cpu_us = own_cpu_us();
    began_ns = clock_mono_ns();
    load.end_ns = began_ns + load.to.seconds * 1000000000u;
    load_run(load.to.connections, link_run);
    cpu_us = own_cpu_us() - cpu_us;

    count = load.finished;
    printf("billed %lld %zu\n", (long long)receipts_verify(count), count);
    printf("load_cpu_us %llu\n", (unsigned long long)cpu_us);
    qsort(load.all, count, sizeof(*load.all), by_time);
    printf("bench submit.rate %.0f 1/s vfork+exec %.0f\n",
           (double)count * 1e9 / (double)(load.last_ns - began_ns), floor);
    printf("bench submit.p50 %.1f ms\n",
           (double)load.all[count / 2].took_ns / 1e6);
    printf("bench submit.p99 %.1f ms\n",
           (double)load.all[count * 99 / 100].took_ns / 1e6);
    return 0;
}
