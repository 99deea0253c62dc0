// SPDX-License-Identifier: ISC
// The ELF loader; see elf.h.

#include "hypervisor/monitor/elf.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"

#define PAGE_MASK (HV_PAGE - 1)

static int refuse(struct err *e, const char *why)
{
    return err_set(e, ENOEXEC, "%s", why);
}

int elf_copy(const struct elf_source *s, uint64_t offset, void *to, size_t len)
{
    if (offset > s->size || len > s->size - offset)
        return -1;
    if (offset <= s->head_len && len <= s->head_len - offset) {
        memcpy(to, s->head + offset, len);
        return 0;
    }
    return s->fd >= 0 && pread_full(s->fd, to, len, offset) == (ssize_t)len
               ? 0
               : -1;
}

static int check_header(const Elf64_Ehdr *h, struct err *e)
{
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
        return refuse(e, "not an ELF file");
    if (h->e_ident[EI_CLASS] != ELFCLASS64 ||
        h->e_ident[EI_DATA] != ELFDATA2LSB ||
        h->e_ident[EI_VERSION] != EV_CURRENT || h->e_version != EV_CURRENT)
        return refuse(e, "not a 64-bit little-endian ELF file");
    if (h->e_machine != EM_X86_64)
        return refuse(e, "not for x86-64");
    if (h->e_type == ET_DYN)
        return refuse(e, "position-independent or shared: link it with "
                         "-static -no-pie");
    if (h->e_type != ET_EXEC)
        return refuse(e, "not an executable");
    if (h->e_phentsize != sizeof(Elf64_Phdr))
        return refuse(e, "its program headers have an unknown size");
    if (h->e_phnum == 0 || h->e_phnum > ELF_HEADERS_MAX)
        return err_set(e, ENOEXEC, "it has %u program headers, not 1 to %u",
                       h->e_phnum, ELF_HEADERS_MAX);
    return 0;
}

// Numbers a linker would never write but an attacker might.
static int check_extent(const struct elf_source *s, const Elf64_Phdr *p,
                        unsigned n, struct err *e)
{
    if (p->p_filesz > p->p_memsz)
        return err_set(e, ENOEXEC,
                       "segment %u has more bytes in the file than in memory",
                       n);
    if (p->p_offset > s->size || p->p_filesz > s->size - p->p_offset)
        return err_set(e, ENOEXEC, "segment %u lies beyond the file's end", n);
    if (p->p_vaddr < HV_IMAGE_BASE || p->p_vaddr > HV_IMAGE_LIMIT ||
        p->p_memsz > HV_IMAGE_LIMIT - p->p_vaddr)
        return err_set(e, ENOEXEC,
                       "segment %u is not within the image's addresses, "
                       "%#lx to %#lx",
                       n, HV_IMAGE_BASE, HV_IMAGE_LIMIT);
    if ((p->p_vaddr - p->p_offset) & PAGE_MASK)
        return err_set(e, ENOEXEC,
                       "segment %u's address and file offset differ within "
                       "the page",
                       n);
    return 0;
}

static int add_segment(const struct elf_source *s, struct image *m,
                       const Elf64_Phdr *p, struct err *e)
{
    unsigned n = m->nsegments;
    struct image_segment *g = &m->segment[n];
    uint64_t file_end = p->p_vaddr + p->p_filesz, start;

    if (n == IMAGE_SEGMENTS_MAX)
        return err_set(e, ENOEXEC, "it has more than %u segments",
                       IMAGE_SEGMENTS_MAX);
    if (check_extent(s, p, n, e) < 0)
        return -ENOEXEC;
    if (p->p_flags & PF_W && p->p_flags & PF_X)
        return err_set(e, ENOEXEC, "segment %u is writable and executable", n);
    start = p->p_vaddr & ~PAGE_MASK;
    if (n && start < m->high)
        return err_set(e, ENOEXEC,
                       "segments %u and %u overlap or do not ascend", n - 1, n);
    *g = (struct image_segment){
        .addr = start,
        .len = ((p->p_vaddr + p->p_memsz + PAGE_MASK) & ~PAGE_MASK) - start,
        .offset = p->p_offset & ~PAGE_MASK,
        .prot = HV_PROT_READ | (p->p_flags & PF_W ? HV_PROT_WRITE : 0) |
                (p->p_flags & PF_X ? HV_PROT_EXEC : 0),
    };
    if (p->p_filesz)
        g->file_len = ((file_end + PAGE_MASK) & ~PAGE_MASK) - start;
    if (p->p_memsz > p->p_filesz && p->p_filesz && file_end & PAGE_MASK) {
        if (!(p->p_flags & PF_W))
            return err_set(e, ENOEXEC,
                           "segment %u is read-only and ends in zeroes within "
                           "a page",
                           n);
        g->zero_at = file_end;
    }
    if (n == 0)
        m->low = start;
    m->high = start + g->len;
    m->nsegments++;
    return 0;
}

// Looks through one note segment; 1 when ours was in it.
static int find_note(const struct elf_source *s, const Elf64_Phdr *p,
                     struct hv_note *note, struct err *e)
{
    uint8_t bytes[ELF_NOTES_MAX];
    size_t at = 0, len = p->p_filesz;

    if (len > sizeof(bytes))
        return err_set(e, ENOEXEC, "a note segment has more than %d bytes",
                       ELF_NOTES_MAX);
    if (elf_copy(s, p->p_offset, bytes, len) < 0)
        return refuse(e, "a note segment lies beyond the file's end");
    while (len - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr h;
        size_t name, desc;

        memcpy(&h, bytes + at, sizeof(h));
        name = at + sizeof(h);
        desc = name + (((size_t)h.n_namesz + 3) & ~3ul);
        if (desc > len || h.n_descsz > len - desc)
            return refuse(e, "a note runs beyond its segment");
        if (h.n_type == HV_NOTE_TYPE && h.n_namesz == sizeof(HV_NOTE_NAME) &&
            memcmp(bytes + name, HV_NOTE_NAME, sizeof(HV_NOTE_NAME)) == 0) {
            if (h.n_descsz != sizeof(*note))
                return refuse(e, "its Hostel note has an unknown size");
            memcpy(note, bytes + desc, sizeof(*note));
            return 1;
        }
        at = desc + (((size_t)h.n_descsz + 3) & ~3ul);
        if (at > len)
            break;
    }
    return 0;
}

static int check_entry(const struct image *m, struct err *e)
{
    for (unsigned i = 0; i < m->nsegments; i++) {
        const struct image_segment *g = &m->segment[i];

        if (g->prot & HV_PROT_EXEC && m->entry >= g->addr &&
            m->entry < g->addr + g->len)
            return 0;
    }
    return refuse(e, "its entry is not in an executable segment");
}

static int check_program_header(const struct elf_source *s, struct image *m,
                                const Elf64_Phdr *p, bool *noted, struct err *e)
{
    int r;

    switch (p->p_type) {
    case PT_INTERP:
    case PT_DYNAMIC:
        return refuse(e, "it needs a dynamic linker: link it with -static");
    case PT_LOAD:
        return p->p_memsz ? add_segment(s, m, p, e) : 0;
    case PT_NOTE:
        r = find_note(s, p, &m->note, e);
        if (r == 1 && *noted)
            return refuse(e, "it has two Hostel notes");
        *noted |= r == 1;
        return r < 0 ? r : 0;
    default:
        return 0;
    }
}

int elf_check(const struct elf_source *s, struct image *m, struct err *e)
{
    bool noted = false;
    Elf64_Ehdr h;
    int r;

    memset(m, 0, sizeof(*m));
    if (elf_copy(s, 0, &h, sizeof(h)) < 0)
        return refuse(e, "not an ELF file");
    r = check_header(&h, e);
    for (unsigned i = 0; r == 0 && i < h.e_phnum; i++) {
        Elf64_Phdr p;

        // A huge e_phoff wraps to a small number here, still inside the file.
        if (elf_copy(s, h.e_phoff + i * sizeof(p), &p, sizeof(p)) < 0)
            return refuse(e, "its program headers lie beyond the file's end");
        r = check_program_header(s, m, &p, &noted, e);
    }
    if (r < 0)
        return r;
    m->entry = h.e_entry;
    if (m->nsegments == 0)
        return refuse(e, "it has nothing to load");
    if (check_entry(m, e) < 0)
        return -ENOEXEC;
    if (!noted)
        return refuse(e, "it has no Hostel note: build it with hostel-cc");
    if (m->note.abi_version != HV_ABI_VERSION)
        return err_set(e, ENOEXEC, "it was built for guest ABI %u; this is %u",
                       m->note.abi_version, HV_ABI_VERSION);
    return 0;
}

int elf_load(int fd, struct image *m, struct err *e)
{
    uint8_t head[HV_PAGE];
    struct elf_source s = {.head = head, .fd = fd};
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return err_errno(e, "fstat");
    if (!S_ISREG(st.st_mode))
        return refuse(e, "not a regular file");
    n = pread_full(fd, head, sizeof(head), 0);
    if (n < 0)
        return err_errno(e, "reading it");
    s.head_len = n;
    s.size = st.st_size;
    return elf_check(&s, m, e);
}
