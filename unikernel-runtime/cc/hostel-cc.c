// SPDX-License-Identifier: ISC
/*
 * hostel-cc: gcc, aimed at Hostel's runtime instead of Linux.
 *
 * Runs gcc with the options that make code and images for a domain, then
 * everything it was given. The sysroot is found from where this program lies,
 * so that the two can be moved together; no shell is involved and nothing is
 * read from /proc, so it runs where there is nothing but a toolchain.
 */
#include "target-flags.h"
#include "unikernel-runtime/cc/tools.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX 65536

static const char *const target_flags[] = {TARGET_FLAGS};

// With one of these gcc stops before linking.
static const char *const no_link[] = {
    "-c", "-S", "-E", "-M", "-MM", "-fsyntax-only", "--version", "-r"};

// These gcc answers without being given a file.
static const char *const queries[] = {"-dump", "-print-", "--print-", "--help"};

struct args {
    const char *list[ARGS_MAX];
    int n;
};

static void args_add(struct args *a, const char *arg)
{
    if (a->n == ARGS_MAX - 1)
        errx(1, "more than %d arguments", ARGS_MAX);
    a->list[a->n++] = arg;
}

static void args_add_path(struct args *a, const char *prefix, const char *dir,
                          const char *name)
{
    char *arg;
    if (asprintf(&arg, "%s%s%s", prefix, dir, name) < 0)
        err(1, "asprintf");
    args_add(a, arg);
}

static int is_one_of(const char *arg, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(arg, list[i]))
            return 1;
    return 0;
}

static int is_query(const char *arg)
{
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (!strncmp(arg, queries[i], strlen(queries[i])))
            return 1;
    return 0;
}

// Files and libraries, and what belongs to an option before it.
static int has_input(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (argv[i][0] != '-' || !argv[i][1] || !strncmp(argv[i], "-l", 2))
            return 1;
    return 0;
}

static int links(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (is_one_of(argv[i], no_link, sizeof no_link / sizeof *no_link) ||
            is_query(argv[i]))
            return 0;
    return has_input(argc, argv); // `hostel-cc -v` has none
}

// This program's own path: argv[0], or what PATH makes of it.
static char *self_path(const char *name)
{
    if (strchr(name, '/'))
        return realpath(name, NULL);
    for (const char *dir = getenv("PATH"); *dir;) {
        size_t len = strcspn(dir, ":");
        char path[PATH_MAX];
        if (snprintf(path, sizeof path, "%.*s/%s", (int)len, dir, name) <
                (int)sizeof path &&
            access(path, X_OK) == 0)
            return realpath(path, NULL);
        dir += len + (dir[len] == ':');
    }
    errno = ENOENT;
    return NULL;
}

// Beside an installed program, or beside one in a build folder.
static const char *const sysroot_places[] = {"lib/hostel/sysroot", "sysroot"};

static char *sysroot_find(const char *argv0)
{
    char *self = self_path(argv0);
    if (!self)
        err(1, "cannot find where %s is installed", argv0);
    for (int up = 0; up < 2; up++) { // BIN/hostel-cc to its parent's parent
        char *slash = strrchr(self, '/');
        if (slash)
            *slash = '\0';
    }
    for (size_t i = 0; i < sizeof sysroot_places / sizeof *sysroot_places;
         i++) {
        char *root, *probe;
        if (asprintf(&root, "%s/%s", self, sysroot_places[i]) < 0 ||
            asprintf(&probe, "%s/usr/include", root) < 0)
            err(1, "asprintf");
        if (access(probe, F_OK) == 0)
            return root;
    }
    errx(1,
         "no sysroot at %s/%s: hostel-cc and its sysroot must be installed "
         "together",
         self, sysroot_places[0]);
}

int main(int argc, char **argv)
{
    static struct args a;
    setenv("PATH", "/usr/bin:/bin", 0); // gcc cannot find its parts without
    char *sysroot = getenv("HOSTEL_SYSROOT");
    if (!sysroot)
        sysroot = sysroot_find(argv[0]);

    const char *tool = tool_of(argv[0]);
    if (!tool)
        errx(1, "%s is not a name that hostel-cc has", argv[0]);
    int preprocessing = !strcmp(tool, "cpp");
    if (!preprocessing && strcmp(tool, "gcc"))
        tool_run(tool, sysroot, argc, argv);

    args_add(&a, "gcc");
    args_add_path(&a, "--sysroot=", sysroot, "");
    for (size_t i = 0; i < sizeof target_flags / sizeof *target_flags; i++)
        args_add(&a, target_flags[i]);

    if (preprocessing)
        args_add(&a, "-E");
    int linking = !preprocessing && links(argc, argv);
    if (linking) {
        args_add(&a, "-static");
        args_add(&a, "-nostdlib");
        args_add(&a, "-Wl,--gc-sections,--build-id=none,-z,noexecstack");
        args_add(&a, "-Wl,-z,max-page-size=4096");
        args_add_path(&a, "-L", sysroot, "/usr/local/lib");
        args_add_path(&a, "-L", sysroot, "/usr/lib");
        // Or gcc would go on to look where this machine's libraries are.
        args_add_path(&a, "-specs=", sysroot, "/usr/lib/link.specs");
        args_add(&a, "-T");
        args_add_path(&a, "", sysroot, "/usr/lib/image.ld");
        args_add_path(&a, "", sysroot, "/usr/lib/hostel.o");
    }
    for (int i = 1; i < argc; i++)
        args_add(&a, argv[i]);
    if (preprocessing && !has_input(argc, argv))
        args_add(&a, "-");
    if (linking) {
        args_add(&a, "-Wl,--start-group");
        args_add(&a, "-lc");
        args_add(&a, "-lm");
        args_add(&a, "-lgcc");
        args_add(&a, "-Wl,--end-group");
    }
    execvp("gcc", (char **)a.list);
    err(127, "cannot run gcc");
}
