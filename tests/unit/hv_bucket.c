// SPDX-License-Identifier: ISC
// Token buckets against the arithmetic they stand for.

#include "hypervisor/dev/bucket.h"

#include "tests/unit/lib_check.h"

#define S 1000000000ul

static void test_no_limit(void)
{
    struct bucket b;

    bucket_init(&b, 0, 0);
    for (int i = 0; i < 1000; i++) {
        CHECK(bucket_open(&b, 5));
        bucket_take(&b, UINT64_MAX, 5);
    }
    CHECK(bucket_opens_ns(&b) == 0);
}

// A full bucket gives its burst at once and the rate afterwards.
static void test_burst(void)
{
    uint64_t now = 1000 * S, n = 0;
    struct bucket b;

    bucket_init(&b, 100, 10);
    while (bucket_open(&b, now)) {
        bucket_take(&b, 1, now);
        n++;
    }
    CHECK(n == 10);
    CHECK(bucket_opens_ns(&b) > now && bucket_opens_ns(&b) <= now + S / 100);
    CHECK(!bucket_open(&b, bucket_opens_ns(&b) - 1));
    CHECK(bucket_open(&b, bucket_opens_ns(&b)));
    // A long rest does not make more of it.
    now += 3600 * S;
    for (n = 0; bucket_open(&b, now); n++)
        bucket_take(&b, 1, now);
    CHECK(n == 10);
}

// Requests larger than the burst pass, and the rate holds over time.
static void test_debt(void)
{
    uint64_t now = 7, bytes = 0;
    struct bucket b;

    bucket_init(&b, 1 << 20, 1 << 12);
    while (now < 100 * S) {
        if (!bucket_open(&b, now)) {
            CHECK(bucket_opens_ns(&b) > now);
            now = bucket_opens_ns(&b);
            CHECK(bucket_open(&b, now));
        }
        bucket_take(&b, 1 << 20, now);
        bytes += 1 << 20;
    }
    CHECK(bytes >= 100ul << 20 && bytes <= 102ul << 20);
}

static void test_extremes(void)
{
    static const uint64_t rates[] = {1,     3,         1000,      S,
                                     7 * S, INT64_MAX, UINT64_MAX};

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct bucket b;
        uint64_t now = S;

        bucket_init(&b, rates[i], i % 2 ? UINT64_MAX : 1);
        for (int n = 0; n < 100; n++) {
            bucket_take(&b, UINT64_MAX, now);
            if (!bucket_open(&b, now))
                CHECK(bucket_opens_ns(&b) > now);
            now += S;
        }
    }
}

int main(void)
{
    test_no_limit();
    test_burst();
    test_debt();
    test_extremes();
    return 0;
}
