// SPDX-License-Identifier: ISC
/*
 * Random bytes: ChaCha20 under a key that each refill replaces with its own
 * first output ("fast key erasure"), so that what was handed out cannot be
 * computed from what is kept. The key starts as the host's seed, mixed with
 * the processor's generator and the time; it takes in the new seed whenever
 * the generation in the control block has changed.
 */
#include "unikernel-runtime/kernel/random.h"
#include "unikernel-runtime/arch/x86_64/cpu.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/lock.h"

#include <string.h>

#define KEY_WORDS   8
#define BLOCK_WORDS 16
#define POOL_BLOCKS 8

static uint32_t key[KEY_WORDS];
static uint32_t pool[POOL_BLOCKS * BLOCK_WORDS];
static size_t pool_left; // bytes not handed out, at the pool's end
static uint64_t generation;
static int seeded;
static struct lock lock; // on all of these

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b, *d = rotate(*d ^ *a, 16);
    *c += *d, *b = rotate(*b ^ *c, 12);
    *a += *b, *d = rotate(*d ^ *a, 8);
    *c += *d, *b = rotate(*b ^ *c, 7);
}

// RFC 8439, section 2.3, with a nonce of zeros.
static void chacha20_block(uint32_t out[BLOCK_WORDS], uint32_t counter)
{
    uint32_t in[BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(in + 4, key, sizeof key);
    in[12] = counter;
    uint32_t x[BLOCK_WORDS];
    memcpy(x, in, sizeof x);
    for (int i = 0; i < 10; i++) {
        quarter(&x[0], &x[4], &x[8], &x[12]);
        quarter(&x[1], &x[5], &x[9], &x[13]);
        quarter(&x[2], &x[6], &x[10], &x[14]);
        quarter(&x[3], &x[7], &x[11], &x[15]);
        quarter(&x[0], &x[5], &x[10], &x[15]);
        quarter(&x[1], &x[6], &x[11], &x[12]);
        quarter(&x[2], &x[7], &x[8], &x[13]);
        quarter(&x[3], &x[4], &x[9], &x[14]);
    }
    for (int i = 0; i < BLOCK_WORDS; i++)
        out[i] = x[i] + in[i];
}

static void key_absorb(const void *material)
{
    uint32_t block[BLOCK_WORDS], words[KEY_WORDS];
    memcpy(words, material, sizeof words);
    for (int i = 0; i < KEY_WORDS; i++)
        key[i] ^= words[i];
    chacha20_block(block, 0);
    memcpy(key, block, sizeof key);
}

static void reseed(void)
{
    const volatile struct hv_control *control = &shared_info->control;
    uint64_t seed[sizeof control->seed / 8];
    do { // a restore in the middle gives a new generation
        generation = control->generation;
        for (size_t i = 0; i < sizeof seed / 8; i++)
            seed[i] = ((const volatile uint64_t *)control->seed)[i];
    } while (generation != control->generation);
    seed[7] = generation; // in place of the stack canary's bytes (thread.c)

    uint64_t local[4] = {cpu_tsc()};
    if (start_info->cpu_features & HV_CPU_RDRAND)
        for (int i = 1; i < 4; i++)
            cpu_rdrand(&local[i]);
    key_absorb(seed);
    key_absorb(seed + 4);
    key_absorb(local);
    pool_left = 0;
    seeded = 1;
}

static void refill(void)
{
    for (int i = 0; i < POOL_BLOCKS; i++)
        chacha20_block(pool + i * BLOCK_WORDS, i);
    memcpy(key, pool, sizeof key);
    memset(pool, 0, sizeof key);
    pool_left = sizeof pool - sizeof key;
}

void random_bytes(void *data, size_t len)
{
    lock_take(&lock);
    if (!seeded || generation != shared_info->control.generation)
        reseed();
    for (char *out = data; len;) {
        if (!pool_left)
            refill();
        size_t n = len < pool_left ? len : pool_left;
        char *from = (char *)pool + sizeof pool - pool_left;
        memcpy(out, from, n);
        memset(from, 0, n);
        pool_left -= n;
        out += n;
        len -= n;
    }
    lock_give(&lock);
}
