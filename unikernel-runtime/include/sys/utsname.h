// SPDX-License-Identifier: ISC
// uname(2).
#ifndef _SYS_UTSNAME_H
#define _SYS_UTSNAME_H

struct utsname {
    char sysname[64];
    char nodename[64];
    char release[64];
    char version[64];
    char machine[64];
};

int uname(struct utsname *name);

#endif
