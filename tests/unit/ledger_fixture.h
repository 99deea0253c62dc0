// SPDX-License-Identifier: ISC
// A ledger in a folder of its own, for the tests of billing.
//
// CHECK stops the test with the place and, if there was one, the library's own
// sentence. Where a test draws random numbers, it says its seed.
#ifndef TESTS_UNIT_LEDGER_FIXTURE_H
#define TESTS_UNIT_LEDGER_FIXTURE_H

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "billing/audit.h"
#include "billing/ledger.h"
#include "billing/receipt.h"

static struct err test_err;

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__,  \
                    __LINE__, #condition, test_err.text);                      \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

#define OK(call) CHECK((call) == 0)
// Refused with this code, by a sentence.
#define REFUSED(call, expected)                                                \
    do {                                                                       \
        test_err.text[0] = '\0';                                               \
        CHECK((call) == -(expected) && test_err.text[0]);                      \
    } while (0)

struct fixture {
    char folder[64];
    char path[80];
    uint8_t node_secret[64];
    struct receipts_key key;
    struct ledger_options options;
    struct ratecard card;
    struct ledger *ledger;
};

// Seconds the tests' clock is at; moves only by hand.
static uint64_t test_now_ns = 1800000000ull * 1000000000;

static inline uint64_t test_clock(void)
{
    return test_now_ns;
}

// 1 a start, 2 per 1000 ns of CPU, 1 per 3 KiB-ms: easy to reckon with.
static const char test_card[] =
    "version = \"test-1\"\n"
    "currency = \"EUR\"\n"
    "rounding = \"half-even\"\n"
    "prices = [\n"
    "  \"sku=start.fee, unit=start, price_nano=1\",\n"
    "  \"sku=build.cpu, unit=ns, price_nano=1\",\n"
    "  \"sku=domain.cpu, unit=ns, price_nano=2, per=1000\",\n"
    "  \"sku=memory.reserved, unit=KiB-ms, price_nano=1, per=3\",\n"
    "  \"sku=memory.peak, unit=KiB-ms, price_nano=1, per=7\",\n"
    "]\n";

static inline void fixture_open(struct fixture *f)
{
    OK(ledger_open(&f->ledger, &f->options, &test_err));
    OK(ledger_begin(f->ledger, &test_err));
    OK(ledger_ratecard_set(f->ledger, &f->card, &test_err));
    OK(ledger_commit(f->ledger, &test_err));
}

static inline void fixture_start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    CHECK(sodium_init() >= 0);
    strcpy(f->folder, "/tmp/hostel-ledger-XXXXXX");
    CHECK(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/ledger.db", f->folder);
    crypto_sign_keypair(f->options.node_id, f->node_secret);
    OK(receipts_key_make(&f->key, f->node_secret, test_now_ns / 1000000000,
                         86400 * 365, &test_err));
    f->options.path = f->path;
    f->options.key = &f->key;
    f->options.clock_ns = test_clock;
    OK(ratecard_parse(&f->card, test_card, strlen(test_card), "test.cfg",
                      &test_err));
    fixture_open(f);
}

static inline void fixture_end(struct fixture *f)
{
    char path[120];

    ledger_close(f->ledger);
    unlink(f->path);
    snprintf(path, sizeof(path), "%s-wal", f->path);
    unlink(path);
    snprintf(path, sizeof(path), "%s-shm", f->path);
    unlink(path);
    CHECK(rmdir(f->folder) == 0);
}

// Identities that differ in their number only.
static inline const uint8_t *id_of(uint64_t n, uint8_t id[LEDGER_ID_SIZE])
{
    memset(id, 0x5a, LEDGER_ID_SIZE);
    memcpy(id, &n, sizeof(n));
    return id;
}

static inline const uint8_t *key_of(uint64_t n, uint8_t key[LEDGER_KEY_SIZE])
{
    memset(key, 0xc5, LEDGER_KEY_SIZE);
    memcpy(key, &n, sizeof(n));
    return key;
}

// One operation in a group of its own; the call names `ledger`.
#define ALONE(f, call)                                                         \
    do {                                                                       \
        OK(ledger_begin((f)->ledger, &test_err));                              \
        OK(call);                                                              \
        OK(ledger_commit((f)->ledger, &test_err));                             \
    } while (0)

static inline void customer_make(struct fixture *f, uint64_t n,
                                 int64_t amount_nano)
{
    uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE];

    key_of(n, key);
    ALONE(f, ledger_account_open(f->ledger, key, "customer", "EUR", 0, NULL,
                                 &test_err));
    if (amount_nano)
        ALONE(f, ledger_credit(f->ledger, id_of(1000000 + n, id), key,
                               amount_nano, NULL, NULL, &test_err));
}

static inline void seal(struct fixture *f)
{
    ALONE(f, ledger_batch_seal(f->ledger, NULL, &test_err));
}

static inline struct account account_of(struct fixture *f, uint64_t customer)
{
    struct account account = {0};
    uint8_t key[LEDGER_KEY_SIZE];

    OK(ledger_account_get(f->ledger, key_of(customer, key), &account,
                          &test_err));
    return account;
}

// A record of `cpu_ns` of CPU and 10 KiB for `cpu_ns` of wall time.
static inline struct usage_record record_of(uint64_t submission, uint64_t seq,
                                            uint64_t cpu_ns)
{
    struct usage_record record = {.seq = seq,
                                  .phase = USAGE_RUN,
                                  .start_ns = test_now_ns,
                                  .end_ns = test_now_ns + cpu_ns};

    id_of(submission, record.submission_id);
    record.usage.starts = seq == 1;
    record.usage.cpu_ns = cpu_ns;
    record.usage.wall_ns = cpu_ns;
    return record;
}

// splitmix64: the same numbers everywhere.
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

#endif
