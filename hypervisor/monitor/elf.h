// SPDX-License-Identifier: ISC
/*
 * The ELF loader: checks an image and says what to map. Everything it decides
 * by is copied out of the file once, so a file that changes meanwhile can
 * only hurt the domain that is made of it.
 *
 * An image is a static x86-64 executable at fixed addresses. Segments lie in
 * [HV_IMAGE_BASE, HV_IMAGE_LIMIT), ascend, share no page, are never writable
 * and executable at once, and their addresses and file offsets agree modulo
 * the page size. The entry lies in an executable one. One note (struct
 * hv_note) names the ABI.
 */
#ifndef MONITOR_ELF_H
#define MONITOR_ELF_H

#include <stddef.h>
#include <stdint.h>

#include "hypervisor/engine/image.h"
#include "lib/err.h"

#define ELF_HEADERS_MAX 64   // program headers; linkers make about 8
#define ELF_NOTES_MAX   4096 // bytes of one note segment

// Where an image's bytes come from: its first page, read once, and the file
// for the rare part that lies behind it (fd -1: nothing does).
struct elf_source {
    const uint8_t *head;
    size_t head_len;
    uint64_t size;
    int fd;
};

// Copies len bytes at offset; -1 when they are not all there.
int elf_copy(const struct elf_source *, uint64_t offset, void *to, size_t len);

int elf_check(const struct elf_source *, struct image *, struct err *);

// Reads the head of the file and checks it.
int elf_load(int fd, struct image *, struct err *);

#endif
