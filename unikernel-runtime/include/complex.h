// SPDX-License-Identifier: ISC
// newlib's <complex.h>, and the functions that it has and declares for one
// system only.
#include_next <complex.h>

#ifndef _HOSTEL_COMPLEX_H
#define _HOSTEL_COMPLEX_H

#ifndef CMPLX
#define CMPLX(re, im)  __builtin_complex((double)(re), (double)(im))
#define CMPLXF(re, im) __builtin_complex((float)(re), (float)(im))
#define CMPLXL(re, im) __builtin_complex((long double)(re), (long double)(im))
#endif

long double complex cacoshl(long double complex z);
long double complex cacosl(long double complex z);
long double complex casinhl(long double complex z);
long double complex catanhl(long double complex z);
long double complex ccoshl(long double complex z);
long double complex ccosl(long double complex z);
long double complex cexpl(long double complex z);
long double complex conjl(long double complex z);
long double complex cpowl(long double complex z, long double complex w);
long double complex cprojl(long double complex z);
long double complex csinhl(long double complex z);
long double complex csinl(long double complex z);
long double complex ctanhl(long double complex z);
long double complex ctanl(long double complex z);

#endif
