// SPDX-License-Identifier: ISC
// The ELF loader and the symbol table's reader, on the same bytes.

#include "hypervisor/monitor/elf.c"
#include "hypervisor/monitor/symbols.c"

#include <stdlib.h>
#include <sys/mman.h>

// Whatever the loader lets through an engine must be able to map.
static void check_image(const struct image *m, uint64_t file_len)
{
    uint64_t at = HV_IMAGE_BASE;
    int entered = 0;

    for (unsigned i = 0; i < m->nsegments; i++) {
        const struct image_segment *g = &m->segment[i];

        if ((g->addr | g->len | g->file_len | g->offset) % HV_PAGE ||
            g->addr < at || g->len > HV_IMAGE_LIMIT - g->addr ||
            g->file_len > g->len || g->len == 0)
            abort();
        if (g->file_len && g->offset + g->file_len > file_len + HV_PAGE - 1)
            abort();
        if (g->prot & HV_PROT_WRITE && g->prot & HV_PROT_EXEC)
            abort();
        if (g->zero_at &&
            (!(g->prot & HV_PROT_WRITE) || g->zero_at <= g->addr ||
             g->zero_at > g->addr + g->file_len))
            abort();
        entered |= g->prot & HV_PROT_EXEC && m->entry >= g->addr &&
                   m->entry < g->addr + g->len;
        at = g->addr + g->len;
    }
    if (!entered || m->nsegments > IMAGE_SEGMENTS_MAX || m->high != at)
        abort();
}

static void look_up(const uint8_t *data, size_t len)
{
    struct symbol s[3] = {{.address = 0}, {.address = 0x10401000}, {0}};
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    s[2].address = UINT64_MAX;
    if (fd < 0 || write(fd, data, len) != (ssize_t)len)
        abort();
    symbols_find(fd, s, 3);
    for (int i = 0; i < 3; i++)
        if (!memchr(s[i].name, 0, sizeof(s[i].name)))
            abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const size_t head = len < HV_PAGE ? len : HV_PAGE;
    // As from a file: the first page is there, the rest is not.
    const struct elf_source s = {data, head, len, -1};
    struct err e = {0};
    struct image m;

    if (elf_check(&s, &m, &e) == 0)
        check_image(&m, len);
    else if (!e.text[0])
        abort();
    look_up(data, len);
    return 0;
}
