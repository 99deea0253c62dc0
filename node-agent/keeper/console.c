// SPDX-License-Identifier: ISC
// Consoles, see console.h.

#include "node-agent/keeper/console.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

int console_begin(struct keeper *k, struct sub *s, struct err *e)
{
    if (s->info.incarnation)
        return store_log_more(&k->store, &s->info.id, LOG_CONSOLE, e);
    if (s->console_read)
        return store_log_new(&k->store, &s->info.id, LOG_CONSOLE, e);
    return store_log_used(&k->store, &s->info.id, e);
}

struct mark {
    uint64_t real_ns, bytes;
};

#define MARK_BYTES 64u
#define MARK_NS    60000000000u

void console_mark(struct keeper *k, struct sub *s, uint64_t now_real_ns)
{
    struct mark m = {now_real_ns, s->info.usage.console_bytes};
    cleanup_close int fd = -1;

    if (m.bytes == s->marked_bytes || (m.bytes < s->marked_bytes + MARK_BYTES &&
                                       m.real_ns < s->marked_real_ns + MARK_NS))
        return;
    fd = store_log_more(&k->store, &s->info.id, LOG_MARKS, NULL);
    // A mark that is missing makes an answer longer, no more.
    if (fd < 0 || write_full(fd, &m, sizeof(m)) < 0)
        return;
    s->marked_bytes = m.bytes;
    s->marked_real_ns = m.real_ns;
}

uint64_t console_since(struct keeper *k, const struct sub_info *info,
                       uint64_t since_real_ns, uint64_t len)
{
    cleanup_close int fd = -1;
    uint64_t from = 0;
    struct mark m;

    if (info->ended_real_ns && since_real_ns > info->ended_real_ns)
        return len;
    fd = store_log_open(&k->store, &info->id, LOG_MARKS, false, NULL);
    for (off_t at = 0; fd >= 0; at += sizeof(m)) {
        if (pread_full(fd, &m, sizeof(m), at) != sizeof(m) ||
            m.real_ns > since_real_ns)
            break;
        from = m.bytes;
    }
    return from < len ? from : len;
}

void console_over(struct keeper *k, struct sub *s)
{
    cleanup_close int fd = -1;
    char text[CONSOLE_KEPT_MAX];
    struct stat st;
    struct err e;
    ssize_t n;

    if (s->info.run.mode != RUN_ONCE || s->console_read || s->console_kept ||
        k->nreuse == CONSOLE_REUSE_MAX)
        return;
    fd = store_log_open(&k->store, &s->info.id, LOG_CONSOLE, false, NULL);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > (off_t)sizeof(text))
        return;
    n = pread_full(fd, text, st.st_size, 0);
    if (n != st.st_size)
        return;
    if (journal_console_add(&k->journal, &s->info.id, text, n, &e) < 0)
        keeper_fail(k, &e);
    s->console_kept = true;
    k->reuse[k->nreuse++] = s->info.id;
}

void console_reuse(struct keeper *k)
{
    while (k->nreuse)
        store_log_reuse(&k->store, &k->reuse[--k->nreuse]);
}

// As a file, for whoever reads logs by their descriptor. -ENOENT: it is not in
// the journal.
static int kept_open(struct keeper *k, const sub_id_t *id)
{
    cleanup_buf struct buf text = BUF_INIT(CONSOLE_KEPT_MAX);
    cleanup_close int fd = -1;
    struct err e;
    int r = journal_console(&k->journal, id, &text, &e);

    if (r < 0 && r != -ENOENT)
        keeper_fail(k, &e);
    if (r < 0)
        return r;
    fd = memfd_create("console", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    r = write_full(fd, text.data, text.len);
    return r < 0 ? r : steal_fd(&fd);
}

int console_open(struct keeper *k, const sub_id_t *id, struct sub *live)
{
    int fd = -ENOENT;

    if (!live || live->console_kept)
        fd = kept_open(k, id);
    if (fd != -ENOENT)
        return fd;
    if (live)
        live->console_read = true;
    // One that has not started will write to the file that is made now.
    return store_log_open(&k->store, id, LOG_CONSOLE, live != NULL, NULL);
}
