// SPDX-License-Identifier: ISC
/*
 * The program's files on their way out, see outputs.h. Each member is a block
 * of 512 bytes that describes it and, of a file, its bytes, filled up to whole
 * blocks; two blocks of zeros end the archive.
 *
 * Nobody's word counts here: the program may have written anything anywhere.
 * Whoever takes the archive reads it as a stranger's.
 */
#include "unikernel-runtime/fs/outputs.h"
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/console.h"

#include <string.h>
#include <sys/stat.h>

#define BLOCK 512u

// Lengths of numbers: eight digits of 3 bits, eleven for sizes and times.
struct member {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type;
    char link[100], magic[6], version[2], owner[32], group[32];
    char major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct member) == BLOCK, "one block");

#define PATH_LEN (sizeof(((struct member *)0)->prefix) + 100)
#define FILE_MAX 077777777777ull // by the digits of `size`

// A path that grows and shrinks as the tree is walked.
struct walk {
    char path[PATH_LEN];
    size_t len;
    uint64_t bytes; // of the whole archive
    unsigned passed_over;
    int sending;
};

static void octal(char *out, size_t digits, uint64_t n)
{
    while (digits--) {
        out[digits] = '0' + (n & 7);
        n >>= 3;
    }
}

static uint64_t blocks(uint64_t len)
{
    return (len + BLOCK - 1) / BLOCK * BLOCK;
}

static void zeros_send(size_t len)
{
    static const char zeros[BLOCK];
    console_files_write(zeros, len);
}

// Splits the path at a slash into what fits prefix and name. 0: it does not.
static int name_fill(struct member *m, const struct walk *w)
{
    const char *name = w->path;
    if (w->len > sizeof m->name) {
        name = memchr(w->path + w->len - sizeof m->name - 1, '/',
                      sizeof m->name + 1);
        if (!name || name - w->path > (long)sizeof m->prefix)
            return 0;
        memcpy(m->prefix, w->path, name - w->path);
        name++;
    }
    memcpy(m->name, name, w->path + w->len - name);
    return 1;
}

static int member_fill(struct member *m, const struct walk *w,
                       const struct node *n)
{
    memset(m, 0, sizeof *m);
    if (!name_fill(m, w))
        return 0;
    octal(m->mode, 7, n->mode & 0777);
    octal(m->uid, 7, 0);
    octal(m->gid, 7, 0);
    octal(m->size, 11, S_ISREG(n->mode) ? n->len : 0);
    octal(m->mtime, 11, n->mtime_ns / NS_PER_S);
    m->type = S_ISREG(n->mode) ? '0' : '5';
    memcpy(m->magic, "ustar", 6);
    memcpy(m->version, "00", 2);
    memset(m->sum, ' ', sizeof m->sum);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof *m; i++)
        sum += ((const unsigned char *)m)[i];
    octal(m->sum, 6, sum);
    m->sum[6] = '\0';
    return 1;
}

static void member_send(struct walk *w, const struct node *n)
{
    struct member m;
    uint64_t len = S_ISREG(n->mode) ? n->len : 0;
    if (len > FILE_MAX || !member_fill(&m, w, n)) {
        w->passed_over++;
        return;
    }
    w->bytes += sizeof m + blocks(len);
    if (!w->sending)
        return;
    console_files_write((const char *)&m, sizeof m);
    console_files_write((const char *)n->data, len);
    zeros_send(blocks(len) - len);
}

// Each level adds two characters to the path at least, so PATH_LEN bounds how
// deep this goes.
static void folder_walk(struct walk *w, const struct node *dir)
{
    for (const struct node *n = dir->first; n; n = n->next) {
        size_t before = w->len, len = strlen(n->name);
        if ((!S_ISREG(n->mode) && !S_ISDIR(n->mode)) ||
            before + len + 2 > sizeof w->path) {
            w->passed_over++;
            continue;
        }
        memcpy(w->path + w->len, n->name, len);
        w->len += len;
        member_send(w, n);
        w->path[w->len++] = '/';
        if (S_ISDIR(n->mode))
            folder_walk(w, n);
        w->len = before;
    }
}

static void say(const char *text)
{
    console_write(text, strlen(text));
}

static void say_number(uint64_t n)
{
    char digits[21], *at = digits + sizeof digits - 1;
    *at = '\0';
    do
        *--at = '0' + n % 10;
    while (n /= 10);
    say(at);
}

static struct node *out; // stays, whatever the program does to its name

void outputs_open(struct node *folder)
{
    if (!folder)
        return;
    folder->refs++;
    out = folder;
    exit_hook = outputs_send;
}

void outputs_send(void)
{
    RAMFS_LOCKED;
    static struct walk w;
    if (!out->first)
        return;
    folder_walk(&w, out);
    w.bytes += 2 * BLOCK;
    if (w.passed_over) {
        say("hostel: not kept of " OUTPUTS_FOLDER ", for paths that are too "
            "long or no files: ");
        say_number(w.passed_over);
        say("\n");
    }
    if (w.bytes > console_files_max()) {
        say("hostel: " OUTPUTS_FOLDER " is not kept: as an archive it takes ");
        say_number(w.bytes);
        say(" bytes, and so many are allowed: ");
        say_number(console_files_max());
        say("\n");
        return;
    }
    w.len = 0;
    w.sending = 1;
    console_files_begin();
    folder_walk(&w, out);
    zeros_send(BLOCK);
    zeros_send(BLOCK);
}
