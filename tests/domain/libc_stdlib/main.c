// SPDX-License-Identifier: ISC
// Sorting, searching, numbers, strings, the environment, regular expressions.
#include "tests/domain/check.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <locale.h>
#include <regex.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

static int ascending(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void sorting(void)
{
    static int v[10000];
    srand(1);
    for (int i = 0; i < 10000; i++)
        v[i] = rand() % 5000;
    qsort(v, 10000, sizeof *v, ascending);
    for (int i = 1; i < 10000; i++)
        CHECK(v[i - 1] <= v[i]);
    int key = v[1234], *found = bsearch(&key, v, 10000, sizeof *v, ascending);
    CHECK(found && *found == key);
}

static void numbers(void)
{
    char *end;
    CHECK(strtol("-0x10z", &end, 0) == -16 && *end == 'z');
    errno = 0;
    CHECK(strtoul("99999999999999999999", NULL, 10) == ULONG_MAX);
    CHECK(errno == ERANGE);
    CHECK(strtod("0x1.8p1", NULL) == 3 && atof("1e-3") == 0.001);
    CHECK(strtold("0.5", NULL) == 0.5L);
    div_t d = div(-7, 2);
    CHECK(d.quot == -3 && d.rem == -1);
}

static void strings(void)
{
    char s[32] = "one,two,,three", *save;
    CHECK(!strcmp(strtok_r(s, ",", &save), "one"));
    CHECK(!strcmp(strtok_r(NULL, ",", &save), "two"));
    CHECK(!strcmp(strtok_r(NULL, ",", &save), "three"));
    CHECK(!strtok_r(NULL, ",", &save));
    CHECK(strstr("haystack with needle", "needle") && strchr("abc", 'c'));
    CHECK(memcmp("abc", "abd", 3) < 0 && strncasecmp("ABC", "abx", 2) == 0);
    CHECK(isalpha('x') && !isalpha('1') && toupper('q') == 'Q');
    CHECK(!strcmp(strerror(ENOENT), "No such file or directory"));

    CHECK(setlocale(LC_CTYPE, "C.UTF-8"));
    wchar_t w[8];
    CHECK(mbstowcs(w, "\xc3\xa9\xe2\x82\xac", 8) == 2);
    CHECK(w[0] == 0xe9 && w[1] == 0x20ac);
}

static void environment(void)
{
    CHECK(!getenv("NOT_THERE"));
    CHECK(setenv("MINE", "1", 1) == 0 && !strcmp(getenv("MINE"), "1"));
    CHECK(unsetenv("MINE") == 0 && !getenv("MINE"));
    CHECK(!system(NULL));
}

static void patterns(void)
{
    regex_t re;
    regmatch_t m[2];
    CHECK(regcomp(&re, "([0-9]+)-x", REG_EXTENDED) == 0);
    CHECK(regexec(&re, "ab 123-x", 2, m, 0) == 0);
    CHECK(m[1].rm_so == 3 && m[1].rm_eo == 6);
    CHECK(regexec(&re, "ab 123-y", 2, m, 0) == REG_NOMATCH);
    regfree(&re);
    CHECK(fnmatch("*.[ch]", "main.c", 0) == 0);
    CHECK(fnmatch("*.[ch]", "main.o", 0) == FNM_NOMATCH);
}

int main(void)
{
    sorting();
    numbers();
    strings();
    environment();
    patterns();
    return 0;
}
