// SPDX-License-Identifier: ISC
// The ELF loader: what it makes of a good image, one sentence for each thing
// that can be wrong with a bad one, and every truncation.

#include <elf.h>

#include "hypervisor/monitor/elf.h"
#include "tests/unit/lib_check.h"

// A small image: text, constants, data with zeroes behind it, and the note.
struct file {
    Elf64_Ehdr header;
    Elf64_Phdr segment[4];
    struct {
        Elf64_Nhdr head;
        char name[8];
        struct hv_note note;
    } __attribute__((packed)) note;
    uint8_t rest[0x4000];
};
#define TEXT   0
#define RODATA 1
#define DATA   2
#define NOTE   3

static struct file good(void)
{
    struct file f = {.header = {.e_type = ET_EXEC,
                                .e_machine = EM_X86_64,
                                .e_version = EV_CURRENT,
                                .e_entry = 0x10401010,
                                .e_phoff = offsetof(struct file, segment),
                                .e_phentsize = sizeof(Elf64_Phdr),
                                .e_phnum = 4},
                     .segment = {{.p_type = PT_LOAD,
                                  .p_flags = PF_R | PF_X,
                                  .p_offset = 0x1000,
                                  .p_vaddr = 0x10401000,
                                  .p_filesz = 0x800,
                                  .p_memsz = 0x800},
                                 {.p_type = PT_LOAD,
                                  .p_flags = PF_R,
                                  .p_offset = 0x2000,
                                  .p_vaddr = 0x10402000,
                                  .p_filesz = 0x10,
                                  .p_memsz = 0x10},
                                 {.p_type = PT_LOAD,
                                  .p_flags = PF_R | PF_W,
                                  .p_offset = 0x3100,
                                  .p_vaddr = 0x10404100,
                                  .p_filesz = 0x200,
                                  .p_memsz = 0x3000},
                                 {.p_type = PT_NOTE,
                                  .p_offset = offsetof(struct file, note),
                                  .p_filesz = sizeof(f.note)}},
                     .note = {.head = {sizeof(HV_NOTE_NAME),
                                       sizeof(struct hv_note), HV_NOTE_TYPE},
                              .name = HV_NOTE_NAME,
                              .note = {.abi_version = HV_ABI_VERSION,
                                       .min_memory_kib = 512}}};

    memcpy(f.header.e_ident, ELFMAG, SELFMAG);
    f.header.e_ident[EI_CLASS] = ELFCLASS64;
    f.header.e_ident[EI_DATA] = ELFDATA2LSB;
    f.header.e_ident[EI_VERSION] = EV_CURRENT;
    return f;
}

static int check(const struct file *f, struct image *m, struct err *e)
{
    const struct elf_source s = {(const uint8_t *)f, sizeof(*f), sizeof(*f),
                                 -1};

    return elf_check(&s, m, e);
}

static void test_good(void)
{
    struct file f = good();
    struct image m;

    CHECK_WORKS(check(&f, &m, e));
    CHECK(m.entry == 0x10401010 && m.low == 0x10401000 && m.high == 0x10408000);
    CHECK(m.nsegments == 3 && m.note.min_memory_kib == 512);
    CHECK(m.segment[0].prot == (HV_PROT_READ | HV_PROT_EXEC));
    CHECK(m.segment[0].addr == 0x10401000 && m.segment[0].len == 0x1000 &&
          m.segment[0].file_len == 0x1000 && m.segment[0].zero_at == 0);
    CHECK(m.segment[1].prot == HV_PROT_READ);
    // Data begins within a page; its zeroes begin within the file's last one.
    CHECK(m.segment[2].addr == 0x10404000 && m.segment[2].offset == 0x3000 &&
          m.segment[2].file_len == 0x1000 && m.segment[2].len == 0x4000 &&
          m.segment[2].zero_at == 0x10404300);
}

// Changes one thing of a good file and expects the sentence.
#define REFUSED(change, sentence)                                              \
    do {                                                                       \
        struct file f = good();                                                \
        struct image m;                                                        \
                                                                               \
        change;                                                                \
        CHECK_FAILS(check(&f, &m, e), sentence);                               \
    } while (0)

static void test_headers(void)
{
    REFUSED(f.header.e_ident[0] = 'X', "not an ELF file");
    REFUSED(f.header.e_ident[EI_CLASS] = ELFCLASS32, "64-bit little-endian");
    REFUSED(f.header.e_ident[EI_DATA] = ELFDATA2MSB, "64-bit little-endian");
    REFUSED(f.header.e_version = 7, "64-bit little-endian");
    REFUSED(f.header.e_machine = EM_AARCH64, "not for x86-64");
    REFUSED(f.header.e_type = ET_DYN, "position-independent");
    REFUSED(f.header.e_type = ET_REL, "not an executable");
    REFUSED(f.header.e_phentsize = 55, "unknown size");
    REFUSED(f.header.e_phnum = 0, "0 program headers");
    REFUSED(f.header.e_phnum = 65535, "65535 program headers");
    REFUSED(f.header.e_phoff = sizeof(f) - 100, "beyond the file's end");
    REFUSED(f.header.e_phoff = UINT64_MAX - 60, "beyond the file's end");
}

static void test_segments(void)
{
    REFUSED(f.segment[TEXT].p_flags = PF_R | PF_W | PF_X,
            "segment 0 is writable and executable");
    REFUSED(f.segment[DATA].p_flags = PF_W | PF_X,
            "segment 2 is writable and executable");
    REFUSED(f.segment[RODATA].p_vaddr = 0x10401000, "segments 0 and 1 overlap");
    // On the same page, though not on the same bytes.
    REFUSED((f.segment[RODATA].p_vaddr = 0x10401900,
             f.segment[RODATA].p_offset = 0x2900),
            "segments 0 and 1 overlap");
    REFUSED(f.segment[DATA].p_vaddr = 0x10400100, "do not ascend");
    REFUSED(f.segment[DATA].p_filesz = 0x4000,
            "more bytes in the file than in memory");
    REFUSED(f.segment[DATA].p_offset = sizeof(f) - 0xff,
            "beyond the file's end");
    REFUSED(f.segment[DATA].p_offset = UINT64_MAX - 0x100,
            "beyond the file's end");
    REFUSED(f.segment[DATA].p_offset = 0x3101, "differ within the page");
    REFUSED(f.segment[TEXT].p_vaddr = 0x103ff000, "not within the image's");
    REFUSED(f.segment[TEXT].p_vaddr = 0, "not within the image's");
    REFUSED(f.segment[DATA].p_memsz = HV_IMAGE_LIMIT, "not within the image's");
    REFUSED(f.segment[DATA].p_memsz = UINT64_MAX, "not within the image's");
    REFUSED(f.segment[DATA].p_vaddr = HV_IMAGE_LIMIT + 0x100,
            "not within the image's");
    REFUSED(f.segment[DATA].p_vaddr = UINT64_MAX - 0xeff,
            "not within the image's");
    REFUSED(f.segment[RODATA].p_memsz = 0x20, "ends in zeroes");
    REFUSED(f.segment[NOTE].p_type = PT_INTERP, "dynamic linker");
    REFUSED(f.segment[NOTE].p_type = PT_DYNAMIC, "dynamic linker");
    REFUSED(f.segment[TEXT].p_type = f.segment[RODATA].p_type =
                f.segment[DATA].p_type = PT_NULL,
            "nothing to load");
}

static void test_entry(void)
{
    REFUSED(f.header.e_entry = 0x10402000, "entry");
    REFUSED(f.header.e_entry = 0, "entry");
    REFUSED(f.header.e_entry = HV_SETUP_VA, "entry");
    REFUSED(f.header.e_entry = 0x10402000, "entry");
}

static void test_note(void)
{
    REFUSED(f.segment[NOTE].p_type = PT_NULL, "no Hostel note");
    REFUSED(f.note.name[0] = 'h', "no Hostel note");
    REFUSED(f.note.head.n_type = 2, "no Hostel note");
    REFUSED(f.note.head.n_descsz = 20, "unknown size");
    REFUSED(f.note.head.n_descsz = UINT32_MAX, "runs beyond its segment");
    REFUSED(f.note.head.n_namesz = UINT32_MAX, "runs beyond its segment");
    REFUSED(f.note.note.abi_version = 1, "guest ABI 1; this is 2");
    REFUSED(f.segment[NOTE].p_filesz = 5000, "more than 4096 bytes");
    REFUSED(f.segment[NOTE].p_offset = sizeof(f) - 3, "beyond the file's end");
    REFUSED(f.segment[RODATA] = f.segment[NOTE], "two Hostel notes");
}

static void test_many_segments(void)
{
    struct {
        struct file f;
        Elf64_Phdr more[IMAGE_SEGMENTS_MAX + 2];
    } big = {.f = good()};
    const struct elf_source s = {(const uint8_t *)&big, sizeof(big),
                                 sizeof(big), -1};
    struct image m;

    big.f.header.e_phoff = sizeof(big.f);
    big.f.header.e_phnum = IMAGE_SEGMENTS_MAX + 2;
    for (unsigned i = 0; i < IMAGE_SEGMENTS_MAX + 1; i++) {
        big.more[i] = big.f.segment[TEXT];
        big.more[i].p_vaddr += i * HV_PAGE;
    }
    big.more[IMAGE_SEGMENTS_MAX + 1] = big.f.segment[NOTE];
    CHECK_FAILS(elf_check(&s, &m, e), "more than 16 segments");
    big.more[IMAGE_SEGMENTS_MAX].p_type = PT_NULL;
    CHECK_WORKS(elf_check(&s, &m, e));
    CHECK(m.nsegments == IMAGE_SEGMENTS_MAX);
}

// No truncation is taken, and nothing is read beyond the end.
static void test_truncated(void)
{
    struct file f = good();
    struct guarded g = guarded_new(sizeof(f));
    // What the loader looks at ends where the last segment's bytes do.
    const size_t needed = f.segment[DATA].p_offset + f.segment[DATA].p_filesz;

    for (size_t len = 0; len < sizeof(f); len++) {
        struct elf_source s = {guarded_put(&g, &f, len), len, len, -1};
        struct err e = {0};
        struct image m;

        CHECK((elf_check(&s, &m, &e) == 0) == (len >= needed));
        CHECK(len >= needed || e.text[0]);
    }
    guarded_free(&g);
}

int main(void)
{
    test_good();
    test_headers();
    test_segments();
    test_entry();
    test_note();
    test_many_segments();
    test_truncated();
    return 0;
}
