// <math.h> and <complex.h> for double and float against glibc's: `output` is
// what this program writes on Linux, with so many digits that the last bits
// may differ.
#define _GNU_SOURCE
#include <complex.h>
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// volatile: not at compile time, not by another program's library.
static volatile double values[] = {
    0.0,  1e-8, 0.1,  0.5,  0.9,   1.0,    1.5,  2.0,      2.5,
    3.7,  7.25, 10.0, 25.5, 100.0, -1e-8,  -0.1, -0.5,     -0.9,
    -1.0, -1.5, -2.5, -3.7, -25.5, -100.0, 1e10, INFINITY, NAN};
#define N (sizeof values / sizeof *values)

static void print(double x, int digits)
{
    if (isnan(x))
        printf(" nan");
    else if (fabs(x) < 1e-300)
        printf(" 0");
    else
        printf(" %.*g", digits, x);
}

#define D1(name)                                                               \
    do {                                                                       \
        printf(#name);                                                         \
        for (size_t i = 0; i < N; i++)                                         \
            print(name(values[i]), 11);                                        \
        printf("\n" #name "f");                                                \
        for (size_t i = 0; i < N; i++)                                         \
            print(name##f((float)values[i]), 5);                               \
        printf("\n");                                                          \
    } while (0)

#define D2(name)                                                               \
    do {                                                                       \
        printf(#name);                                                         \
        for (size_t i = 0; i < N; i += 2)                                      \
            for (size_t k = 0; k < N; k += 3)                                  \
                print(name(values[i], values[k]), 12);                         \
        printf("\n" #name "f");                                                \
        for (size_t i = 0; i < N; i += 2)                                      \
            for (size_t k = 0; k < N; k += 3)                                  \
                print(name##f(values[i], values[k]), 4);                       \
        printf("\n");                                                          \
    } while (0)

#define TO_INT(name)                                                           \
    do {                                                                       \
        printf(#name);                                                         \
        for (size_t i = 0; i < N; i++)                                         \
            if (fabs(values[i]) < 1e6)                                         \
                printf(" %lld %lld", (long long)name(values[i]),               \
                       (long long)name##f(values[i]));                         \
        printf("\n");                                                          \
    } while (0)

#define Z1(name)                                                               \
    do {                                                                       \
        printf(#name);                                                         \
        for (size_t i = 0; i < sizeof z / sizeof *z; i++) {                    \
            double complex r = name(z[i]);                                     \
            float complex s = name##f(z[i]);                                   \
            long double complex t = name##l(z[i]);                             \
            print(creal(r), 11), print(cimag(r), 11);                          \
            print(crealf(s), 4), print(cimagf(s), 4);                          \
            print(creall(t), 11), print(cimagl(t), 11);                        \
        }                                                                      \
        printf("\n");                                                          \
    } while (0)

static void one(void)
{
    D1(sin);
    D1(cos);
    D1(tan);
    D1(asin);
    D1(acos);
    D1(atan);
    D1(sinh);
    D1(cosh);
    D1(tanh);
    D1(asinh);
    D1(acosh);
    D1(atanh);
    D1(exp);
    D1(exp2);
    D1(expm1);
    D1(log);
    D1(log2);
    D1(log10);
    D1(log1p);
    D1(sqrt);
    D1(cbrt);
    D1(erf);
    D1(erfc);
    D1(lgamma);
    D1(tgamma);
    D1(floor);
    D1(ceil);
    D1(trunc);
    D1(round);
    D1(rint);
    D1(nearbyint);
    D1(fabs);
    D1(logb);
    TO_INT(lrint);
    TO_INT(llrint);
    TO_INT(lround);
    TO_INT(llround);
}

static void two(void)
{
    D2(pow);
    D2(atan2);
    D2(fmod);
    D2(remainder);
    D2(hypot);
    D2(fdim);
    D2(copysign);
    printf("parts");
    for (size_t i = 0; i < N; i++) {
        double x = values[i], whole;
        float wholef;
        int e, q;
        if (!isfinite(x))
            continue;
        print(frexp(x, &e), 13), printf(" %d", e);
        print(frexpf(x, &e), 6), printf(" %d", e);
        print(modf(x, &whole), 10), print(whole, 13);
        print(modff(x, &wholef), 5), print(wholef, 6);
        print(ldexp(x, 3), 13), print(ldexpf(x, -3), 6);
        print(scalbn(x, 5), 13), print(scalbnf(x, 5), 6);
        print(scalbln(x, -5), 13), print(scalblnf(x, -5), 6);
        print(remquo(x, 0.7, &q), 10), printf(" %d", q & 7);
        print(remquof(x, 0.75f, &q), 4), printf(" %d", q & 7);
        print(fma(x, 3.0, -1.0), 13), print(fmaf(x, 3.0f, -1.0f), 5);
        print(nextafter(x, 8.0) - x, 5), print(nextafterf(x, 8.0f), 6);
        print(nexttoward(x, 8.0L) - x, 5), print(nexttowardf(x, 8.0L), 6);
        print(fmax(x, 1.25), 13), print(fmin(x, 1.25), 13);
        print(fmaxf(x, 1.25f), 6), print(fminf(x, 1.25f), 6);
        if (x != 0)
            printf(" %d %d", ilogb(x), ilogbf(x));
    }
    printf("\nbessel");
    for (double x = 0.5; x < 20; x += 1.7) {
        print(j0(x), 9), print(j1(x), 9), print(jn(2, x), 9);
        print(y0(x), 9), print(y1(x), 9), print(yn(3, x), 9);
    }
    printf("\nclass");
    for (size_t i = 0; i < N; i++)
        printf(" %d%d%d%d%d", !!isnan(values[i]), !!isinf(values[i]),
               !!isfinite(values[i]), !!isnormal(values[i]),
               isnan(values[i]) ? 0 : !!signbit(values[i]));
    printf(" %d %d %d\n", isnan(nan("")), isnan(nanf("")), isnan(nanl("")));
}

static void complex_numbers(void)
{
    static const double complex z[] = {0.5 + 0.25 * I, -1.5 + 2.0 * I,
                                       3.0 - 0.5 * I, -0.75 - 0.75 * I};
    Z1(csin);
    Z1(ccos);
    Z1(ctan);
    Z1(casin);
    Z1(cacos);
    Z1(catan);
    Z1(csinh);
    Z1(ccosh);
    Z1(ctanh);
    Z1(casinh);
    Z1(cacosh);
    Z1(catanh);
    Z1(cexp);
    Z1(clog);
    Z1(csqrt);
    Z1(conj);
    Z1(cproj);
    printf("size");
    for (size_t i = 0; i < sizeof z / sizeof *z; i++) {
        print(cabs(z[i]), 12), print(cabsf((float complex)z[i]), 5),
            print(cabsl(z[i]), 12);
        print(carg(z[i]), 12), print(cargf(z[i]), 5), print(cargl(z[i]), 12);
        double complex p = cpow(z[i], z[0]);
        float complex pf = cpowf(z[i], z[0]);
        long double complex pl = cpowl(z[i], z[0]);
        print(creal(p), 10), print(cimag(p), 10), print(crealf(pf), 4);
        print(cimagf(pf), 4), print(creall(pl), 10), print(cimagl(pl), 10);
    }
    printf("\n");
}

static void rounding(void)
{
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD,
                                FE_TOWARDZERO};
    fenv_t env;
    fexcept_t flags;
    printf("fenv");
    for (int i = 0; i < 4; i++) {
        fesetround(modes[i]);
        volatile double x = 2.5, y = -2.5;
        long a = lrint(x), b = lrint(y);
        int is = fegetround() == modes[i];
        fesetround(FE_TONEAREST);
        printf(" %ld %ld %d", a, b, is);
    }
    feclearexcept(FE_ALL_EXCEPT);
    volatile double zero = 0, one = 1, r = one / zero;
    printf(" %d", fetestexcept(FE_ALL_EXCEPT) == FE_DIVBYZERO);
    fegetexceptflag(&flags, FE_DIVBYZERO);
    feholdexcept(&env);
    printf(" %d", fetestexcept(FE_ALL_EXCEPT) == 0);
    feraiseexcept(FE_INVALID);
    feupdateenv(&env);
    printf(" %d", fetestexcept(FE_INVALID | FE_DIVBYZERO) ==
                      (FE_INVALID | FE_DIVBYZERO));
    feclearexcept(FE_ALL_EXCEPT);
    fesetexceptflag(&flags, FE_DIVBYZERO);
    printf(" %d", fetestexcept(FE_ALL_EXCEPT) == FE_DIVBYZERO);
    fegetenv(&env), fesetenv(FE_DFL_ENV);
    printf(" %d\n", isinf(r));
}

static void whole_numbers(void)
{
    div_t d = div(-7, 2);
    ldiv_t l = ldiv(-7, 2);
    lldiv_t ll = lldiv(7, -2);
    printf("whole %d %d %ld %ld %lld %lld %d %ld %lld\n", d.quot, d.rem, l.quot,
           l.rem, ll.quot, ll.rem, abs(-3), labs(-4), llabs(-5));
}

int main(void)
{
    one();
    two();
    complex_numbers();
    rounding();
    whole_numbers();
    return 0;
}
