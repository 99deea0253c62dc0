// SPDX-License-Identifier: ISC
// Allow-list of compiler options; see options.h.

#include "node-agent/bundle/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "node-agent/bundle/limits.h"
#include "node-agent/bundle/path.h"
#include "node-agent/bundle/text.h"

// Whole options, as written.
static const char *const option_words[] = {
    "-std=c99",
    "-std=c11",
    "-std=c17", // the language; nothing is read
    "-std=gnu99",
    "-std=gnu11",
    "-std=gnu17",
    "-O0",
    "-O1",
    "-O2",
    "-O3",
    "-Os",
    "-Og", // effort, inside the CPU budget
    "-g",  // symbols for trap reports
    "-w",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wpedantic", // only messages
    "-fwrapv",
    "-fno-strict-aliasing", // dialects of C
    "-ffast-math",
    "-funroll-loops",
    "-fcommon", // code generation
    "-fsigned-char",
    "-funsigned-char",
    "-pthread",
    "-lpthread", // in the runtime's libc; accepted for makefiles
    "-lm",
    "-lc", // the runtime's own libraries
    NULL};

static bool option_is_define(const char *o)
{
    const char *equals = strchr(o, '=');

    // The value is one argument and never meets a shell.
    return text_is_identifier(o + 2, equals) && text_is_plain(o, "\t");
}

int option_check(const char *o, struct err *e)
{
    char shown[TEXT_QUOTE_MAX];
    struct err why;

    if (strlen(o) > OPTION_BYTES_MAX)
        return err_set(e, EINVAL,
                       "the compiler option \"%s\" is longer than %u bytes",
                       text_quote(shown, o), OPTION_BYTES_MAX);
    for (const char *const *w = option_words; *w; w++)
        if (strcmp(*w, o) == 0)
            return 0;
    if (strncmp(o, "-D", 2) == 0 && option_is_define(o))
        return 0;
    if (strncmp(o, "-U", 2) == 0 && text_is_identifier(o + 2, NULL))
        return 0;
    if (strncmp(o, "-I", 2) == 0) {
        if (strcmp(o, "-I.") == 0)
            return 0;
        // gcc reads a leading = or $ as its own folder, and -I- as another
        // option.
        if (o[2] && strchr("=$-", o[2]))
            return err_set(e, EINVAL,
                           "the compiler option \"%s\" must name a folder of "
                           "the bundle",
                           text_quote(shown, o));
        if (path_check(o + 2, &why) == 0)
            return 0;
        return err_set(e, EINVAL, "the compiler option \"%s\": %s",
                       text_quote(shown, o), why.text);
    }
    return err_set(e, EINVAL,
                   "the compiler option \"%s\" is not one that a node accepts; "
                   "bundle.cfg(5) lists them",
                   text_quote(shown, o));
}
