// SPDX-License-Identifier: ISC
/*
 * hostel-fs: how whoever starts domains has a volume served to one of them.
 *
 * One process for each domain and volume. It is started with two descriptors
 * and options, says nothing, and ends when the other end of its socket does:
 *
 *     hostel-fs --socket FD --dir FD [options]
 *
 *   --socket FD        connected, SOCK_STREAM: vhost-user, whose front end (the
 *                      domain's monitor) has the other end. HVC_DEVICE takes
 *                      that end, with HV_DEV_FS, HVC_D_VHOST_USER, FS_QUEUES
 *                      kicks, FS_WINDOW_KIB.
 *   --dir FD           the volume: a folder, opened anyhow (O_PATH does)
 *   --uid N --gid N    whose files these are: who it becomes, if it is root
 *   --read-only        every change is EROFS
 *   --shared           others may serve the same volume at the same time
 *   --quota-bytes N    0 (or no option): no limit. See "used" below
 *   --quota-files N
 *   --page FD          the volume's struct fs_page, one page, shared by all
 * that serve this volume; needed with --shared and a quota
 *   --meter FD         a struct fs_meter, one page, of this process alone
 *
 * Every other descriptor but 2 is closed. Started by root it makes namespaces
 * of its own, whose root is the volume and nothing else, and needs
 * CAP_SYS_ADMIN until it has; the caller puts it into the domain's cgroup
 * before it execs, so that what it costs is the domain's. A file system must be
 * mounted somewhere under /proc, as it is on every Linux.
 *
 * Exit status: 0: the front end is gone. 1: it could not start, and a sentence
 * on 2 says why. 2: the front end said what it may not. It never asks for
 * anything else; killing it at any time loses nothing but the count in the
 * page, and the guest's calls fail with EIO from then on.
 *
 * A volume without --shared is one domain's: that nobody else changes it is the
 * caller's to see to (flock on the folder, as `hostel-hv run` does; readers
 * hold it shared). Guests keep what they have read and written of such a
 * volume, and of a shared one nothing.
 */
#ifndef FS_CONTRACT_H
#define FS_CONTRACT_H

#include <stdint.h>

#define FS_QUEUES     2u    // for what needs no answer, for requests
#define FS_WINDOW_KIB 2048u // its share of the I/O window

/*
 * What a volume takes up: of a file its length in whole 4096 bytes, holes
 * included; of a folder or symbolic link 4096 bytes. So it can be known before
 * it is written, whatever the host's file system does. The volume's own folder
 * is free.
 */
#define FS_UNIT 4096u

/*
 * The volume's page: zeros at first, and again by the controller whenever it
 * is not sure of it while nobody serves the volume (a back end or the machine
 * died). The first that finds `counted` 0 counts what there is before it serves
 * anybody; others wait for it. Who has the page may read it at any time. It is
 * the word of processes that guests may have taken over: they can lie about
 * their own volume only, and a controller that bills by it counts for itself
 * now and then.
 */
#define FS_PAGE_MAGIC 0x31454741505346ull // "FSPAGE1"
struct fs_page {
    uint64_t magic;                 // written with `counted`
    uint64_t counted;               // 1: the rest is valid
    int64_t used_bytes, used_files; // changed atomically
};
_Static_assert(sizeof(struct fs_page) <= 4096, "one page");

// What one domain has done with it; written by one process alone, as it goes.
#define FS_METER_MAGIC 0x3152544d5346ull // "FSMTR1"
struct fs_meter {
    uint64_t magic;
    uint64_t requests; // of all kinds
    uint64_t reads, read_bytes, writes, write_bytes, syncs;
    uint64_t refused; // for the quota
};
_Static_assert(sizeof(struct fs_meter) <= 4096, "one page");

#endif
