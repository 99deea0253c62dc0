// SPDX-License-Identifier: ISC
// Much more output than the console ring holds, in pieces of all sizes.
#include "tests/domain/check.h"

#include <string.h>
#include <unistd.h>

static void all(const char *data, size_t len)
{
    for (ssize_t n; len; data += n, len -= n) {
        n = write(1, data, len);
        CHECK(n > 0);
    }
}

int main(void)
{
    static char text[70000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 64 == 63 ? '\n' : 'a' + i % 26;
    for (size_t len = 1; len < sizeof text; len += len / 2 + 1)
        all(text, len);
    all(text, sizeof text);
    return 0;
}
