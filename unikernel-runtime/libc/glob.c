// SPDX-License-Identifier: ISC
// glob: newlib's, which takes no match at all for a success.
#include <glob.h>

int glob_newlib(const char *restrict pattern, int flags,
                int (*error)(const char *, int), glob_t *restrict g);

int glob(const char *restrict pattern, int flags,
         int (*error)(const char *, int), glob_t *restrict g)
{
    int before = flags & GLOB_APPEND ? g->gl_pathc : 0;
    int r = glob_newlib(pattern, flags, error, g);
    return r == 0 && g->gl_pathc == before ? GLOB_NOMATCH : r;
}
