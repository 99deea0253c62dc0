// SPDX-License-Identifier: ISC
// A volume's folders; see volumed.h. No name here is anybody's but ours.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/volume/contract.h"
#include "node-agent/volumed/volumed.h"

#define PAGE "page"

static void name_of(char out[16], uint32_t number)
{
    snprintf(out, 16, "%u", number);
}

int place_open(uint32_t number, struct err *e)
{
    char name[16];
    int fd;

    name_of(name, number);
    fd = open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? err_errno(e, "the folder of volume %u", number) : fd;
}

static int part_make(int dir, const char *part, uid_t uid, struct err *e)
{
    cleanup_close int fd = -1;

    if (mkdirat(dir, part, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "making a volume's folder %s", part);
    fd = openat(dir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchown(fd, uid, uid) < 0 || fchmod(fd, 0700) < 0)
        return err_errno(e, "giving a volume's folder %s to user %u", part,
                         uid);
    return 0;
}

// Of a volume that the journal does not have: it was restored from a backup,
// perhaps. Nobody's new volume begins with another's files.
static int aside_move(int dir, const char *name, struct err *e)
{
    char left[48];
    int fd = openat(dir, VOLUME_DATA,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool empty = true;

    while (d && empty && (entry = readdir(d)))
        empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    if (d)
        closedir(d);
    if (empty)
        return 0;
    snprintf(left, sizeof(left), "left-%s-%llu", name,
             (unsigned long long)clock_real_ns());
    if (renameat(AT_FDCWD, name, AT_FDCWD, left) < 0)
        return err_errno(e, "moving the folder of a lost volume aside");
    log_warn("the folder of volume %s had files of a volume that is not in the "
             "journal: it is now %s",
             name, left);
    return 1;
}

int place_make(const struct volumed *d, uint32_t number, struct err *e)
{
    uid_t uid = UID_VOLUME(d->cfg->uid_base, number);
    cleanup_close int dir = -1;
    char name[16];
    int r = 0;

    name_of(name, number);
    if (mkdir(name, 0711) < 0 && errno == EEXIST) {
        dir = place_open(number, e);
        r = dir < 0 ? dir : aside_move(dir, name, e);
        if (r < 0)
            return r;
        close(steal_fd(&dir));
    }
    if (mkdir(name, 0711) < 0 && errno != EEXIST)
        return err_errno(e, "making the folder of volume %u", number);
    // Its user walks through it, and nobody else can get here.
    if (chmod(name, 0711) < 0)
        return err_errno(e, "the folder of volume %u", number);
    dir = place_open(number, e);
    if (dir < 0 || part_make(dir, VOLUME_DATA, uid, e) < 0 ||
        part_make(dir, VOLUME_INCOMING, uid, e) < 0)
        return -e->code;
    return 0;
}

int place_serve(uint32_t number, struct err *e)
{
    cleanup_close int dir = place_open(number, e), page = -1;

    if (dir < 0)
        return dir;
    page = openat(dir, PAGE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (page < 0 || ftruncate(page, 4096) < 0)
        return err_errno(e, "the page of volume %u", number);
    return steal_fd(&dir);
}

int place_remove(uint32_t number, struct err *e)
{
    cleanup_close int dir = place_open(number, NULL);
    char name[16];

    if (dir < 0)
        return errno == ENOENT ? 0 : err_errno(e, "volume %u", number);
    if ((unlinkat(dir, PAGE, 0) < 0 && errno != ENOENT) ||
        (unlinkat(dir, VOLUME_DATA, AT_REMOVEDIR) < 0 && errno != ENOENT) ||
        (unlinkat(dir, VOLUME_INCOMING, AT_REMOVEDIR) < 0 && errno != ENOENT))
        return err_errno(e, "removing the folders of volume %u", number);
    name_of(name, number);
    return rmdir(name) < 0 && errno != ENOENT
               ? err_errno(e, "removing the folder of volume %u", number)
               : 0;
}
