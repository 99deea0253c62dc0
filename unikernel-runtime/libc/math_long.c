// SPDX-License-Identifier: ISC
/*
 * <math.h> for long double, by the x87 unit, whose format it is: what the
 * processor computes itself is right to the last bit or nearly; the rest is
 * put together from that. Sines lose digits as angles grow, since the unit's
 * pi has 66 bits. erfl, erfcl, lgammal and tgammal are as exact as
 * double.
 *
 * Compiled without builtins, or gcc would make a function of itself.
 */
#include <errno.h>
#include <fenv.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef long double real;

#define INF       ((real)__builtin_inf())
#define NOT       ((real)__builtin_nan(""))
#define LN2       0xb.17217f7d1cf79acp-4L
#define PI        0xc.90fdaa22168c235p-2L
#define IS_NAN(x) ((x) != (x))

union bits {
    real value;
    struct {
        uint64_t mantissa;
        uint16_t exponent; // and sign
    };
};

#define EXPONENT_BIAS 16383
#define EXPONENT_MASK 0x7fff

static int negative(real x)
{
    return (union bits){x}.exponent >> 15;
}

static int exponent_of(real x)
{
    return (union bits){x}.exponent & EXPONENT_MASK;
}

static int is_finite(real x)
{
    return exponent_of(x) != EXPONENT_MASK;
}

// ----------------------------------------------------------------- rounding

real fabsl(real x)
{
    __asm__("fabs" : "+t"(x));
    return x;
}

real copysignl(real x, real sign)
{
    x = fabsl(x);
    return negative(sign) ? -x : x;
}

// By the mode that is set: nearest, unless the program changed it.
real rintl(real x)
{
    __asm__("frndint" : "+t"(x));
    return x;
}

enum { NEAREST = 0, DOWN = 0x400, UP = 0x800, TO_ZERO = 0xc00 };

static real round_by(real x, unsigned mode)
{
    uint16_t old, new;
    __asm__ volatile("fnstcw %0" : "=m"(old));
    new = (old & ~0xc00) | mode;
    __asm__ volatile("fldcw %1; frndint; fldcw %2"
                     : "+t"(x)
                     : "m"(new), "m"(old));
    return x;
}

real floorl(real x)
{
    return round_by(x, DOWN);
}

real ceill(real x)
{
    return round_by(x, UP);
}

real truncl(real x)
{
    return round_by(x, TO_ZERO);
}

// Does not tell that the result is not exact.
real nearbyintl(real x)
{
    fenv_t before;
    feholdexcept(&before);
    x = rintl(x);
    fesetenv(&before);
    return x;
}

// Halves away from zero.
real roundl(real x)
{
    real whole = truncl(x);
    if (fabsl(x - whole) >= 0.5L)
        whole += negative(x) ? -1 : 1;
    return copysignl(whole, x);
}

long long llrintl(real x)
{
    long long n;
    __asm__("fistpll %0" : "=m"(n) : "t"(x) : "st");
    return n;
}

long lrintl(real x)
{
    return llrintl(x);
}

long long llroundl(real x)
{
    return llrintl(roundl(x));
}

long lroundl(real x)
{
    return llroundl(x);
}

real modfl(real x, real *whole)
{
    *whole = truncl(x);
    return copysignl(is_finite(x) ? x - *whole : IS_NAN(x) ? x : 0, x);
}

real sqrtl(real x)
{
    if (x < 0)
        errno = EDOM;
    __asm__("fsqrt" : "+t"(x));
    return x;
}

// ------------------------------------------------------------- parts, scale

real scalblnl(real x, long n)
{
    real by = n > 100000 ? 100000 : n < -100000 ? -100000 : n;
    __asm__("fscale" : "+t"(x) : "u"(by));
    return x;
}

real scalbnl(real x, int n)
{
    return scalblnl(x, n);
}

real ldexpl(real x, int n)
{
    real y = scalblnl(x, n);
    if (is_finite(x) && x != 0 && (!is_finite(y) || y == 0))
        errno = ERANGE;
    return y;
}

real logbl(real x)
{
    real exponent, mantissa;
    __asm__("fxtract" : "=t"(mantissa), "=u"(exponent) : "0"(x));
    return exponent;
}

int ilogbl(real x)
{
    if (x == 0)
        return FP_ILOGB0;
    if (!is_finite(x))
        return IS_NAN(x) ? FP_ILOGBNAN : INT_MAX;
    return (int)logbl(x);
}

real frexpl(real x, int *exponent)
{
    *exponent = 0;
    if (x == 0 || !is_finite(x))
        return x;
    *exponent = ilogbl(x) + 1;
    return scalbnl(x, -*exponent);
}

real nextafterl(real x, real to)
{
    if (IS_NAN(x) || IS_NAN(to))
        return x + to;
    if (x == to)
        return to;
    union bits b = {x};
    if (x == 0) {
        b = (union bits){.mantissa = 1, .exponent = negative(to) << 15};
        return b.value;
    }
    if ((x < to) == !negative(x)) {
        if (++b.mantissa == 0) {
            b.mantissa = 1ull << 63;
            b.exponent++;
        } else if (b.mantissa == 1ull << 63 && !exponent_of(x)) {
            b.exponent++; // the smallest that is normal
        }
    } else {
        if (b.mantissa == 1ull << 63 && exponent_of(x) > 1) {
            b.mantissa = 0;
            b.exponent--;
        } else if (b.mantissa == 1ull << 63) {
            b.exponent--;
        }
        b.mantissa--;
    }
    return b.value;
}

real nexttowardl(real x, real to)
{
    return nextafterl(x, to);
}

double nexttoward(double x, real to)
{
    if (IS_NAN(to))
        return x + to;
    return (real)x == to
               ? (double)to
               : nextafter(x, (real)x < to ? (double)INF : -(double)INF);
}

float nexttowardf(float x, real to)
{
    if (IS_NAN(to))
        return x + to;
    return (real)x == to
               ? (float)to
               : nextafterf(x, (real)x < to ? (float)INF : -(float)INF);
}

// ---------------------------------------------------------------- remainder

// fprem and fprem1 take off at most 63 bits at a time, and leave the last
// three bits of the quotient in the condition codes.
#define REMAINDER(instruction, x, y, codes)                                    \
    do                                                                         \
        __asm__(instruction "; fnstsw %%ax" : "+t"(x), "=a"(codes) : "u"(y));  \
    while (codes & 0x400)

real fmodl(real x, real y)
{
    uint16_t codes;
    REMAINDER("fprem", x, y, codes);
    return x;
}

real remainderl(real x, real y)
{
    uint16_t codes;
    REMAINDER("fprem1", x, y, codes);
    return x;
}

real remquol(real x, real y, int *quotient)
{
    int minus = negative(x) != negative(y);
    uint16_t codes;
    REMAINDER("fprem1", x, y, codes);
    int q = (codes >> 9 & 1) | (codes >> 13 & 2) | (codes >> 6 & 4);
    *quotient = minus ? -q : q;
    return x;
}

// ------------------------------------------------------- the larger of them

real fmaxl(real x, real y)
{
    return IS_NAN(x) || x < y ? y : x;
}

real fminl(real x, real y)
{
    return IS_NAN(x) || x > y ? y : x;
}

real fdiml(real x, real y)
{
    return IS_NAN(x) || IS_NAN(y) ? x + y : x > y ? x - y : 0;
}

/*
 * Dekker's product: `*low` is what rounding x * y to `high` lost. Where the
 * parts would overflow it says that nothing was.
 */
static real product(real x, real y, real *low)
{
    const real split = 0x1p32L + 1;
    real high = x * y;
    *low = 0;
    if (!is_finite(high) || fabsl(x) > 0x1p8000L || fabsl(y) > 0x1p8000L)
        return high;
    real a = x * split, b = y * split;
    real x1 = a - (a - x), x2 = x - x1, y1 = b - (b - y), y2 = y - y1;
    *low = ((x1 * y1 - high) + x1 * y2 + x2 * y1) + x2 * y2;
    return high;
}

// Rounded once, but for the last bit where the sum itself is in the middle.
real fmal(real x, real y, real z)
{
    real low, high = product(x, y, &low);
    real sum = high + z, part = sum - high;
    if (!is_finite(sum))
        return sum;
    return sum + (((high - (sum - part)) + (z - part)) + low);
}

// ------------------------------------------------------- powers, logarithms

static real log2_times(real factor, real x) // factor * log2(x)
{
    real y;
    __asm__("fyl2x" : "=t"(y) : "0"(x), "u"(factor) : "st(1)");
    return y;
}

static real log_checked(real factor, real x)
{
    if (x < 0)
        errno = EDOM;
    if (x == 0)
        errno = ERANGE;
    return log2_times(factor, x);
}

real log2l(real x)
{
    return log_checked(1, x);
}

real logl(real x)
{
    return log_checked(LN2, x);
}

real log10l(real x)
{
    return log_checked(0x9.a209a84fbcff799p-5L, x); // log10(2)
}

real log1pl(real x)
{
    if (fabsl(x) > 0.29L)
        return logl(1 + x);
    real y, ln2 = LN2;
    __asm__("fyl2xp1" : "=t"(y) : "0"(x), "u"(ln2) : "st(1)");
    return y;
}

static real exp2_minus_1(real x) // |x| <= 1
{
    __asm__("f2xm1" : "+t"(x));
    return x;
}

real exp2l(real x)
{
    if (!is_finite(x))
        return IS_NAN(x) || x > 0 ? x : 0;
    real whole = rintl(x);
    real y =
        scalblnl(exp2_minus_1(x - whole) + 1, whole < -40000  ? -40000
                                              : whole > 40000 ? 40000
                                                              : (long)whole);
    if (!is_finite(y) || y == 0)
        errno = ERANGE;
    return y;
}

#define LOG2E     0xb.8aa3b295c17f0bcp-3L
#define LOG2E_LOW -0x1.05e004be5b8b05ep-65L // log2(e) has this besides

real expl(real x)
{
    if (!is_finite(x) || fabsl(x) > 12000)
        return exp2l(x * LOG2E);
    real low, high = product(x, LOG2E, &low), whole = rintl(high);
    real rest = (high - whole) + (low + x * LOG2E_LOW);
    return scalblnl(exp2_minus_1(rest) + 1, (long)whole);
}

real expm1l(real x)
{
    if (fabsl(x) > 0.34L)
        return expl(x) - 1;
    return exp2_minus_1(x * LOG2E);
}

static int is_whole(real x)
{
    return rintl(x) == x;
}

static int is_odd(real x)
{
    return is_whole(x) && fabsl(x) < 0x1p64L && fmodl(x, 2) != 0;
}

// log2(x) is found in two parts, so that a large power keeps its digits.
static real pow_positive(real x, real y)
{
    int exponent;
    real part = frexpl(x, &exponent);
    if (part < 0.70710678118654752440L) {
        part *= 2;
        exponent--;
    }
    real low, high = product(y, log2_times(1, part), &low);
    real by, all = product(y, exponent, &by);
    real sum = all + high;
    if (fabsl(sum) > 20000 || !is_finite(sum))
        return exp2l(sum);
    real whole = rintl(sum);
    real rest = ((all - whole) + high) + (low + by);
    if (fabsl(rest) > 1) {
        whole += rintl(rest);
        rest = ((all - whole) + high) + (low + by);
    }
    return scalblnl(exp2_minus_1(rest) + 1, (long)whole);
}

real powl(real x, real y)
{
    if (y == 0 || x == 1)
        return 1;
    if (IS_NAN(x) || IS_NAN(y))
        return x + y;
    if (!is_finite(y)) {
        real size = fabsl(x);
        return size == 1 ? 1 : (size > 1) == !negative(y) ? INF : 0;
    }
    if (x < 0 && is_finite(x) && !is_whole(y)) {
        errno = EDOM;
        return NOT;
    }
    int minus = negative(x) && is_odd(y);
    x = fabsl(x);
    real r;
    if (x == 0 || !is_finite(x))
        r = (x == 0) == !negative(y) ? 0 : INF;
    else
        r = pow_positive(x, y);
    if (!is_finite(r) || (r == 0 && x != 0 && is_finite(x)))
        errno = ERANGE;
    return minus ? -r : r;
}

real cbrtl(real x)
{
    if (x == 0 || !is_finite(x))
        return x;
    int exponent;
    real part = frexpl(fabsl(x), &exponent);
    int shift = ((exponent % 3) + 3) % 3;
    part = scalbnl(part, shift);
    real r = cbrt((double)part); // and two steps of Newton's
    r -= (r * r * r - part) / (3 * r * r);
    r -= (r * r * r - part) / (3 * r * r);
    return copysignl(scalbnl(r, (exponent - shift) / 3), x);
}

real hypotl(real x, real y)
{
    x = fabsl(x), y = fabsl(y);
    if (x == INF || y == INF)
        return INF;
    real large = fmaxl(x, y), small = fminl(x, y);
    if (IS_NAN(x) || IS_NAN(y))
        return x + y;
    if (large == 0)
        return 0;
    int exponent = ilogbl(large);
    large = scalbnl(large, -exponent), small = scalbnl(small, -exponent);
    return ldexpl(sqrtl(large * large + small * small), exponent);
}

// ------------------------------------------------------------------- angles

/*
 * The processor takes angles below 2^63 and brings them near zero with a pi
 * of 66 bits. Larger ones are brought near before, by that same pi.
 */
static real near(real x)
{
    return fabsl(x) < 0x1p62L ? x : fmodl(x, 2 * PI);
}

real sinl(real x)
{
    if (!is_finite(x))
        return x - x;
    x = near(x);
    __asm__("fsin" : "+t"(x));
    return x;
}

real cosl(real x)
{
    if (!is_finite(x))
        return x - x;
    x = near(x);
    __asm__("fcos" : "+t"(x));
    return x;
}

real tanl(real x)
{
    if (!is_finite(x))
        return x - x;
    real one;
    x = near(x);
    __asm__("fptan" : "=t"(one), "=u"(x) : "0"(x));
    return x;
}

real atan2l(real y, real x)
{
    real r;
    __asm__("fpatan" : "=t"(r) : "0"(x), "u"(y) : "st(1)");
    return r;
}

real atanl(real x)
{
    return atan2l(x, 1);
}

static real out_of_domain(real x)
{
    if (IS_NAN(x))
        return x;
    errno = EDOM;
    return NOT;
}

real asinl(real x)
{
    return fabsl(x) <= 1 ? atan2l(x, sqrtl((1 - x) * (1 + x)))
                         : out_of_domain(x);
}

real acosl(real x)
{
    return fabsl(x) <= 1 ? atan2l(sqrtl((1 - x) * (1 + x)), x)
                         : out_of_domain(x);
}

// --------------------------------------------------------------- hyperbolic

real sinhl(real x)
{
    if (fabsl(x) > 11000)
        return copysignl(expl(fabsl(x) / 2) * (expl(fabsl(x) / 2) / 2), x);
    real e = expm1l(fabsl(x));
    return copysignl((e + e / (e + 1)) / 2, x);
}

real coshl(real x)
{
    x = fabsl(x);
    if (x > 11000)
        return expl(x / 2) * (expl(x / 2) / 2);
    real e = expl(x);
    return (e + 1 / e) / 2;
}

real tanhl(real x)
{
    if (fabsl(x) > 40)
        return IS_NAN(x) ? x : copysignl(1, x);
    real e = expm1l(2 * fabsl(x));
    return copysignl(e / (e + 2), x);
}

real asinhl(real x)
{
    real a = fabsl(x);
    if (x == 0 || !is_finite(x))
        return x;
    if (a > 0x1p40L)
        return copysignl(logl(a) + LN2, x);
    return copysignl(log1pl(a + a * a / (1 + sqrtl(a * a + 1))), x);
}

real acoshl(real x)
{
    if (!(x >= 1))
        return out_of_domain(x);
    if (x > 0x1p40L)
        return logl(x) + LN2;
    real t = x - 1;
    return log1pl(t + sqrtl(2 * t + t * t));
}

real atanhl(real x)
{
    real a = fabsl(x);
    if (a == 1) {
        errno = ERANGE;
        return copysignl(INF, x);
    }
    if (!(a < 1))
        return out_of_domain(x);
    return copysignl(log1pl(2 * a / (1 - a)) / 2, x);
}

// -------------------------------------------------------- as exact as double

real erfl(real x)
{
    if (fabsl(x) < 0x1p-200L)
        return x * 0x9.06eba8214db688dp-3L; // 2 / sqrt(pi)
    return erf((double)x);
}

real erfcl(real x)
{
    return erfc((double)x);
}

real lgammal(real x)
{
    return lgamma((double)x);
}

real tgammal(real x)
{
    return tgamma((double)x);
}
