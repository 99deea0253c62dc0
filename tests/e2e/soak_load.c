// SPDX-License-Identifier: ISC
// A node's bad day: submissions of many customers, good, bad and malicious,
// handed in over a few connections as fast as they are taken.
//
//     soak-load ADDRESS NODE_ID KEYS IMAGES CONNECTIONS COUNT
//
// KEYS is a folder of NAME.key, one a customer; the first of them by name hands
// in a quarter of all, the others share the rest. A key named "stranger.key"
// has no account and hands in one of fifty beside. IMAGES is the folder of the
// images hello, crash and spinner. Each customer has the same mix, see kinds[].
//
// Prints a line for each: "KIND NAME STATUS ID"; ID is "-" when it was refused.
// Whether the refusals are right is for whoever reads that.

#include <dirent.h>
#include <err.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/bundle.h"
#include "tests/bench/link.h"

#define CUSTOMERS_MAX 256
#define TRIES_MAX     2000 // of one that is to come again later

struct kind {
    const char *name;
    const char *image;  // or
    const char *source; // the text of its main.c
    uint64_t cpu_ns, wall_ns, build_cpu_ns;
    const char *arg;
    enum { WELL, TAMPERED, ELSEWHERE, EXPIRED, GARBAGE } wrong;
    unsigned often; // in a hundred
};

static const struct kind kinds[] = {
    {.name = "hello", .image = "hello", .often = 56},
    {.name = "crash", .image = "crash", .often = 10},
    {.name = "spin",
     .image = "primes",
     .arg = "4000000000",
     .cpu_ns = 20000000,
     .often = 8},
    {.name = "source", .source = "int main(void) { return 5; }\n", .often = 8},
    {.name = "no-program",
     .source = "int main(void) { retur 5; }\n",
     .often = 3},
    {.name = "bomb",
     .source = "#define A(x) x x x x x x x x x x\n"
               "#define B(x) A(A(A(x)))\n"
               "const char t[] = B(B(\"0123456789\"));\n"
               "int main(void) { return t[0]; }\n",
     .build_cpu_ns = 200000000,
     .often = 2},
    {.name = "reads-host",
     .source = "const char t[] = {\n#embed \"/etc/shadow\"\n};\n"
               "__asm__(\".incbin \\\"/etc/shadow\\\"\");\n"
               "int main(void) { return 0; }\n",
     .often = 3},
    {.name = "tampered", .image = "hello", .wrong = TAMPERED, .often = 3},
    {.name = "elsewhere", .image = "hello", .wrong = ELSEWHERE, .often = 3},
    {.name = "expired", .image = "hello", .wrong = EXPIRED, .often = 2},
    {.name = "garbage", .image = "hello", .wrong = GARBAGE, .often = 2},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static struct customer {
    char name[64];
    struct seckey key;
} customer[CUSTOMERS_MAX];
static size_t customers;
static struct customer stranger;
static struct addrinfo *address;
static const char *authority, *images;
static uint8_t node_id[32];
static atomic_size_t next;
static size_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct customer *)a)->name,
                  ((const struct customer *)b)->name);
}

static void keys_read(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *f;
    char path[512];
    struct err e;

    if (!d)
        err(1, "%s", folder);
    while ((f = readdir(d))) {
        struct customer *c = &customer[customers];
        char *dot = strrchr(f->d_name, '.');

        if (!dot || strcmp(dot, ".key"))
            continue;
        *dot = '\0';
        if (!strcmp(f->d_name, "stranger"))
            c = &stranger;
        else if (++customers == CUSTOMERS_MAX)
            errx(1, "too many keys");
        snprintf(c->name, sizeof(c->name), "%.60s", f->d_name);
        snprintf(path, sizeof(path), "%s/%s.key", folder, f->d_name);
        if (seckey_read(path, &c->key, &e) < 0)
            errx(1, "%s", e.text);
    }
    closedir(d);
    qsort(customer, customers, sizeof(*customer), by_name);
    if (!customers)
        errx(1, "%s: no keys", folder);
}

static const struct kind *kind_of(size_t n)
{
    unsigned at = (unsigned)(n * 37 % 100), sum = 0;

    for (size_t i = 0; i < KINDS; i++) {
        sum += kinds[i].often;
        if (at < sum)
            return &kinds[i];
    }
    return &kinds[0];
}

// A whole bundle in memory, which the caller frees.
static uint8_t *bundle_make(const struct kind *k, const struct customer *who,
                            size_t *len)
{
    struct manifest_file file = {.path = k->image ? "image" : "main.c",
                                 .role = k->image ? ROLE_IMAGE : ROLE_SOURCE,
                                 .mode = k->image ? 0755 : 0644};
    uint64_t now_s = clock_real_ns() / 1000000000u;
    struct bundle_source source = {.data = k->source};
    struct manifest m = {.kind = k->image ? KIND_IMAGE : KIND_SOURCE,
                         .name = k->name,
                         .nargs = k->arg != NULL,
                         .arg = (const char *[]){k->arg},
                         .nfiles = 1,
                         .file = &file,
                         .memory_kib = 8192,
                         .cpu_ns = k->cpu_ns ? k->cpu_ns : 5000000000,
                         .wall_ns = 60000000000,
                         .console_bytes = 4096,
                         .currency = "",
                         .not_before_s = now_s,
                         .expires_s = now_s + 3600};
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    char path[512];
    uint8_t *data;
    struct err e;

    if (k->image) {
        snprintf(path, sizeof(path), "%s/%s", images, k->image);
        source = (struct bundle_source){.host_path = path};
    } else {
        file.size = strlen(k->source);
        m.build_cpu_ns = k->build_cpu_ns ? k->build_cpu_ns : 10000000000;
    }
    memcpy(m.audience, node_id, sizeof(m.audience));
    if (k->wrong == ELSEWHERE)
        m.audience[0] ^= 1;
    if (k->wrong == EXPIRED) {
        m.not_before_s = now_s - 7200;
        m.expires_s = now_s - 3600;
    }
    randombytes_buf(m.nonce, sizeof(m.nonce));
    if (fd < 0 || bundle_write(fd, &m, &source, &who->key, &e) < 0)
        errx(1, "signing a bundle: %s", e.text);
    *len = (size_t)lseek(fd, 0, SEEK_END);
    data = malloc(*len);
    if (!data || pread_full(fd, data, *len, 0) != (ssize_t)*len)
        err(1, "a bundle");
    close(fd);
    if (k->wrong == TAMPERED)
        data[*len - 1] ^= 1;
    if (k->wrong == GARBAGE)
        randombytes_buf(data, *len);
    return data;
}

// The status; id receives the submission's number, or "-". A node that cannot
// take it now is asked again, as it says; a connection that it cuts is made
// anew.
static int submit(struct link *l, const uint8_t *bundle, size_t len, char *id)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    char head[256];
    const char *body, *found;
    size_t body_len;
    int status = 0;

    for (int i = 0; i < TRIES_MAX; i++) {
        struct iovec parts[] = {
            {head,
             (size_t)snprintf(head, sizeof(head),
                              "POST /v1/submissions HTTP/1.1\r\nHost: %s\r\n"
                              "Content-Type: " BUNDLE_TYPE "\r\n"
                              "Content-Length: %zu\r\n\r\n",
                              authority, len)},
            {(void *)bundle, len}};

        if (l->fd < 0)
            link_open(l, address, authority);
        link_write(l, parts, 2);
        status = link_read(l, &body, &body_len);
        if (strcasestr(l->data, "\r\nConnection: close\r\n")) {
            close(l->fd);
            l->fd = -1;
        }
        if (status != 429 && status != 503)
            break;
        nanosleep(&pause, NULL);
    }
    strcpy(id, "-");
    found = strstr(body, "\"id\"");
    if (status < 300 && found && (found = strchr(found + 4, '"')))
        snprintf(id, 33, "%.32s", found + 1);
    return status;
}

static const struct customer *customer_of(size_t n)
{
    if (n % 50 == 49)
        return &stranger;
    // A fourth of all is the first one's; the rest goes round.
    if (n % 4 == 3 || customers == 1)
        return &customer[0];
    return &customer[1 + (n / 4 * 3 + n % 4) % (customers - 1)];
}

static void *submit_all(void *arg)
{
    struct link *l = malloc(sizeof(*l));
    char id[33];
    size_t n;

    (void)arg;
    if (!l)
        err(1, "a connection");
    l->fd = -1;
    while ((n = atomic_fetch_add(&next, 1)) < count) {
        const struct customer *who = customer_of(n);
        const struct kind *k = kind_of(n);
        size_t len;
        uint8_t *bundle = bundle_make(k, who, &len);
        int status = submit(l, bundle, len, id);

        free(bundle);
        pthread_mutex_lock(&lock);
        printf("%s %s %d %s\n", k->name, who->name, status, id);
        pthread_mutex_unlock(&lock);
    }
    if (l->fd >= 0)
        close(l->fd);
    free(l);
    return NULL;
}

int main(int argc, char **argv)
{
    struct err e;

    if (argc != 7)
        errx(2, "usage: soak-load ADDRESS NODE_ID KEYS IMAGES CONNECTIONS "
                "COUNT");
    if (key_init(&e) < 0 || pubkey_from_hex(argv[2], node_id, &e) < 0)
        errx(1, "%s", e.text);
    address = address_find(argv[1]);
    authority = argv[1];
    keys_read(argv[3]);
    images = argv[4];
    count = strtoull(argv[6], NULL, 10);
    load_run(atoi(argv[5]), submit_all);
    return 0;
}
