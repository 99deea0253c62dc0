// Compiles as strict C of each year, without a warning.
#include <assert.h>
#include <complex.h>
#include <ctype.h>
#include <errno.h>
#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <iso646.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>
#if __STDC_VERSION__ >= 201112L
#include <stdalign.h>
#include <stdatomic.h>
#include <stdnoreturn.h>
#include <threads.h>
#include <uchar.h>

static atomic_int threads_run;
static thread_local int own = 7;

static int run(void *unused)
{
    (void)unused;
    own++;
    threads_run++;
    return own;
}

static int extra(void)
{
    thrd_t t;
    int result = 0;
    void *p = aligned_alloc(64, 128);
    _Static_assert(alignof(max_align_t) == 16, "as on x86-64");
    if (!p || (uintptr_t)p % 64 || thrd_create(&t, run, NULL) != thrd_success)
        return 0;
    free(p);
    thrd_join(t, &result);
    return result == 8 && own == 7 && threads_run == 1 ? 1 : 0;
}
#else
static int extra(void)
{
    return 1;
}
#endif

int main(void)
{
    char text[64];
    double complex z = 3.0 + 4.0 * I;
    snprintf(text, sizeof text, "%ld %zu %jd", __STDC_VERSION__, sizeof z,
             INTMAX_C(-5));
    puts(text);
    return cabs(z) == 5.0 && extra() ? 0 : 1;
}
