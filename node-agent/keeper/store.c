// SPDX-License-Identifier: ISC
// Blobs and logs; see store.h.

#include "node-agent/keeper/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/log.h"
#include "node-agent/keeper/limits.h"

// A blob's time of use is its mtime, not renewed more often than this.
#define USED_GRAIN_S 3600

#define BLOB_PATH 130 // two names of 64 digits, a slash, 0
static char *blob_path(char out[BLOB_PATH], const key_id_t *customer,
                       const uint8_t name[32])
{
    hex_encode(out, customer->b, 32);
    out[64] = '/';
    hex_encode(out + 65, name, 32);
    return out;
}

// ------------------------------------------------------------- open and close

static int folder(const char *name, struct err *e)
{
    int fd;

    if (mkdir(name, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "making the folder %s", name);
    fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_errno(e, "the folder %s", name) : fd;
}

// Calls `each` for every name in a folder but . and ..
static void names(int dir, void (*each)(void *arg, int dir, const char *name),
                  void *arg)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(d)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            each(arg, dir, entry->d_name);
    closedir(d);
}

static void count_blob(void *arg, int dir, const char *name)
{
    struct stat st;

    if (name[0] == '.') // a draft of a predecessor
        unlinkat(dir, name, 0);
    else if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        *(uint64_t *)arg += st.st_size;
}

// The same, but a draft is somebody's work.
static void add_blob(void *arg, int dir, const char *name)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        *(uint64_t *)arg += st.st_size;
}

static void count_customer(void *arg, int dir, const char *name)
{
    cleanup_close int fd =
        openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        names(fd, count_blob, arg);
}

int store_open(struct store *st, uint64_t max_bytes, struct err *e)
{
    *st = (struct store){.max_bytes = max_bytes};
    st->blobs = folder("blobs", e);
    st->logs = st->blobs < 0 ? -1 : folder("logs", e);
    st->cores = st->logs < 0 ? -1 : folder("cores", e);
    if (st->cores < 0)
        return e ? -e->code : -EIO;
    names(st->blobs, count_customer, &st->bytes);
    return 0;
}

void store_close(struct store *st)
{
    close(st->blobs);
    close(st->logs);
    close(st->cores);
}

// --------------------------------------------------------------------- blobs

uint64_t store_free(const struct store *st)
{
    struct statvfs v;

    return fstatvfs(st->blobs, &v) < 0 ? UINT64_MAX
                                       : (uint64_t)v.f_bavail * v.f_frsize;
}

uint64_t store_bytes_of(const struct store *st, const key_id_t *customer)
{
    char name[65];
    uint64_t bytes = 0;
    cleanup_close int fd =
        openat(st->blobs, hex_encode(name, customer->b, 32),
               O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0)
        names(fd, add_blob, &bytes);
    return bytes;
}

int store_room(const struct store *st, uint64_t len, struct err *e)
{
    if (st->bytes + len > st->max_bytes)
        return err_set(e, ENOSPC, "the node's store is full at the moment");
    if (store_free(st) < len + STORE_FREE_MIN)
        return err_set(e, ENOSPC, "the node's disk is full at the moment");
    return 0;
}

bool store_has(struct store *st, const key_id_t *customer,
               const uint8_t name[32])
{
    char path[BLOB_PATH];
    struct stat s;

    blob_path(path, customer, name);
    if (fstatat(st->blobs, path, &s, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (s.st_mtime + USED_GRAIN_S < time(NULL))
        utimensat(st->blobs, path, NULL, 0);
    return true;
}

#define DRAFT_NAME 24
static char *draft_name(char out[DRAFT_NAME], const struct draft *d)
{
    snprintf(out, DRAFT_NAME, ".%" PRIu64, d->number);
    return out;
}

// The folder of a customer, made durable when it is new.
static int customer_folder(struct store *st, const key_id_t *customer,
                           struct err *e)
{
    char name[65];
    int fd;

    hex_encode(name, customer->b, 32);
    if (mkdirat(st->blobs, name, 0700) == 0) {
        if (fsync(st->blobs) < 0)
            return err_errno(e, "syncing the store");
    } else if (errno != EEXIST) {
        return err_errno(e, "making a customer's folder");
    }
    fd = openat(st->blobs, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_errno(e, "a customer's folder") : fd;
}

static void draft_close(struct draft *d)
{
    close(d->fd);
    close(d->folder);
    d->fd = d->folder = -1;
}

int store_draft(struct store *st, struct draft *d, const key_id_t *customer,
                struct err *e)
{
    char name[DRAFT_NAME];

    d->fd = -1;
    d->number = st->drafts++;
    d->folder = customer_folder(st, customer, e);
    if (d->folder < 0)
        return d->folder;
    d->fd = openat(d->folder, draft_name(name, d),
                   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (d->fd < 0) {
        err_errno(e, "making a blob");
        close(d->folder);
        return e ? -e->code : -EIO;
    }
    return 0;
}

void store_drop(struct draft *d)
{
    char name[DRAFT_NAME];

    unlinkat(d->folder, draft_name(name, d), 0);
    draft_close(d);
}

int store_keep(struct store *st, struct draft *d, const uint8_t name[32],
               struct err *e)
{
    char from[DRAFT_NAME], to[65];
    struct stat s;

    draft_name(from, d);
    hex_encode(to, name, 32);
    if (fsync(d->fd) < 0 || fstat(d->fd, &s) < 0 ||
        renameat(d->folder, from, d->folder, to) < 0 || fsync(d->folder) < 0) {
        err_errno(e, "keeping a blob");
        store_drop(d);
        return e ? -e->code : -EIO;
    }
    st->bytes += s.st_size;
    draft_close(d);
    return 0;
}

int store_put(struct store *st, const key_id_t *customer,
              const uint8_t name[32], const void *data, size_t len,
              struct err *e)
{
    struct draft d;
    int r;

    if (store_has(st, customer, name))
        return 0;
    r = store_draft(st, &d, customer, e);
    if (r < 0)
        return r;
    r = write_full(d.fd, data, len);
    if (r < 0) {
        errno = -r;
        r = err_errno(e, "writing a blob");
        store_drop(&d);
        return r;
    }
    return store_keep(st, &d, name, e);
}

int store_get(struct store *st, const key_id_t *customer,
              const uint8_t name[32], struct err *e)
{
    char path[BLOB_PATH];
    int fd;

    blob_path(path, customer, name);
    fd = openat(st->blobs, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? err_errno(e, "a stored file") : fd;
}

// ---------------------------------------------------------------------- logs

#define LOG_NAME 48
static char *log_name(char out[LOG_NAME], const sub_id_t *id,
                      enum log_kind kind)
{
    hex_encode(out, id->b, sizeof(id->b));
    strcpy(out + 2 * sizeof(id->b), kind == LOG_BUILD   ? ".build"
                                    : kind == LOG_FILES ? ".files"
                                    : kind == LOG_MARKS ? ".marks"
                                                        : ".console");
    return out;
}

// Of a run that is not over. In the folder of the others: a keeper cannot move
// files between folders.
static char *core_name(char out[LOG_NAME], const sub_id_t *id)
{
    hex_encode(out, id->b, sizeof(id->b));
    strcpy(out + 2 * sizeof(id->b), ".running");
    return out;
}

int store_log_new(struct store *st, const sub_id_t *id, enum log_kind kind,
                  struct err *e)
{
    char name[LOG_NAME];
    int fd = openat(st->logs, log_name(name, id, kind),
                    O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

    return fd < 0 ? err_errno(e, "making a log") : fd;
}

int store_log_more(struct store *st, const sub_id_t *id, enum log_kind kind,
                   struct err *e)
{
    char name[LOG_NAME];
    int fd = openat(st->logs, log_name(name, id, kind),
                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    return fd < 0 ? err_errno(e, "going on with a log") : fd;
}

int store_log_open(struct store *st, const sub_id_t *id, enum log_kind kind,
                   bool make, struct err *e)
{
    char name[LOG_NAME];
    int fd = openat(st->logs, log_name(name, id, kind),
                    O_RDONLY | O_CLOEXEC | (make ? O_CREAT : 0), 0600);

    return fd < 0 ? err_errno(e, "the log") : fd;
}

int store_log_used(struct store *st, const sub_id_t *id, struct err *e)
{
    char from[LOG_NAME], to[LOG_NAME];

    // It is empty. Without one, or should this fail: a new one.
    if (st->nspares) {
        log_name(from, &st->spare[--st->nspares], LOG_CONSOLE);
        if (renameat(st->logs, from, st->logs, log_name(to, id, LOG_CONSOLE)) ==
            0)
            return store_log_more(st, id, LOG_CONSOLE, e);
    }
    return store_log_new(st, id, LOG_CONSOLE, e);
}

// Emptied now and not when it is opened again: ext4 writes to the disk at once,
// when it is closed, what was written to a file after it was emptied. So a
// program's end would wait for the disk, and pay for it.
void store_log_reuse(struct store *st, const sub_id_t *id)
{
    char name[LOG_NAME];
    int fd = -1;

    log_name(name, id, LOG_CONSOLE);
    if (st->nspares < CONSOLE_SPARES_MAX)
        fd =
            openat(st->logs, name, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        unlinkat(st->logs, name, 0);
        return;
    }
    close(fd);
    st->spare[st->nspares++] = *id;
}

void store_log_drop(struct store *st, const sub_id_t *id)
{
    char name[LOG_NAME];

    unlinkat(st->logs, log_name(name, id, LOG_CONSOLE), 0);
    unlinkat(st->logs, log_name(name, id, LOG_BUILD), 0);
    unlinkat(st->logs, log_name(name, id, LOG_FILES), 0);
    unlinkat(st->logs, log_name(name, id, LOG_MARKS), 0);
    unlinkat(st->cores, core_name(name, id), 0);
}

// --------------------------------------------------------------------- cores

struct cores {
    unsigned n;
    struct timespec at; // of the oldest
    char oldest[NAME_MAX + 1];
};

static void count_core(void *arg, int dir, const char *name)
{
    struct cores *c = arg;
    const char *suffix = strrchr(name, '.');
    struct stat st;

    if (!suffix || strcmp(suffix, ".core") ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (c->n++ && (st.st_mtim.tv_sec > c->at.tv_sec ||
                   (st.st_mtim.tv_sec == c->at.tv_sec &&
                    st.st_mtim.tv_nsec >= c->at.tv_nsec)))
        return;
    c->at = st.st_mtim;
    snprintf(c->oldest, sizeof(c->oldest), "%s", name);
}

int store_core_new(struct store *st, const sub_id_t *id, struct err *e)
{
    char name[LOG_NAME];
    int fd = openat(st->cores, core_name(name, id),
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    return fd < 0 ? err_errno(e, "making a file for a core") : fd;
}

bool store_core_keep(struct store *st, const sub_id_t *id, const char *name)
{
    char from[LOG_NAME], to[NAME_MAX + 1];
    struct cores c = {0};
    struct stat s;

    core_name(from, id);
    if (fstatat(st->cores, from, &s, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (!s.st_size) {
        unlinkat(st->cores, from, 0);
        return false;
    }
    snprintf(to, sizeof(to), "%s.core", name);
    unlinkat(st->cores, to, 0);
    names(st->cores, count_core, &c);
    if (c.n >= CORES_MAX)
        unlinkat(st->cores, c.oldest, 0);
    return renameat(st->cores, from, st->cores, to) == 0;
}

// --------------------------------------------------------------------- sweep

struct found {
    time_t used_s;
    uint64_t bytes;
    key_id_t customer;
    uint8_t name[32];
};

struct finding {
    struct found *at;
    size_t n, room;
    key_id_t customer; // whose folder is being read
};

static void find_blob(void *arg, int dir, const char *name)
{
    struct finding *f = arg;
    struct found one = {.customer = f->customer};
    struct stat st;

    if (hex_decode(one.name, sizeof(one.name), name) < 0 ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (f->n == f->room) {
        size_t room = f->room ? 2 * f->room : 256;
        struct found *at = realloc(f->at, room * sizeof(*at));

        if (!at)
            return; // it is found the next time
        f->at = at;
        f->room = room;
    }
    one.used_s = st.st_mtime;
    one.bytes = st.st_size;
    f->at[f->n++] = one;
}

static void find_customer(void *arg, int dir, const char *name)
{
    struct finding *f = arg;
    cleanup_close int fd = -1;

    if (hex_decode(f->customer.b, sizeof(f->customer.b), name) < 0)
        return;
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        names(fd, find_blob, f);
}

static int older_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return (x->used_s > y->used_s) - (x->used_s < y->used_s);
}

static void remove_empty(void *arg, int dir, const char *name)
{
    (void)arg;
    unlinkat(dir, name, AT_REMOVEDIR); // fails when anything is in it
}

void store_sweep(struct store *st, uint64_t keep_s,
                 bool (*used)(void *arg, const key_id_t *customer,
                              const uint8_t name[32]),
                 void *arg)
{
    struct finding f = {0};
    time_t now_s = time(NULL);

    names(st->blobs, find_customer, &f);
    if (f.n)
        qsort(f.at, f.n, sizeof(f.at[0]), older_first);
    st->bytes = 0;
    for (size_t i = 0; i < f.n; i++)
        st->bytes += f.at[i].bytes;
    for (size_t i = 0; i < f.n; i++) {
        const struct found *b = &f.at[i];
        char path[BLOB_PATH];

        // Past the maximum, down to three quarters of it: not at each sweep.
        if (b->used_s + (time_t)keep_s > now_s &&
            st->bytes <= st->max_bytes / 4 * 3)
            break;
        if (used(arg, &b->customer, b->name))
            continue;
        blob_path(path, &b->customer, b->name);
        if (unlinkat(st->blobs, path, 0) == 0)
            st->bytes -= b->bytes;
    }
    free(f.at);
    names(st->blobs, remove_empty, NULL);
}
