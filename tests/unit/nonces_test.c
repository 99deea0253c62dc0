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
    test_shares();
    return 0;
}
