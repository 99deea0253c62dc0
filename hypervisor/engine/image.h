// SPDX-License-Identifier: ISC
/*
 * A checked image: what the ELF loader found and an engine maps. Plain
 * numbers in whole pages, so that it can be sent to another process.
 */
#ifndef ENGINE_IMAGE_H
#define ENGINE_IMAGE_H

#include <stdint.h>
#include "hypervisor/abi/hv.h"

#define IMAGE_SEGMENTS_MAX 16 // a linker makes 3 to 5

// [addr, addr + file_len) comes from the file at `offset`; of it the bytes
// from `zero_at` to the end of the last page are cleared; then anonymous
// memory up to addr + len.
struct image_segment {
    uint64_t addr, len, file_len, offset;
    uint64_t zero_at; // address; 0: nothing to clear
    uint32_t prot;    // HV_PROT_*
    uint32_t pad;
};

struct image {
    uint64_t entry;
    uint64_t low, high; // first and last address of all segments
    struct hv_note note;
    uint32_t nsegments;
    uint32_t pad;
    struct image_segment segment[IMAGE_SEGMENTS_MAX];
};

#endif
