// SPDX-License-Identifier: ISC
// libm: a value of each family, rounding modes, complex numbers.
#include "tests/domain/check.h"

#include <complex.h>
#include <fenv.h>
#include <math.h>

static int near(double got, double want)
{
    return fabs(got - want) <= 4e-15 * fabs(want) + 1e-300;
}

int main(void)
{
    volatile double one = 1, two = 2, half = 0.5;
    CHECK(near(sin(one), 0.8414709848078965));
    CHECK(near(cos(one), 0.5403023058681398));
    CHECK(near(tan(one), 1.5574077246549023));
    CHECK(near(asin(half), 0.5235987755982989));
    CHECK(near(atan2(one, -two), 2.6779450445889870));
    CHECK(near(exp(one), 2.718281828459045));
    CHECK(near(log(two), 0.6931471805599453));
    CHECK(near(log10(two), 0.3010299956639812));
    CHECK(near(pow(two, half), 1.4142135623730951));
    CHECK(near(sqrt(two), 1.4142135623730951));
    CHECK(near(cbrt(two), 1.2599210498948732));
    CHECK(near(sinh(one), 1.1752011936438014));
    CHECK(near(tgamma(half), 1.7724538509055161));
    CHECK(near(erf(half), 0.5204998778130465));
    CHECK(near(hypot(3, 4), 5));
    CHECK(fmod(-7.5, 2) == -1.5 && remainder(-7.5, 2) == 0.5);
    CHECK(fma(two, two, one) == 5 && ldexp(half, 4) == 8);
    CHECK(floor(-1.5) == -2 && ceil(-1.5) == -1 && trunc(-1.5) == -1);
    CHECK(lround(2.5) == 3 && lrint(2.5) == 2);
    CHECK(isnan(sqrt(-one)) && isinf(one / 0.0) && signbit(-0.0));
    CHECK(near(sinf(1.0f), (double)0.84147098f) ||
          fabsf(sinf(1) - .84147098f) < 1e-7f);

    CHECK(fesetround(FE_UPWARD) == 0 && lrint(2.1) == 3);
    CHECK(fesetround(FE_TONEAREST) == 0 && lrint(2.1) == 2);
    feclearexcept(FE_ALL_EXCEPT);
    volatile double inf = one / 0.0;
    CHECK(fetestexcept(FE_DIVBYZERO) && isinf(inf));

    double complex z = cexp(I * M_PI);
    CHECK(near(creal(z), -1) && fabs(cimag(z)) < 1e-15);
    z = (1 + 2 * I) * (3 - I);
    CHECK(creal(z) == 5 && cimag(z) == 5 && near(cabs(3 + 4 * I), 5));
    return 0;
}
