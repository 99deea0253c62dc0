// SPDX-License-Identifier: ISC
// See tools.h.
#include "unikernel-runtime/cc/tools.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// gcc-ar and its like are ar with gcc's plugin, so -flto works with libraries.
static const struct {
    const char *tool, *program;
} tools[] = {
    {"cc", "gcc"},
    {"gcc", "gcc"},
    {"cpp", "gcc"},
    {"ar", "gcc-ar"},
    {"nm", "gcc-nm"},
    {"ranlib", "gcc-ranlib"},
    {"as", "as"},
    {"ld", "ld"},
    {"objcopy", "objcopy"},
    {"objdump", "objdump"},
    {"readelf", "readelf"},
    {"size", "size"},
    {"strings", "strings"},
    {"strip", "strip"},
    {"addr2line", "addr2line"},
    {"pkg-config", "pkg-config"},
};

static const char *const prefixes[] = {"x86_64-hostel-elf-", "x86_64-hostel-",
                                       "hostel-"};

static const char *program_of(const char *tool)
{
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (!strcmp(tool, tools[i].tool))
            return tools[i].program;
    return NULL;
}

const char *tool_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    if (slash)
        name = slash + 1;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], len))
            continue;
        name += len;
        if (!program_of(name))
            return NULL;
        return strcmp(name, "cc") ? name : "gcc";
    }
    return "gcc"; // called by a name of somebody's choice
}

/*
 * A library for the target is described in the sysroot and nowhere else, unless
 * the user says where (PKG_CONFIG_PATH). Where it lies is where its description
 * does, whatever prefix it was configured with: so installing with
 * DESTDIR=sysroot and with the sysroot as prefix are the same.
 */
static _Noreturn void pkg_config_run(const char *sysroot, int argc, char **argv)
{
    static const char *const places[] = {"usr/local/lib", "usr/local/share",
                                         "usr/lib", "usr/share"};
    char dirs[4 * PATH_MAX + 64] = "";
    size_t len = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        len += snprintf(dirs + len, sizeof dirs - len, "%s%s/%s/pkgconfig",
                        i ? ":" : "", sysroot, places[i]);
    setenv("PKG_CONFIG_LIBDIR", dirs, 0);

    char **with = calloc(argc + 2, sizeof *with);
    if (!with)
        err(1, "calloc");
    with[0] = argv[0];
    with[1] = (char *)"--define-prefix";
    memcpy(with + 2, argv + 1, (argc - 1) * sizeof *with);
    execvp("pkg-config", with);
    err(127, "cannot run pkg-config");
}

void tool_run(const char *tool, const char *sysroot, int argc, char **argv)
{
    if (!strcmp(tool, "pkg-config"))
        pkg_config_run(sysroot, argc, argv);
    const char *program = program_of(tool);
    argv[0] = (char *)program;
    execvp(program, argv);
    err(127, "cannot run %s", program);
}
