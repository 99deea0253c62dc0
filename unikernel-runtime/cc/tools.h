// SPDX-License-Identifier: ISC
/*
 * The other names of hostel-cc. Links named hostel-TOOL and x86_64-hostel-TOOL
 * point to it; what configure scripts and build systems ask for by the
 * target's name is then there without programs of our own: the host's binutils
 * know the target's object files, which are ELF for x86-64.
 */
#ifndef CC_TOOLS_H
#define CC_TOOLS_H

// What `name` (argv[0]) asks for: "ar", say; "gcc" if it is the compiler
// itself, "cpp" for its preprocessor, "pkg-config"; NULL for a name that means
// nothing. `name` and the answer live as long as the program.
const char *tool_of(const char *name);

// Becomes the host's program for `tool`, which is none of the compiler's.
// Returns only by exiting, with status 127 and a sentence.
_Noreturn void tool_run(const char *tool, const char *sysroot, int argc,
                        char **argv);

#endif
