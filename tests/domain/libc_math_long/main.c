// <math.h> for long double against glibc's: `output` is what this program
// writes on Linux, 16 digits of 19, so that last bits may differ.
#include <fenv.h>
#include <math.h>
#include <stdio.h>

static const long double values[] = {
    0.0L,    -0.0L,   0x1p-70L, 1e-5L,    0.3L,      -0.3L, 0.5L,     0.75L,
    -0.999L, 1.0L,    -1.0L,    1.5L,     2.5L,      -2.5L, 3.7L,     -7.25L,
    10.0L,   100.25L, -700.5L,  11000.3L, 123456.7L, 1e15L, -1e18L,   1e30L,
    1e300L,  1e4000L, 1e-4000L, INFINITY, -INFINITY, NAN,   1 / 3.0L, 2e9L};
#define N (sizeof values / sizeof *values)

// A NaN's sign means nothing.
static void print(long double x)
{
    if (isnan(x))
        printf(" nan");
    else
        printf(" %.16Lg", x);
}

#define ONE(f)                                                                 \
    do {                                                                       \
        printf(#f);                                                            \
        for (size_t i = 0; i < N; i++)                                         \
            print(f(values[i]));                                               \
        printf("\n");                                                          \
    } while (0)

// Where both are exact to what the function promises, and not beyond.
#define ONE_UP_TO(f, most)                                                     \
    do {                                                                       \
        printf(#f);                                                            \
        for (size_t i = 0; i < N; i++)                                         \
            if (!(fabsl(values[i]) > most))                                    \
                print(f(values[i]));                                           \
        printf("\n");                                                          \
    } while (0)

#define TWO(f)                                                                 \
    do {                                                                       \
        printf(#f);                                                            \
        for (size_t i = 0; i < N; i++)                                         \
            for (size_t k = 0; k < N; k++)                                     \
                print(f(values[i], values[k]));                                \
        printf("\n");                                                          \
    } while (0)

#define WHOLE(f)                                                               \
    do {                                                                       \
        printf(#f);                                                            \
        for (size_t i = 0; i < N; i++)                                         \
            if (fabsl(values[i]) < 1e18L)                                      \
                printf(" %lld", (long long)f(values[i]));                      \
        printf("\n");                                                          \
    } while (0)

// Which zero is the larger is left open.
static long double larger(long double x, long double y)
{
    return fmaxl(x, y) + 0.0L;
}

static long double smaller(long double x, long double y)
{
    return fminl(x, y) + 0.0L;
}

int main(void)
{
    ONE(fabsl);
    ONE(floorl);
    ONE(ceill);
    ONE(truncl);
    ONE(roundl);
    ONE(rintl);
    ONE(nearbyintl);
    ONE(sqrtl);
    ONE(cbrtl);
    ONE(logbl);
    ONE(expl);
    ONE(exp2l);
    ONE(expm1l);
    ONE(logl);
    ONE(log2l);
    ONE(log10l);
    ONE(log1pl);
    ONE_UP_TO(sinl, 1e4);
    ONE_UP_TO(cosl, 1e4);
    ONE_UP_TO(tanl, 1e4);
    ONE(asinl);
    ONE(acosl);
    ONE(atanl);
    ONE(sinhl);
    ONE(coshl);
    ONE(tanhl);
    ONE(asinhl);
    ONE(acoshl);
    ONE(atanhl);
    WHOLE(lrintl);
    WHOLE(llrintl);
    WHOLE(lroundl);
    WHOLE(llroundl);
    TWO(copysignl);
    TWO(larger);
    TWO(smaller);
    TWO(fdiml);
    TWO(nextafterl);
    TWO(fmodl);
    TWO(remainderl);
    TWO(atan2l);
    TWO(hypotl);
    printf("powl");
    for (size_t i = 0; i < N; i++)
        for (long double y = -60.5L; y <= 60; y += 3.25L)
            print(powl(values[i], y));
    printf("\nfrexpl");
    for (size_t i = 0; i < N; i++) {
        int e = 0, q = 0;
        long double whole;
        print(frexpl(values[i], &e));
        printf(" %d", isfinite(values[i]) ? e : 0);
        print(modfl(values[i], &whole));
        print(whole);
        print(remquol(values[i], 0.7L, &q));
        print(ldexpl(values[i], 3)), print(scalbnl(values[i], -16000));
        if (isfinite(values[i]) && values[i] != 0)
            printf(" %d", ilogbl(values[i]));
        print(nexttoward((double)values[i], 1.0L));
        print(fmal(values[i], 3.0L, -1.0L));
    }
    printf("\ndown");
    fesetround(FE_DOWNWARD);
    WHOLE(rintl);
    WHOLE(floorl);
    WHOLE(roundl);
    WHOLE(lrintl);
    fesetround(FE_TONEAREST);
    for (size_t i = 0; i < N; i++)
        if (fabsl(values[i]) < 20)
            printf(" %.12Lg %.12Lg %.12Lg", erfl(values[i]), erfcl(values[i]),
                   lgammal(values[i] + 0.01L));
    printf("\n");
    return 0;
}
