// SPDX-License-Identifier: ISC
/*
 * The memory functions that everything uses, in place of newlib's, which are
 * several times slower.
 *
 * Short blocks: a few loads that may overlap each other, all of them before
 * the first store, so one code serves memcpy and memmove. Long ones: the
 * processor's own `rep movsb`/`rep stosb`. SSE2 only, which every x86-64 has.
 */
#include <emmintrin.h>
#include <stdint.h>
#include <string.h>

typedef __m128i block; // 16 bytes
#define B sizeof(block)

// From here on the processor's string instructions win.
#define REP_MIN 2048

static inline block load(const void *p)
{
    return _mm_loadu_si128(p);
}

static inline void store(void *p, block b)
{
    _mm_storeu_si128(p, b);
}

// Both ends of an object of T's size up to twice that; the middle overlaps.
#define COPY_ENDS(T)                                                           \
    do {                                                                       \
        T first, last;                                                         \
        __builtin_memcpy(&first, s, sizeof(T));                                \
        __builtin_memcpy(&last, s + n - sizeof(T), sizeof(T));                 \
        __builtin_memcpy(d, &first, sizeof(T));                                \
        __builtin_memcpy(d + n - sizeof(T), &last, sizeof(T));                 \
    } while (0)

static inline void copy_up_to_32(char *d, const char *s, size_t n)
{
    if (n >= 16)
        COPY_ENDS(block);
    else if (n >= 8)
        COPY_ENDS(uint64_t);
    else if (n >= 4)
        COPY_ENDS(uint32_t);
    else if (n >= 2)
        COPY_ENDS(uint16_t);
    else if (n)
        *d = *s;
}

static inline void copy_up_to_128(char *d, const char *s, size_t n)
{
    block a = load(s), b = load(s + B);
    block y = load(s + n - 2 * B), z = load(s + n - B);
    if (n > 64) {
        block c = load(s + 2 * B), e = load(s + 3 * B);
        block w = load(s + n - 4 * B), x = load(s + n - 3 * B);
        store(d + 2 * B, c);
        store(d + 3 * B, e);
        store(d + n - 4 * B, w);
        store(d + n - 3 * B, x);
    }
    store(d, a);
    store(d + B, b);
    store(d + n - 2 * B, y);
    store(d + n - B, z);
}

// The last 64 bytes are loaded first, since the loop may overwrite them.
static void copy_forward(char *d, const char *s, size_t n)
{
    block w = load(s + n - 4 * B), x = load(s + n - 3 * B);
    block y = load(s + n - 2 * B), z = load(s + n - B);
    char *end = d + n;
    for (; d < end - 4 * B; d += 4 * B, s += 4 * B) {
        block a = load(s), b = load(s + B);
        block c = load(s + 2 * B), e = load(s + 3 * B);
        store(d, a);
        store(d + B, b);
        store(d + 2 * B, c);
        store(d + 3 * B, e);
    }
    store(end - 4 * B, w);
    store(end - 3 * B, x);
    store(end - 2 * B, y);
    store(end - B, z);
}

static void copy_backward(char *d, const char *s, size_t n)
{
    block a = load(s), b = load(s + B);
    block c = load(s + 2 * B), e = load(s + 3 * B);
    size_t left = n;
    for (; left > 4 * B; left -= 4 * B) {
        block w = load(s + left - 4 * B), x = load(s + left - 3 * B);
        block y = load(s + left - 2 * B), z = load(s + left - B);
        store(d + left - 4 * B, w);
        store(d + left - 3 * B, x);
        store(d + left - 2 * B, y);
        store(d + left - B, z);
    }
    store(d, a);
    store(d + B, b);
    store(d + 2 * B, c);
    store(d + 3 * B, e);
}

void *memmove(void *to, const void *from, size_t n)
{
    char *d = to;
    const char *s = from;
    if (n <= 32)
        copy_up_to_32(d, s, n);
    else if (n <= 128)
        copy_up_to_128(d, s, n);
    else if ((uintptr_t)d - (uintptr_t)s < n)
        copy_backward(d, s, n);
    else if (n < REP_MIN || (uintptr_t)s - (uintptr_t)d < n)
        copy_forward(d, s, n);
    else
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n)::"memory");
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
    __attribute__((alias("memmove")));

void *memset(void *to, int c, size_t n)
{
    char *d = to;
    uint64_t word = (unsigned char)c * 0x0101010101010101ull;
    if (n >= REP_MIN) {
        __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    } else if (n >= 16) {
        block b = _mm_set1_epi8(c);
        for (char *end = d + n - B; d < end; d += B)
            store(d, b);
        store((char *)to + n - B, b);
    } else if (n >= 8) {
        __builtin_memcpy(d, &word, 8);
        __builtin_memcpy(d + n - 8, &word, 8);
    } else if (n >= 4) {
        __builtin_memcpy(d, &word, 4);
        __builtin_memcpy(d + n - 4, &word, 4);
    } else {
        for (size_t i = 0; i < n; i++)
            d[i] = c;
    }
    return to;
}

// Bit i: byte i of the two blocks differs.
static inline unsigned differ(block a, block b)
{
    return _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) ^ 0xffff;
}

int memcmp(const void *left, const void *right, size_t n)
{
    const unsigned char *a = left, *b = right;
    for (; n >= B; n -= B, a += B, b += B) {
        unsigned where = differ(load(a), load(b));
        if (where) {
            int i = __builtin_ctz(where);
            return a[i] - b[i];
        }
    }
    for (; n; n--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

/*
 * The block that holds *p, whatever of it lies before p made `blank`. An
 * aligned block never crosses into a page that might not be there.
 */
static inline unsigned matches(const block *at, block wanted)
{
    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_load_si128(at), wanted));
}

static inline const block *block_of(const void *p)
{
    return (const block *)((uintptr_t)p & -B);
}

size_t strlen(const char *s)
{
    const block *at = block_of(s);
    block zero = _mm_setzero_si128();
    unsigned found = matches(at, zero) & ~0u << ((uintptr_t)s % B);
    while (!found)
        found = matches(++at, zero);
    return (const char *)at + __builtin_ctz(found) - s;
}

void *memchr(const void *p, int c, size_t n)
{
    if (!n)
        return NULL;
    const char *s = p;
    const char *end =
        (uintptr_t)s > UINTPTR_MAX - n ? (char *)UINTPTR_MAX : s + n;
    const block *at = block_of(s);
    block wanted = _mm_set1_epi8(c);
    unsigned found = matches(at, wanted) & ~0u << ((uintptr_t)s % B);
    while (!found && (const char *)(at + 1) < end)
        found = matches(++at, wanted);
    const char *where = (const char *)at + __builtin_ctz(found | 1u << 16);
    return found && where < end ? (void *)where : NULL;
}

char *strchr(const char *s, int c)
{
    const block *at = block_of(s);
    block wanted = _mm_set1_epi8(c), zero = _mm_setzero_si128();
    unsigned from = ~0u << ((uintptr_t)s % B);
    for (;; at++, from = ~0u) {
        unsigned found = (matches(at, wanted) | matches(at, zero)) & from;
        if (found) {
            char *where = (char *)at + __builtin_ctz(found);
            return *where == (char)c ? where : NULL;
        }
    }
}
