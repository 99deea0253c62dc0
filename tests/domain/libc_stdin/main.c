// SPDX-License-Identifier: ISC
// Standard input: more than the ring holds, to its end.
#include "tests/domain/check.h"

int main(void)
{
    long lines = 0, sum = 0, n;
    while (scanf("%ld", &n) == 1) {
        lines++;
        sum += n;
    }
    CHECK(feof(stdin));
    printf("%ld numbers, sum %ld\n", lines, sum);
    return 0;
}
