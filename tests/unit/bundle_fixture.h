// SPDX-License-Identifier: ISC
// A small good bundle for the tests to damage.

#ifndef TESTS_BUNDLE_FIXTURE_H
#define TESTS_BUNDLE_FIXTURE_H

#include <sys/stat.h>

#include "node-agent/bundle/bundle.h"
#include "tests/unit/lib_check.h"

#define FIXTURE_FILES 4
#define FIXTURE_NOW   1800000000u

struct fixture {
    struct seckey sk;
    struct manifest m;
    struct manifest_file file[FIXTURE_FILES];
    struct bundle_source from[FIXTURE_FILES];
    const char *arg[2], *env[2], *option[2];
    struct buf bundle;
    size_t head_len; // where the files begin
};

// Signs whatever the manifest now says.
static inline int fixture_write(struct fixture *f, struct err *e)
{
    int fd = memfd_create("bundle", MFD_CLOEXEC), r;

    CHECK(fd >= 0);
    r = bundle_write(fd, &f->m, f->from, &f->sk, e);
    buf_free(&f->bundle);
    f->bundle.max = BUNDLE_MAX;
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(fd_read(fd, "memfd", &f->bundle, NULL) == 0);
    close(fd);
    f->head_len = f->bundle.len - manifest_files_bytes(&f->m);
    return r;
}

static inline void fixture_init(struct fixture *f)
{
    static const char *const path[] = {"main.c", "lib/a.h", "empty.txt",
                                       "data/in.txt"};
    static const char *const text[] = {"int main(void)\n{\n}\n", "int x;\n", "",
                                       "17 19 23\n"};

    *f = (struct fixture){0};
    CHECK_WORKS(key_init(e));
    key_make(&f->sk);
    for (int i = 0; i < FIXTURE_FILES; i++) {
        f->from[i].data = text[i];
        f->file[i] =
            (struct manifest_file){.path = path[i],
                                   .size = strlen(text[i]),
                                   .mode = 0644,
                                   .role = i < 2 ? ROLE_SOURCE : ROLE_DATA};
    }
    f->arg[0] = "100";
    f->arg[1] = "a b\tc";
    f->env[0] = "LANG=C";
    f->env[1] = "X=";
    f->option[0] = "-O2";
    f->option[1] = "-Ilib";
    f->m = (struct manifest){
        .kind = KIND_SOURCE,
        .name = "primes",
        .nargs = 2,
        .nenv = 2,
        .noptions = 2,
        .nfiles = FIXTURE_FILES,
        .arg = f->arg,
        .env = f->env,
        .option = f->option,
        .file = f->file,
        .memory_kib = 32768,
        .cpu_ns = 1000000000,
        .wall_ns = 5000000000,
        .build_cpu_ns = 2000000000,
        .console_bytes = 65536,
        .cost_cap_nano = 50000000,
        .currency = "EUR",
        .not_before_s = FIXTURE_NOW,
        .expires_s = FIXTURE_NOW + 3600,
    };
    memset(f->m.audience, 0xaa, KEY_BYTES);
    memset(f->m.nonce, 0x55, NONCE_BYTES);
    CHECK_WORKS(fixture_write(f, e));
}

static inline void fixture_free(struct fixture *f)
{
    buf_free(&f->bundle);
}

// Reads len bytes as a whole bundle with a handler that takes everything.
static inline int fixture_read(const void *data, size_t len, struct err *e)
{
    static const struct bundle_handler nothing = {0};
    struct bundle_reader *r = bundle_reader_new(&nothing, NULL);
    int n = bundle_reader_feed(r, data, len, e);

    if (n == 0)
        n = bundle_reader_end(r, e);
    bundle_reader_free(r);
    return n;
}

#endif
