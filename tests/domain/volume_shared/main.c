// SPDX-License-Identifier: ISC
#include "tests/domain/volume_files.h"

int main(void)
{
    files_try("/data");
    return 0;
}
