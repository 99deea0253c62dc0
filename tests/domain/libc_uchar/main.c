// <uchar.h>: characters beyond the first 65,536 are two of UTF-16's.
#include "tests/domain/check.h"

#include <errno.h>
#include <locale.h>
#include <string.h>
#include <uchar.h>

int main(void)
{
    CHECK(setlocale(LC_ALL, "C.UTF-8"));
    const char *text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    static const char16_t expected[] = {'a', 0xe9, 0x20ac, 0xd83d, 0xde00};
    mbstate_t state = {0};
    char back[20];
    size_t n = 0, len = 0, r;
    char16_t c, got[8];
    while ((r = mbrtoc16(&c, text, strlen(text) + 1, &state)) != 0) {
        CHECK(n < 8 && r != (size_t)-1 && r != (size_t)-2);
        got[n++] = c;
        text += r == (size_t)-3 ? 0 : r;
    }
    CHECK(n == 5 && !memcmp(got, expected, sizeof expected));
    state = (mbstate_t){0};
    for (size_t i = 0; i < n; i++) {
        r = c16rtomb(back + len, got[i], &state);
        CHECK(r != (size_t)-1);
        len += r;
    }
    CHECK(len == 10 && !memcmp(back + 6, "\xf0\x9f\x98\x80", 4));
    state = (mbstate_t){0};
    CHECK(c16rtomb(back, 0xd83d, &state) == 0);
    CHECK(c16rtomb(back, 'x', &state) == (size_t)-1 && errno == EILSEQ);

    char32_t wide;
    state = (mbstate_t){0};
    CHECK(mbrtoc32(&wide, "\xf0\x9f\x98\x80", 4, &state) == 4 &&
          wide == 0x1f600);
    CHECK(mbrtoc32(&wide, "\xf0\x9f", 2, &state) == (size_t)-2);
    CHECK(c32rtomb(back, 0x1f600, NULL) == 4);
    CHECK(c32rtomb(back, 0x110000, NULL) == (size_t)-1);
    CHECK(c32rtomb(back, 0xd800, NULL) == (size_t)-1);
    return 0;
}
