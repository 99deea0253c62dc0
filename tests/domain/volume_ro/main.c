// SPDX-License-Identifier: ISC
// A volume that is read-only: what is there is read, and nothing changes.
#include "tests/domain/volume_files.h"

int main(void)
{
    struct statvfs v;
    CHECK(chdir("/data/ro") == 0);
    CHECK(holds("there", "old") && holds("link", "old"));
    FAILS(open("new", O_WRONLY | O_CREAT, 0644), EROFS);
    FAILS(open("there", O_RDWR), EROFS);
    FAILS(open("there", O_RDONLY | O_TRUNC), EROFS);
    FAILS(mkdir("d", 0755), EROFS);
    FAILS(unlink("there"), EROFS);
    FAILS(rmdir("folder"), EROFS);
    FAILS(rename("there", "x"), EROFS);
    FAILS(symlink("x", "y"), EROFS);
    FAILS(chmod("there", 0600), EROFS);
    FAILS(truncate("there", 0), EROFS);
    FAILS(utimensat(AT_FDCWD, "there", NULL, 0), EROFS);
    FAILS(access("there", W_OK), EROFS);
    CHECK(access("there", R_OK) == 0);
    CHECK(statvfs(".", &v) == 0 && v.f_flag & ST_RDONLY);
    // Links of the host's are the domain's: this one leads nowhere here.
    FAILS(open("host", O_RDONLY), ENOENT);
    FAILS(open("up", O_RDONLY), ENOENT);
    // What is neither file nor folder cannot be opened.
    FAILS(open("pipe", O_RDONLY), ENXIO);
    return 0;
}
