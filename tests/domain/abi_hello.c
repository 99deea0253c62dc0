// SPDX-License-Identifier: ISC
// The smallest guest: says hello, then its arguments, and ends with the
// number in the last one.

#include "tests/domain/abi.h"

void guest_main(void)
{
    CHECK(START->magic == HV_MAGIC);
    abi_print("hello from a domain\n");
    for (uint32_t i = 1; i < START->argc; i++) {
        abi_print(abi_arg(i));
        abi_print("\n");
    }
    abi_exit(abi_arg_number(START->argc - 1));
}
