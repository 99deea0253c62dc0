// SPDX-License-Identifier: ISC
// Names for addresses; see symbols.h.

#include "hypervisor/monitor/symbols.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include "hypervisor/abi/hv.h"

#define SECTIONS_MAX 512
#define CHUNK        64 // symbols read at once

struct table {
    uint64_t symbols, count, strings, strings_len;
};

static bool read_at(int fd, uint64_t at, void *to, size_t len)
{
    return at <= INT64_MAX && pread(fd, to, len, at) == (ssize_t)len;
}

// Where the symbols and their names lie in the file. The numbers are only
// ever offsets for pread, which refuses what is not there.
static bool find_table(int fd, struct table *t)
{
    Elf64_Ehdr h;
    Elf64_Shdr s, names;

    if (!read_at(fd, 0, &h, sizeof(h)) || h.e_shentsize != sizeof(s) ||
        h.e_shnum > SECTIONS_MAX)
        return false;
    for (unsigned i = 0; i < h.e_shnum; i++) {
        if (!read_at(fd, h.e_shoff + i * sizeof(s), &s, sizeof(s)))
            return false;
        if (s.sh_type != SHT_SYMTAB || s.sh_entsize != sizeof(Elf64_Sym))
            continue;
        if (s.sh_link >= h.e_shnum ||
            !read_at(fd, h.e_shoff + s.sh_link * sizeof(s), &names,
                     sizeof(names)))
            return false;
        *t = (struct table){s.sh_offset, s.sh_size / sizeof(Elf64_Sym),
                            names.sh_offset, names.sh_size};
        if (t->count > SYMBOLS_MAX)
            t->count = SYMBOLS_MAX;
        return true;
    }
    return false;
}

struct match {
    uint64_t value, size;
    uint32_t name;
    bool found;
};

static void consider(const Elf64_Sym *s, uint64_t address, struct match *m)
{
    unsigned type = ELF64_ST_TYPE(s->st_info);

    if ((type != STT_FUNC && type != STT_NOTYPE) || s->st_name == 0 ||
        s->st_shndx == SHN_UNDEF || s->st_shndx == SHN_ABS ||
        s->st_value > address || address >= HV_IMAGE_LIMIT)
        return;
    if (s->st_size && address - s->st_value >= s->st_size)
        return;
    // The nearest; of two at one place the one that says how long it is.
    if (m->found && (s->st_value < m->value ||
                     (s->st_value == m->value && m->size >= s->st_size)))
        return;
    *m = (struct match){s->st_value, s->st_size, s->st_name, true};
}

// Printable ASCII only: it goes to terminals.
static void copy_name(int fd, const struct table *t, uint32_t at, char *name)
{
    char raw[SYMBOL_NAME_MAX] = "";
    ssize_t n = at < t->strings_len && t->strings + at <= INT64_MAX
                    ? pread(fd, raw, sizeof(raw) - 1, t->strings + at)
                    : 0;
    ssize_t i;

    for (i = 0; i < n && raw[i]; i++)
        name[i] = raw[i] > ' ' && raw[i] < 127 ? raw[i] : '?';
    name[i] = 0;
}

void symbols_find(int image_fd, struct symbol *out, size_t n)
{
    struct match best[SYMBOLS_AT_ONCE];
    Elf64_Sym chunk[CHUNK];
    struct table t;

    if (n > SYMBOLS_AT_ONCE)
        n = SYMBOLS_AT_ONCE;
    memset(best, 0, sizeof(best));
    for (size_t i = 0; i < n; i++)
        out[i].name[0] = 0;
    if (image_fd < 0 || !find_table(image_fd, &t))
        return;
    for (uint64_t at = 0; at < t.count; at += CHUNK) {
        uint64_t len = t.count - at < CHUNK ? t.count - at : CHUNK;

        if (!read_at(image_fd, t.symbols + at * sizeof(chunk[0]), chunk,
                     len * sizeof(chunk[0])))
            break;
        for (uint64_t k = 0; k < len; k++)
            for (size_t i = 0; i < n; i++)
                consider(&chunk[k], out[i].address, &best[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if (!best[i].found)
            continue;
        out[i].offset = out[i].address - best[i].value;
        copy_name(image_fd, &t, best[i].name, out[i].name);
    }
}
