// SPDX-License-Identifier: ISC
// newlib has these under names of its own.
#include <stdio.h>

ssize_t getdelim(char **restrict line, size_t *restrict size, int delimiter,
                 FILE *restrict f)
{
    return __getdelim(line, size, delimiter, f);
}

ssize_t getline(char **restrict line, size_t *restrict size, FILE *restrict f)
{
    return __getdelim(line, size, '\n', f);
}
