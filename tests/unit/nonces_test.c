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

        snprintf(nonce, sizeof(nonce), "%d", i);
        full += nonces_add(n, key, nonce, 100, 50) == -ENOSPC;
    }
    assert(full >= 200 - 64);
    assert(nonces_add(n, key, "a", 200, 100) == -EEXIST);
    assert(nonces_add(n, key, "a", 200, 101) == 0);
    nonces_free(n);
}

int main(void)
{
    assert(sodium_init() >= 0);
    test_nonces();
    return 0;
}
