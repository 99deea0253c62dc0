// SPDX-License-Identifier: ISC
// What the front end of file systems uses of FUSE 7.31: the structures and
// numbers of its text, with Linux's numbers inside them.
#ifndef RT_FUSE_H
#define RT_FUSE_H

#include <stdint.h>

#define FUSE_MAJOR 7
#define FUSE_MINOR 31
#define FUSE_ROOT  1u

enum fuse_opcode {
    FUSE_LOOKUP = 1,
    FUSE_FORGET = 2,
    FUSE_GETATTR = 3,
    FUSE_SETATTR = 4,
    FUSE_READLINK = 5,
    FUSE_SYMLINK = 6,
    FUSE_MKDIR = 9,
    FUSE_UNLINK = 10,
    FUSE_RMDIR = 11,
    FUSE_OPEN = 14,
    FUSE_READ = 15,
    FUSE_WRITE = 16,
    FUSE_STATFS = 17,
    FUSE_RELEASE = 18,
    FUSE_FSYNC = 20,
    FUSE_FLUSH = 25,
    FUSE_INIT = 26,
    FUSE_OPENDIR = 27,
    FUSE_READDIR = 28,
    FUSE_RELEASEDIR = 29,
    FUSE_FSYNCDIR = 30,
    FUSE_GETLK = 31,
    FUSE_SETLK = 32,
    FUSE_CREATE = 35,
    FUSE_FALLOCATE = 43,
    FUSE_RENAME2 = 45,
};

struct fuse_in_header {
    uint32_t len, opcode;
    uint64_t unique, nodeid;
    uint32_t uid, gid, pid, padding;
};
struct fuse_out_header {
    uint32_t len;
    int32_t error;
    uint64_t unique;
};

struct fuse_attr {
    uint64_t ino, size, blocks, atime, mtime, ctime;
    uint32_t atimensec, mtimensec, ctimensec;
    uint32_t mode, nlink, uid, gid, rdev, blksize, padding;
};
struct fuse_entry_out {
    uint64_t nodeid, generation, entry_valid, attr_valid;
    uint32_t entry_valid_nsec, attr_valid_nsec;
    struct fuse_attr attr;
};
struct fuse_forget_in {
    uint64_t nlookup;
};
#define FUSE_GETATTR_FH 1u
struct fuse_getattr_in {
    uint32_t flags, dummy;
    uint64_t fh;
};
struct fuse_attr_out {
    uint64_t attr_valid;
    uint32_t attr_valid_nsec, dummy;
    struct fuse_attr attr;
};
#define FUSE_FATTR_MODE      (1u << 0)
#define FUSE_FATTR_SIZE      (1u << 3)
#define FUSE_FATTR_ATIME     (1u << 4)
#define FUSE_FATTR_MTIME     (1u << 5)
#define FUSE_FATTR_FH        (1u << 6)
#define FUSE_FATTR_ATIME_NOW (1u << 7)
#define FUSE_FATTR_MTIME_NOW (1u << 8)
struct fuse_setattr_in {
    uint32_t valid, padding;
    uint64_t fh, size, lock_owner, atime, mtime, ctime;
    uint32_t atimensec, mtimensec, ctimensec, mode, unused4, uid, gid, unused5;
};
struct fuse_mkdir_in {
    uint32_t mode, umask;
};
struct fuse_rename2_in {
    uint64_t newdir;
    uint32_t flags, padding;
};
struct fuse_open_in {
    uint32_t flags, unused;
};
struct fuse_create_in {
    uint32_t flags, mode, umask, padding;
};
struct fuse_open_out {
    uint64_t fh;
    uint32_t open_flags, padding;
};
struct fuse_release_in {
    uint64_t fh;
    uint32_t flags, release_flags;
    uint64_t lock_owner;
};
struct fuse_read_in {
    uint64_t fh, offset;
    uint32_t size, read_flags;
    uint64_t lock_owner;
    uint32_t flags, padding;
};
struct fuse_write_in {
    uint64_t fh, offset;
    uint32_t size, write_flags;
    uint64_t lock_owner;
    uint32_t flags, padding;
};
struct fuse_write_out {
    uint32_t size, padding;
};
struct fuse_statfs_out {
    uint64_t blocks, bfree, bavail, files, ffree;
    uint32_t bsize, namelen, frsize, padding, spare[6];
};
#define FUSE_FSYNC_DATA 1u
struct fuse_fsync_in {
    uint64_t fh;
    uint32_t flags, padding;
};
struct fuse_fallocate_in {
    uint64_t fh, offset, length;
    uint32_t mode, padding;
};
#define FUSE_LK_FLOCK 1u
struct fuse_lk {
    uint64_t start, end;
    uint32_t type, pid; // 0 shared, 1 exclusive, 2 none
};
struct fuse_lk_in {
    uint64_t fh, owner;
    struct fuse_lk lk;
    uint32_t flags, padding;
};
struct fuse_lk_out {
    struct fuse_lk lk;
};
#define FUSE_ASYNC_READ     (1u << 0)
#define FUSE_POSIX_LOCKS    (1u << 1)
#define FUSE_ATOMIC_O_TRUNC (1u << 3)
#define FUSE_BIG_WRITES     (1u << 5)
#define FUSE_FLOCK_LOCKS    (1u << 10)
#define FUSE_MAX_PAGES      (1u << 22)
struct fuse_init_in {
    uint32_t major, minor, max_readahead, flags;
};
struct fuse_init_out {
    uint32_t major, minor, max_readahead, flags;
    uint16_t max_background, congestion_threshold;
    uint32_t max_write, time_gran;
    uint16_t max_pages, map_alignment;
    uint32_t unused[8];
};
struct fuse_dirent {
    uint64_t ino, off;
    uint32_t namelen, type;
    char name[];
};

// Flags of open, as Linux numbers them.
#define FUSE_O_APPEND 02000u
#define FUSE_O_TRUNC  01000u
#define FUSE_O_EXCL   0200u

#endif
