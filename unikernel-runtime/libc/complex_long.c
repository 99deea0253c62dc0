// SPDX-License-Identifier: ISC
/*
 * <complex.h> for long double, by math_long.c: newlib's own are compiled
 * without the declarations of what they call. By the formulas of the books,
 * with the branch cuts of the standard; no care is taken of parts that
 * overflow where the result would not.
 */
#include <complex.h>
#include <math.h>

typedef long double real;
typedef long double complex number;

static number make(real re, real im)
{
    return CMPLXL(re, im);
}

// z * i and z / i, which never touch the signs of zeros by multiplying.
static number by_i(number z)
{
    return make(-cimagl(z), creall(z));
}

static number over_i(number z)
{
    return make(cimagl(z), -creall(z));
}

real cabsl(number z)
{
    return hypotl(creall(z), cimagl(z));
}

real cargl(number z)
{
    return atan2l(cimagl(z), creall(z));
}

number conjl(number z)
{
    return make(creall(z), -cimagl(z));
}

number cprojl(number z)
{
    if (isinf(creall(z)) || isinf(cimagl(z)))
        return make(INFINITY, copysignl(0, cimagl(z)));
    return z;
}

number cexpl(number z)
{
    real size = expl(creall(z)), angle = cimagl(z);
    if (angle == 0)
        return make(size, angle);
    return make(size * cosl(angle), size * sinl(angle));
}

number clogl(number z)
{
    return make(logl(cabsl(z)), cargl(z));
}

number csqrtl(number z)
{
    real re = creall(z), im = cimagl(z), size = cabsl(z);
    if (size == 0)
        return make(0, im);
    real root = sqrtl((size + fabsl(re)) / 2);
    if (re >= 0)
        return make(root, im / (2 * root));
    return make(fabsl(im) / (2 * root), copysignl(root, im));
}

number cpowl(number z, number w)
{
    if (creall(z) == 0 && cimagl(z) == 0)
        return creall(w) == 0 && cimagl(w) == 0 ? 1 : 0;
    return cexpl(w * clogl(z));
}

number csinhl(number z)
{
    real re = creall(z), im = cimagl(z);
    return make(sinhl(re) * cosl(im), coshl(re) * sinl(im));
}

number ccoshl(number z)
{
    real re = creall(z), im = cimagl(z);
    return make(coshl(re) * cosl(im), sinhl(re) * sinl(im));
}

number ctanhl(number z)
{
    real re = creall(z), im = cimagl(z);
    if (fabsl(re) > 40)
        return make(copysignl(1, re), 0 * sinl(2 * im));
    real down = coshl(2 * re) + cosl(2 * im);
    return make(sinhl(2 * re) / down, sinl(2 * im) / down);
}

number csinl(number z)
{
    return over_i(csinhl(by_i(z)));
}

number ccosl(number z)
{
    return ccoshl(by_i(z));
}

number ctanl(number z)
{
    return over_i(ctanhl(by_i(z)));
}

// In the right half, where nothing cancels; it is an odd function.
number casinhl(number z)
{
    int left = signbit(creall(z));
    if (left)
        z = -z;
    number r = clogl(z + csqrtl(z * z + 1));
    return left ? -r : r;
}

number cacoshl(number z)
{
    return clogl(z + csqrtl(z + 1) * csqrtl(z - 1));
}

number catanhl(number z)
{
    return (clogl(1 + z) - clogl(1 - z)) / 2;
}

number casinl(number z)
{
    return over_i(casinhl(by_i(z)));
}

number cacosl(number z)
{
    number r = casinl(z);
    return make(1.57079632679489661923L - creall(r), -cimagl(r));
}

number catanl(number z)
{
    return over_i(catanhl(by_i(z)));
}
