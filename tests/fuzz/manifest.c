// SPDX-License-Identifier: ISC
// The manifest's decoder: what it accepts obeys the rules and is canonical.

#include "node-agent/bundle/wire.c"

#include <stdbool.h>
#include <stdio.h>

// By another way than path.c.
static bool leads_outside(const char *path)
{
    char padded[BUNDLE_PATH_MAX + 3];

    snprintf(padded, sizeof(padded), "/%s/", path);
    return *path == '/' || strstr(padded, "/../") || strstr(padded, "//");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf again = BUF_INIT(MANIFEST_MAX);
    struct manifest m;
    struct err e = {0};
    int r = manifest_decode(data, len, &m, &e);

    if (r < 0) {
        if (r != -e.code || !e.text[0])
            abort();
    } else {
        for (size_t i = 0; i < m.nfiles; i++)
            if (leads_outside(m.file[i].path))
                abort();
        if (manifest_files_bytes(&m) > BUNDLE_FILES_BYTES_MAX ||
            manifest_encode(&m, &again, &e) < 0 || again.len != len ||
            memcmp(again.data, data, len) != 0)
            abort();
    }
    buf_free(&again);
    manifest_free(&m);
    return 0;
}
