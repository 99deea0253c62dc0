// SPDX-License-Identifier: ISC
// realpath.
#include "unikernel-runtime/libc/at.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

char *realpath(const char *restrict path, char *restrict resolved)
{
    char *out = resolved ? resolved : malloc(PATH_MAX);
    struct vnode *v;
    int r = !path ? -EINVAL : out ? find_at(AT_FDCWD, path, 1, &v) : -ENOMEM;
    if (r == 0) {
        r = vfs_path(v, out, PATH_MAX);
        vfs_drop(v);
    }
    if (result(r) == 0)
        return out;
    if (!resolved)
        free(out);
    return NULL;
}
