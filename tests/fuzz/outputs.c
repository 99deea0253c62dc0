// SPDX-License-Identifier: ISC
// A program's output files as it could make them up: whatever the bytes, the
// members that are told lie in the archive and have names that lead nowhere
// else.

#include "node-agent/cli/outputs.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    struct output one;
    struct err e;
    size_t at = 0;

    memcpy(copy, data, len);
    while (output_next(copy, len, &at, &one, &e) > 0) {
        if (at > len || one.data < copy || one.data + one.len > copy + len ||
            one.path[0] == '/' || strstr(one.path, "../") ||
            !memchr(one.path, '\0', sizeof(one.path)))
            abort();
    }
    free(copy);
    return 0;
}
