// SPDX-License-Identifier: ISC
// Arguments, which a program may change, and the environment.
#include "tests/domain/check.h"

#include <string.h>
#include <unistd.h>

int main(int argc, char **argv, char **envp)
{
    CHECK(argc == 4 && !argv[4]);
    CHECK(!strcmp(argv[1], "one") && !strcmp(argv[2], "two words"));
    CHECK(!strcmp(argv[3], ""));
    argv[1][0] = 'O';
    CHECK(!strcmp(argv[1], "One"));
    CHECK(envp == environ && !strcmp(getenv("COLOUR"), "blue"));
    return 0;
}
