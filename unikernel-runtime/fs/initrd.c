// SPDX-License-Identifier: ISC
/*
 * The domain's files as the host hands them over: a cpio archive ("newc")
 * mapped read-only. Each member is
 *
 *     "070701", then 13 numbers of 8 hexadecimal digits: ino mode uid gid
 *     nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize
 *     check; the name with its NUL, padded to 4; the data, padded to 4
 *
 * and the last is named "TRAILER!!!". Regular files, folders and symbolic links
 * count, other kinds are passed over. File data stays where it is.
 */
#include "unikernel-runtime/fs/initrd.h"
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/panic.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER_LEN 110
enum { MODE = 1, MTIME = 5, FILESIZE = 6, NAMESIZE = 11 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static uint64_t field(const char *header, int n)
{
    uint64_t value = 0;
    for (const char *c = header + 6 + 8 * n, *end = c + 8; c < end; c++) {
        int digit = hex_digit(*c);
        if (digit < 0)
            panic("the initrd has a bad number in a header");
        value = value << 4 | digit;
    }
    return value;
}

static void member_add(const char *name, const char *header, const char *data)
{
    mode_t mode = field(header, MODE);
    if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode))
        return;
    int error = 0;
    struct node *n = ramfs_make(name, mode, &error);
    if (!n) {
        // A folder may come after what is in it.
        if (error == -EEXIST && S_ISDIR(mode))
            return;
        panic("the initrd has a file that cannot be placed");
    }
    n->mtime_ns = field(header, MTIME) * NS_PER_S;
    if (!S_ISDIR(mode)) {
        n->data = (const uint8_t *)data;
        n->len = field(header, FILESIZE);
    }
}

static uint64_t pad4(uint64_t n)
{
    return (n + 3) & ~3ul;
}

static void archive_load(const char *archive, uint64_t len)
{
    for (uint64_t at = 0; len - at >= HEADER_LEN;) {
        const char *header = archive + at;
        if (memcmp(header, "070701", 6))
            break;
        uint64_t name_len = field(header, NAMESIZE);
        uint64_t data_len = field(header, FILESIZE);
        uint64_t data_at = at + pad4(HEADER_LEN + name_len);
        uint64_t next = data_at + pad4(data_len);
        const char *name = header + HEADER_LEN;
        if (!name_len || data_at > len || data_at + data_len > len ||
            name[name_len - 1])
            break;
        if (!strcmp(name, "TRAILER!!!"))
            return;
        member_add(name, header, archive + data_at);
        at = next < len ? next : len;
    }
    panic("the initrd is not a whole cpio archive");
}

void initrd_load(void)
{
    for (unsigned i = 0; i < start_info->nregions; i++) {
        const struct hv_region *r = &start_info->region[i];
        if (r->kind == HV_REGION_INITRD && r->len)
            archive_load((const char *)r->addr, r->len);
    }
}
