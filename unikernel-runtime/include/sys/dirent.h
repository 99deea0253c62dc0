// SPDX-License-Identifier: ISC
// The part of <dirent.h> that newlib leaves to the system.
#ifndef _SYS_DIRENT_H
#define _SYS_DIRENT_H

#include <sys/types.h>

typedef struct hostel_dir DIR;

struct dirent {
    ino_t d_ino;
    unsigned short d_reclen; // of this entry, which is the whole struct
    unsigned char d_type;
    char d_name[256];
};

#define _DIRENT_HAVE_D_TYPE
#define DT_UNKNOWN 0
#define DT_FIFO    1
#define DT_CHR     2
#define DT_DIR     4
#define DT_BLK     6
#define DT_REG     8
#define DT_LNK     10
#define DT_SOCK    12

#endif
