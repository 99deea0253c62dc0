// SPDX-License-Identifier: ISC
// A domain without disks has no names for them.
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>

int main(void)
{
    CHECK(open("/dev/vda", O_RDONLY) < 0 && errno == ENOENT);
    CHECK(open("/dev/null", O_RDONLY) >= 0);
    return 0;
}
