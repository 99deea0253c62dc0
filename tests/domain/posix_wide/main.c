// SPDX-License-Identifier: ISC
// Wide characters in and out.
#define _GNU_SOURCE
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static int v(FILE *f, int reads, const wchar_t *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int r = reads ? vfwscanf(f, format, ap) : vfwprintf(f, format, ap);
    va_end(ap);
    return r;
}

static int vs(wchar_t *s, size_t len, const wchar_t *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int r = len ? vswprintf(s, len, format, ap) : vswscanf(s, format, ap);
    va_end(ap);
    return r;
}

static int vstd(int reads, const wchar_t *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int r = reads ? vwscanf(format, ap) : vwprintf(format, ap);
    va_end(ap);
    return r;
}

int main(void)
{
    CHECK(setlocale(LC_ALL, "C.UTF-8"));
    FILE *f = fopen("/tmp/w", "w+");
    CHECK(fwide(f, 0) == 0 && fwide(f, 1) > 0);
    CHECK(fputwc(L'ä', f) == L'ä' && putwc(L'€', f) == L'€');
    CHECK(fputws(L"\U0001F600 line\n", f) >= 0);
    CHECK(fwprintf(f, L"%d %ls\n", 42, L"größer") == 10);
    CHECK(v(f, 0, L"%d %ls\n", 43, L"größer") == 10);
    rewind(f);
    CHECK(fgetwc(f) == L'ä' && getwc(f) == L'€');
    CHECK(ungetwc(L'ß', f) == L'ß' && fgetwc(f) == L'ß');
    wchar_t line[32];
    CHECK(fgetws(line, 32, f) && !wcscmp(line, L"\U0001F600 line\n"));
    int n;
    CHECK(fwscanf(f, L"%d %31ls", &n, line) == 2);
    CHECK(n == 42 && !wcscmp(line, L"größer"));
    CHECK(v(f, 1, L"%d %31ls", &n, line) == 2);
    CHECK(n == 43 && !wcscmp(line, L"größer"));
    CHECK(fgetwc(f) == L'\n' && fgetwc(f) == WEOF);
    CHECK(!fclose(f));

    // It is UTF-8 outside.
    int fd = open("/tmp/w", O_RDONLY);
    char bytes[8];
    CHECK(read(fd, bytes, 5) == 5 && !memcmp(bytes, "ä€", 5));
    close(fd);
    f = fopen("/tmp/w", "w");
    CHECK(fputs("\xff\xfe", f) >= 0 && !fclose(f));
    f = fopen("/tmp/w", "r");
    CHECK(fgetwc(f) == WEOF && errno == EILSEQ && ferror(f));
    fclose(f);

    CHECK(vs(line, 32, L"%d-%ls", 7, L"x") == 3 && !wcscmp(line, L"7-x"));
    CHECK(vs(line, 2, L"%d", 1000) < 0);
    wcscpy(line, L"12 word");
    wchar_t word[8];
    CHECK(vs(line, 0, L"%d %7ls", &n, word) == 2 && n == 12);

    wchar_t *made = NULL;
    size_t len = 0;
    f = open_wmemstream(&made, &len);
    CHECK(fputws(L"größe", f) >= 0 && !fclose(f));
    CHECK(len == 5 && !wcscmp(made, L"größe"));
    free(made);

    // Columns of a terminal.
    CHECK(wcwidth(L'a') == 1 && wcwidth(L'漢') == 2 && wcwidth(L'\0') == 0);
    CHECK(wcwidth(L'\x7f') == -1);
    CHECK(wcswidth(L"a漢", 2) == 3 && wcswidth(L"a漢", 1) == 1);

    struct tm tm = {.tm_year = 126, .tm_mon = 10, .tm_mday = 29};
    CHECK(wcsftime(line, 32, L"%Y-%m-%d", &tm) == 10);
    CHECK(!wcscmp(line, L"2026-11-29"));
    CHECK(wcsftime(line, 5, L"%Y-%m-%d", &tm) == 0);

    locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
    CHECK(c && wcsxfrm_l(line, L"abc", 32, c) == 3 && !wcscmp(line, L"abc"));

    // Standard input and output.
    CHECK(getwchar() == L'ö' && getwc(stdin) == L' ');
    CHECK(wscanf(L"%d", &n) == 1 && n == 5);
    CHECK(vstd(1, L"%d", &n) == 1 && n == 6);
    CHECK(putwchar(L'ö') == L'ö' && wprintf(L" %d", 5) == 2);
    CHECK(vstd(0, L" %d\n", 6) == 3);
    return 0;
}
