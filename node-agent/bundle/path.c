// SPDX-License-Identifier: ISC
// Paths in a bundle; see path.h.

#include "node-agent/bundle/path.h"

#include <string.h>

#include "node-agent/bundle/limits.h"
#include "node-agent/bundle/text.h"

static const char *path_fault(const char *path)
{
    const char *part = path;

    if (strlen(path) > BUNDLE_PATH_MAX)
        return "is longer than 200 bytes";
    if (*path == 0)
        return "is empty";
    if (*path == '/')
        return "begins with a slash; paths are relative to the bundle";
    if (!text_is_plain(path, ""))
        return "holds a control character or is not UTF-8";
    if (strchr(path, '\\'))
        return "holds a backslash; separate folders with /";
    for (;;) {
        size_t n = strcspn(part, "/");

        if (n == 0)
            return part[0] ? "has two slashes in a row"
                           : "ends with a slash; it must name a file";
        if (n == 2 && memcmp(part, "..", 2) == 0)
            return "leads out of the bundle by \"..\"";
        if (n == 1 && part[0] == '.')
            return "has a component \".\"; leave it out";
        if (part[n] == 0)
            return NULL;
        part += n + 1;
    }
}

int path_check(const char *path, struct err *e)
{
    const char *fault = path_fault(path);
    char shown[TEXT_QUOTE_MAX];

    _Static_assert(BUNDLE_PATH_MAX == 200, "named in a sentence above");
    if (!fault)
        return 0;
    return err_set(e, EINVAL, "the path \"%s\" %s", text_quote(shown, path),
                   fault);
}

int path_compare(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (*a == '/' ? 1 : (unsigned char)*a) -
           (*b == '/' ? 1 : (unsigned char)*b);
}
