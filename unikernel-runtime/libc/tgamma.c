// SPDX-License-Identifier: ISC
// newlib's gamma functions but for their poles, where they say infinity and
// POSIX says not a number.
#include <errno.h>
#include <math.h>

double __ieee754_gamma_r(double x, int *sign);
float __ieee754_gammaf_r(float x, int *sign);

double tgamma(double x)
{
    int sign = 1;
    if (x < 0 && rint(x) == x) {
        errno = EDOM;
        return NAN;
    }
    double y = __ieee754_gamma_r(x, &sign);
    if (isinf(y) && !isinf(x))
        errno = ERANGE;
    return sign < 0 ? -y : y;
}

float tgammaf(float x)
{
    int sign = 1;
    if (x < 0 && rintf(x) == x) {
        errno = EDOM;
        return NAN;
    }
    float y = __ieee754_gammaf_r(x, &sign);
    if (isinf(y) && !isinf(x))
        errno = ERANGE;
    return sign < 0 ? -y : y;
}
