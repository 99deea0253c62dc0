// SPDX-License-Identifier: ISC
// Nonces: none is taken twice while its signature is good, however many come.

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "node-agent/api/nonces.h"

static void test_nonces(void)
{
    struct nonces *n = nonces_new(64);
    uint8_t key[32] = {1};
    int full = 0;

    assert(nonces_add(n, key, "a", 100, 50) == 0);
    assert(nonces_add(n, key, "a", 100, 50) == -EEXIST);
    key[0] = 2;
    assert(nonces_add(n, key, "a", 100, 50) == 0);
    for (int i = 0; i < 200; i++) {
        char nonce[16];

        key[1] = (uint8_t)(i / 4 + 1); // each within its share
        snprintf(nonce, sizeof(nonce), "%d", i);
        full += nonces_add(n, key, nonce, 100, 50) == -ENOSPC;
    }
    assert(full >= 200 - 64);
    key[1] = 0;
    assert(nonces_add(n, key, "a", 200, 100) == -EEXIST);
    assert(nonces_add(n, key, "a", 200, 101) == 0);
    nonces_free(n);
}

// The clock was ahead when the table filled up, and is set back: what came then
// is known as long as there is room, and keeps nobody out.
static void test_set_back(void)
{
    struct nonces *n = nonces_new(64);
    uint64_t now_s = 1000000, ahead_s = now_s + 1000000;
    uint8_t key[32] = {1};
    int taken = 0;

    assert(nonces_add(n, key, "a", ahead_s + 300, ahead_s) == 0);
    assert(nonces_add(n, key, "a", ahead_s + 300, now_s) == -EEXIST);
    for (int i = 0; i < 400; i++) {
        char nonce[16];

        key[1] = (uint8_t)(i / 4 + 1);
        snprintf(nonce, sizeof(nonce), "%d", i);
        nonces_add(n, key, nonce, ahead_s + 300, ahead_s);
    }
    key[0] = 2;
    for (int i = 0; i < 40; i++) {
        char nonce[16];

        key[1] = (uint8_t)(i / 4 + 1);
        snprintf(nonce, sizeof(nonce), "%d", i);
        taken += nonces_add(n, key, nonce, now_s + 300, now_s) == 0;
    }
    assert(taken >= 30); // a set may have more than its ways of these
    key[1] = 1;
    assert(nonces_add(n, key, "0", now_s + 300, now_s) == -EEXIST);
    nonces_free(n);
}

// One key gets a sixteenth, for as long as that is in use.
static void test_shares(void)
{
    struct nonces *n = nonces_new(16384);
    uint8_t ann[32] = {1}, bob[32] = {2};
    uint64_t now_s = 1000000;
    int full = 0;

    for (int i = 0; i < 2000; i++) {
        char nonce[16];
        int r;

        snprintf(nonce, sizeof(nonce), "%d", i);
        r = nonces_add(n, ann, nonce, now_s + 600, now_s);
        assert(r == (i < 1024 ? 0 : -EDQUOT));
        full += r != 0;
    }
    assert(full == 2000 - 1024);
    assert(nonces_add(n, ann, "1", now_s + 600, now_s) == -EEXIST);
    assert(nonces_add(n, bob, "1", now_s + 600, now_s) == 0);
    assert(nonces_add(n, ann, "x", now_s + 1200, now_s + 600) == -EDQUOT);
    assert(nonces_add(n, ann, "x", now_s + 1800, now_s + 1200) == 0);
    nonces_free(n);
}

int main(void)
{
    assert(sodium_init() >= 0);
    test_nonces();
    test_set_back();
    test_shares();
    return 0;
}
