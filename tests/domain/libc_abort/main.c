// SPDX-License-Identifier: ISC
// A failed assertion says so and crashes the domain.
#undef NDEBUG
#include <assert.h>

int main(int argc, char **argv)
{
    (void)argv;
    assert(argc == 77);
    return 0;
}
