// SPDX-License-Identifier: ISC
// Formatted output and input, with what C99 added.
#include "tests/domain/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

static void formats(const char *want, const char *format, ...)
{
    char got[200];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(got, sizeof got, format, ap);
    va_end(ap);
    if (strcmp(got, want) || n != (int)strlen(want)) {
        printf("%s gave \"%s\", not \"%s\"\n", format, got, want);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    formats("-0042|ff|377|0x1f", "%05d|%x|%o|%#x", -42, 255, 255, 31);
    formats("   right|left    |", "%8s|%-8s|", "right", "left");
    formats("18446744073709551615 -1", "%llu %zd", ~0ull, (size_t)-1);
    formats("7 8 9", "%hhd %" PRId64 " %jd", (char)7, INT64_C(8), (intmax_t)9);
    formats("3.14159 1e+10 inf nan", "%g %g %f %f", 3.14159, 1e10, 1.0 / 0.0,
            __builtin_nan(""));
    formats("0x1.8p+1 2.50", "%a %.2f", 3.0, 2.5);
    formats("1.25000000000000000000", "%.20Lf", 1.25L);
    formats("b a", "%2$s %1$s", "a", "b");
    formats("wide", "%ls", L"wide");

    CHECK(argc == 2);
    int a, n;
    unsigned b;
    double d;
    char word[8];
    CHECK(sscanf("12 ff 2.5 word", "%d %x %lf %7s%n", &a, &b, &d, word, &n) ==
          4);
    CHECK(a == 12 && b == 255 && d == 2.5 && !strcmp(word, "word") && n == 14);
    CHECK(sscanf("abc123", "%*[a-z]%d", &a) == 1 && a == 123);
    CHECK(snprintf(word, sizeof word, "%s", argv[1]) == 15);
    CHECK(!strcmp(word, "too lon"));

    puts("puts");
    printf("%s %d\n", "printf", 1);
    fputs("stderr goes to the console too\n", stderr);
    return 0;
}
