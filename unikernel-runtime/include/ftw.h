// SPDX-License-Identifier: ISC
// Walks over trees of files.
#ifndef _FTW_H
#define _FTW_H

#include <sys/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FTW_F, FTW_D, FTW_DNR, FTW_DP, FTW_NS, FTW_SL, FTW_SLN };

#define FTW_PHYS  1
#define FTW_MOUNT 2
#define FTW_DEPTH 4 // a folder after what is in it
#define FTW_CHDIR 8 // refused

struct FTW {
    int base, level; // where the name begins in the path; 0: the root
};

// Whatever `visit` returns other than 0 ends the walk and is its result.
int ftw(const char *path,
        int (*visit)(const char *, const struct stat *, int), int fds);
int nftw(const char *path,
         int (*visit)(const char *, const struct stat *, int, struct FTW *),
         int fds, int flags);

#ifdef __cplusplus
}
#endif

#endif
