// SPDX-License-Identifier: ISC
/*
 * hostel-volume: one piece of work on a volume's files, done by a process that
 * has nothing but these files.
 *
 *     hostel-volume JOB --report FD --uid N [--from FD] [--to FD]
 *                   [--stream FD] [--quota-bytes N] [--quota-files N]
 *                   [--replace]
 *
 *   JOB            unpack    the tar archive from --stream into --to/incoming,
 *                            then into --to/data
 *                  pack      --from/data as a tar archive into --stream
 *                  copy      --from/data into --to/data
 *                  count     what --from/data takes up
 *                  remove    empty --to
 *   --report FD    SOCK_SEQPACKET: one struct volume_report, at the end. None,
 *                  and the socket closed: it died
 *   --from, --to   volumes: folders that hold "data" and "incoming", which
 *                  belong to that user (--from need not, to "copy")
 *   --uid N        who it becomes: the user of --to, else that of --from
 *   --stream FD    a stream socket or pipe, framed as below
 *   --quota-bytes, --quota-files   0 or no option: no limit; counted in
 *                  FS_UNIT as hypervisor/fs/contract.h has it, with what is in
 *                  --to/data already
 *   --replace      unpack: what was there goes
 *
 * It is started by root with CAP_SYS_ADMIN, SETUID, SETGID and SETPCAP and
 * gives all up, but for one: to read (pack, copy, count) and to remove files
 * whatever their modes say it keeps CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE, in
 * a root that has nothing but these folders.
 *
 * Frames: a length of 4 bytes, little-endian, at most VOLUME_FRAME_MAX, and so
 * many bytes; length 0 says that this was all and that it was good. A stream
 * that ends without was cut off: nothing of it is kept.
 */
#ifndef VOLUME_CONTRACT_H
#define VOLUME_CONTRACT_H

#include <stdint.h>

#define VOLUME_DATA      "data"
#define VOLUME_INCOMING  "incoming"
#define VOLUME_FRAME_MAX 65536u

enum volume_outcome {
    VOLUME_DONE = 1,
    VOLUME_REFUSED, // the archive or the quota: the customer's to change
    VOLUME_CUT,     // the stream ended early
    VOLUME_FAILED   // the node's trouble
};

struct volume_report {
    uint32_t outcome; // enum volume_outcome
    uint32_t pad;
    uint64_t used_bytes, used_files; // of --to/data, else of --from/data
    char text[512];                  // one sentence unless done
};

#endif
