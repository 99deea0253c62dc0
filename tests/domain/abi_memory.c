// SPDX-License-Identifier: ISC
// The memory call: what it grants, what it refuses, and that it does what it
// says.

#include "tests/domain/abi.h"

#define RAM HV_RAM_VA

static uint8_t in_image[2 * HV_PAGE] __attribute__((aligned(4096)));

void guest_main(void)
{
    volatile uint8_t *ram = (volatile uint8_t *)RAM;
    const uint64_t rw = HV_PROT_READ | HV_PROT_WRITE;
    const uint64_t rx = HV_PROT_READ | HV_PROT_EXEC;
    const uint64_t len = START->memory_kib * 1024;

    // RAM is zero, all of it is there, and nothing is behind it.
    CHECK(START->nregions >= 2 && START->region[0].kind == HV_REGION_RAM);
    CHECK(START->region[0].addr == RAM && START->region[0].len == len);
    CHECK(ram[0] == 0 && ram[len - 1] == 0);

    // Released pages come back as zeroes.
    ram[0] = 1;
    ram[HV_PAGE] = 2;
    CHECK(abi_memory(HV_MEM_RELEASE, RAM, HV_PAGE, 0) == 0);
    CHECK(ram[0] == 0 && ram[HV_PAGE] == 2);
    CHECK(abi_memory(HV_MEM_POPULATE, RAM, HV_PAGE, 0) == 0);
    CHECK(ram[0] == 0);

    // Code in RAM: written, then executable, never both.
    ram[0] = 0xb8; // mov $42, %eax; ret
    ram[1] = 42;
    ram[2] = ram[3] = ram[4] = 0;
    ram[5] = 0xc3;
    CHECK(abi_memory(HV_MEM_PROTECT, RAM, HV_PAGE, rw | HV_PROT_EXEC) ==
          HV_EPERM);
    CHECK(abi_memory(HV_MEM_PROTECT, RAM, HV_PAGE,
                     HV_PROT_WRITE | HV_PROT_EXEC) == HV_EPERM);
    CHECK(abi_memory(HV_MEM_PROTECT, RAM, HV_PAGE, rx) == 0);
    CHECK(((int (*)(void))RAM)() == 42);
    CHECK(abi_memory(HV_MEM_PROTECT, RAM, HV_PAGE, rw) == 0);
    ram[1] = 43;
    CHECK(abi_memory(HV_MEM_PROTECT, RAM, HV_PAGE, rx) == 0);
    CHECK(((int (*)(void))RAM)() == 43);

    // The image's own data, too, but it cannot be released.
    in_image[0] = 7;
    CHECK(abi_memory(HV_MEM_PROTECT, (uint64_t)in_image, HV_PAGE,
                     HV_PROT_READ) == 0);
    CHECK(abi_memory(HV_MEM_PROTECT, (uint64_t)in_image, HV_PAGE, rw) == 0);
    CHECK(in_image[0] == 7);
    CHECK(abi_memory(HV_MEM_RELEASE, (uint64_t)in_image, HV_PAGE, 0) ==
          HV_EINVAL);

    // Not ours, not whole pages, not a number of bytes, not an operation.
    CHECK(abi_memory(HV_MEM_PROTECT, HV_HYPERCALL_VA, HV_PAGE, rw) ==
          HV_EINVAL);
    CHECK(abi_memory(HV_MEM_PROTECT, HV_START_INFO_VA, HV_PAGE, rw) ==
          HV_EINVAL);
    CHECK(abi_memory(HV_MEM_PROTECT, HV_WINDOW_VA, HV_PAGE, rx) == HV_EINVAL);
    CHECK(abi_memory(HV_MEM_PROTECT, HV_IMAGE_LIMIT - HV_PAGE, 2 * HV_PAGE,
                     rw) == HV_EINVAL);
    CHECK(abi_memory(HV_MEM_RELEASE, RAM + 1, HV_PAGE, 0) == HV_EINVAL);
    CHECK(abi_memory(HV_MEM_RELEASE, RAM, 100, 0) == HV_EINVAL);
    CHECK(abi_memory(HV_MEM_RELEASE, RAM, 0, 0) == HV_EINVAL);
    CHECK(abi_memory(HV_MEM_RELEASE, RAM, -HV_PAGE, 0) == HV_EINVAL);
    CHECK(abi_memory(77, RAM, HV_PAGE, 0) < 0);
    CHECK(abi_memory(HV_MEM_PROTECT, RAM, HV_PAGE, 8) == HV_EINVAL);
    // Beyond the domain's memory there is nothing to protect.
    CHECK(abi_memory(HV_MEM_PROTECT, RAM + len, HV_PAGE, rw) == HV_ENOMEM);
    abi_print("memory kept\n");
}
