// SPDX-License-Identifier: ISC
#include "tests/unit/powercut.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX   8
#define NAME_MAX_   512
#define FILE_MAX    (64u << 20)
#define REGIONS_MAX 64

// A write, or a truncation (data NULL), that was not synced yet.
struct change {
    struct change *next;
    size_t at, len; // a truncation: to `at`
    uint8_t *data;
};

struct image {
    uint8_t *bytes;
    size_t size, room;
};

struct disk_file {
    bool used;
    char name[NAME_MAX_];
    bool synced_once; // else a cut may take the name away
    bool deleted;     // a cut may bring it back
    unsigned open;
    struct image live, durable;
    struct change *changes, **last;
    // Shared memory of the wal-index: lost at a cut.
    void *regions[REGIONS_MAX];
    unsigned shm_open;
};

struct handle {
    sqlite3_file base;
    struct disk_file *file;
    bool delete_on_close;
};

static struct disk_file files[FILES_MAX];
static struct powercut_counts counts;
static uint64_t cut_at; // 0: never
static bool dead;
static uint64_t random_state;

static uint64_t pick(uint64_t limit)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % limit;
}

// ------------------------------------------------------------------- images

static void image_resize(struct image *image, size_t size)
{
    assert(size <= FILE_MAX);
    if (size > image->room) {
        image->room = 2 * size;
        image->bytes = realloc(image->bytes, image->room);
        assert(image->bytes);
    }
    if (size > image->size)
        memset(image->bytes + image->size, 0, size - image->size);
    image->size = size;
}

static void image_write(struct image *image, size_t at, const void *data,
                        size_t len)
{
    if (at + len > image->size)
        image_resize(image, at + len);
    memcpy(image->bytes + at, data, len);
}

static void image_free(struct image *image)
{
    free(image->bytes);
    memset(image, 0, sizeof(*image));
}

static void image_copy(struct image *to, const struct image *from)
{
    image_resize(to, from->size);
    if (from->size)
        memcpy(to->bytes, from->bytes, from->size);
}

// ------------------------------------------------------------------ changes

static void changes_drop(struct disk_file *file)
{
    while (file->changes) {
        struct change *gone = file->changes;

        file->changes = gone->next;
        free(gone->data);
        free(gone);
    }
    file->last = &file->changes;
}

static void change_add(struct disk_file *file, size_t at, const void *data,
                       size_t len)
{
    struct change *change = calloc(1, sizeof(*change));

    assert(change);
    change->at = at;
    change->len = len;
    if (data) {
        change->data = malloc(len);
        assert(change->data);
        memcpy(change->data, data, len);
    }
    *file->last = change;
    file->last = &change->next;
}

// What of one change the platters hold after the cut.
static void change_survive(struct image *durable, struct change *change)
{
    size_t part;

    switch (pick(4)) {
    case 0:
        counts.dropped++;
        return;
    case 1: // a beginning or an end, and rubbish for the rest or not
        counts.torn++;
        if (!change->data)
            return;
        part = pick(change->len + 1);
        if (pick(2))
            for (size_t i = part; i < change->len; i++)
                change->data[i] = pick(256);
        else if (pick(2))
            change->len = part;
        else {
            memmove(change->data, change->data + part, change->len - part);
            change->at += part;
            change->len -= part;
        }
        break;
    default:
        counts.kept++;
    }
    if (change->data)
        image_write(durable, change->at, change->data, change->len);
    else
        image_resize(durable, change->at);
}

static void file_free(struct disk_file *file)
{
    changes_drop(file);
    image_free(&file->live);
    image_free(&file->durable);
    for (int i = 0; i < REGIONS_MAX; i++)
        free(file->regions[i]);
    memset(file, 0, sizeof(*file));
}

static void file_cut(struct disk_file *file)
{
    for (struct change *c = file->changes; c; c = c->next)
        change_survive(&file->durable, c);
    changes_drop(file);
}

// Counts a writing operation; true: the power fails in it.
static bool power_fails(void)
{
    if (dead)
        return true;
    counts.operations++;
    if (cut_at == 0 || counts.operations < cut_at)
        return false;
    dead = true;
    counts.cuts++;
    return true;
}

// --------------------------------------------------------------- the methods

static struct disk_file *file_of(sqlite3_file *base)
{
    return ((struct handle *)base)->file;
}

static struct disk_file *file_find(const char *name)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (files[i].used && !files[i].deleted &&
            strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

static int disk_close(sqlite3_file *base)
{
    struct handle *handle = (struct handle *)base;

    handle->file->open--;
    if (handle->delete_on_close)
        file_free(handle->file);
    return SQLITE_OK;
}

static int disk_read(sqlite3_file *base, void *out, int len, sqlite3_int64 at)
{
    const struct image *live = &file_of(base)->live;
    size_t have = (size_t)at < live->size ? live->size - at : 0;

    if (dead)
        return SQLITE_IOERR_READ;
    if (have > (size_t)len)
        have = len;
    if (have)
        memcpy(out, live->bytes + at, have);
    memset((char *)out + have, 0, len - have);
    return have == (size_t)len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int disk_write(sqlite3_file *base, const void *data, int len,
                      sqlite3_int64 at)
{
    struct disk_file *file = file_of(base);
    bool fails = power_fails();

    if (fails && cut_at != counts.operations)
        return SQLITE_IOERR_WRITE;
    change_add(file, at, data, len);
    if (fails)
        return SQLITE_IOERR_WRITE;
    image_write(&file->live, at, data, len);
    return SQLITE_OK;
}

static int disk_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    if (power_fails())
        return SQLITE_IOERR_TRUNCATE;
    change_add(file_of(base), size, NULL, 0);
    image_resize(&file_of(base)->live, size);
    return SQLITE_OK;
}

// SQLite syncs the folder with the first sync of a new file; with it, what was
// deleted is gone for good, whatever its name.
static void deletions_sync(void)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (files[i].used && files[i].deleted)
            file_free(&files[i]);
}

static int disk_sync(sqlite3_file *base, int flags)
{
    struct disk_file *file = file_of(base);
    bool fails = power_fails();

    (void)flags;
    // The power may fail when all is written and only the answer is missing.
    if (fails && (cut_at != counts.operations || pick(2)))
        return SQLITE_IOERR_FSYNC;
    counts.syncs++;
    if (!file->synced_once)
        deletions_sync();
    image_copy(&file->durable, &file->live);
    changes_drop(file);
    file->synced_once = true;
    return fails ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int disk_size(sqlite3_file *base, sqlite3_int64 *size)
{
    *size = file_of(base)->live.size;
    return SQLITE_OK;
}

// One process with one connection at a time needs no locks.
static int disk_lock(sqlite3_file *base, int level)
{
    (void)base;
    (void)level;
    return SQLITE_OK;
}

static int disk_reserved(sqlite3_file *base, int *reserved)
{
    (void)base;
    *reserved = 0;
    return SQLITE_OK;
}

static int disk_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int disk_sector(sqlite3_file *base)
{
    (void)base;
    return 512;
}

static int disk_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE; // as on Linux
}

static int disk_shm_map(sqlite3_file *base, int region, int size, int extend,
                        void volatile **out)
{
    struct disk_file *file = file_of(base);

    assert(region < REGIONS_MAX);
    if (!file->regions[region] && extend)
        file->regions[region] = calloc(1, size);
    *out = file->regions[region];
    return SQLITE_OK;
}

static int disk_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
    (void)base;
    (void)offset;
    (void)n;
    (void)flags;
    return SQLITE_OK;
}

static void disk_shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static int disk_shm_unmap(sqlite3_file *base, int delete_it)
{
    struct disk_file *file = file_of(base);

    for (int i = 0; delete_it && i < REGIONS_MAX; i++) {
        free(file->regions[i]);
        file->regions[i] = NULL;
    }
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = disk_close,
    .xRead = disk_read,
    .xWrite = disk_write,
    .xTruncate = disk_truncate,
    .xSync = disk_sync,
    .xFileSize = disk_size,
    .xLock = disk_lock,
    .xUnlock = disk_lock,
    .xCheckReservedLock = disk_reserved,
    .xFileControl = disk_control,
    .xSectorSize = disk_sector,
    .xDeviceCharacteristics = disk_characteristics,
    .xShmMap = disk_shm_map,
    .xShmLock = disk_shm_lock,
    .xShmBarrier = disk_shm_barrier,
    .xShmUnmap = disk_shm_unmap,
};

// ------------------------------------------------------------------ the disk

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base,
                     int flags, int *out_flags)
{
    struct handle *handle = (struct handle *)base;
    struct disk_file *file = name ? file_find(name) : NULL;

    (void)vfs;
    base->pMethods = NULL;
    if (dead || (!file && !(flags & SQLITE_OPEN_CREATE)))
        return SQLITE_CANTOPEN;
    for (int i = 0; !file && i < FILES_MAX; i++)
        if (!files[i].used) {
            file = &files[i];
            file->used = true;
            file->last = &file->changes;
            snprintf(file->name, sizeof(file->name), "%s", name ? name : "");
        }
    assert(file);
    file->open++;
    handle->file = file;
    handle->delete_on_close = flags & SQLITE_OPEN_DELETEONCLOSE;
    base->pMethods = &methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

// SQLite does not sync the folder after it deleted a log.
static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct disk_file *file = file_find(name);

    (void)vfs;
    if (power_fails())
        return SQLITE_IOERR_DELETE;
    if (!file)
        return SQLITE_IOERR_DELETE_NOENT;
    file->deleted = true;
    if (sync || !file->synced_once)
        deletions_sync();
    return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    (void)flags;
    *out = file_find(name) != NULL;
    return dead ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int disk_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    snprintf(out, size, "%s", name);
    return SQLITE_OK;
}

void powercut_init(uint64_t seed)
{
    static sqlite3_vfs vfs;

    vfs = *sqlite3_vfs_find(NULL); // time, randomness
    vfs.pNext = NULL;
    vfs.zName = "powercut";
    vfs.szOsFile = sizeof(struct handle);
    vfs.mxPathname = NAME_MAX_ - 8;
    vfs.xOpen = disk_open;
    vfs.xDelete = disk_delete;
    vfs.xAccess = disk_access;
    vfs.xFullPathname = disk_path;
    random_state = seed;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}

void powercut_after(uint64_t operations)
{
    cut_at = operations ? counts.operations + operations : 0;
}

bool powercut_happened(void)
{
    return dead;
}

struct powercut_counts powercut_counts(void)
{
    return counts;
}

void powercut_restore(void)
{
    assert(dead);
    dead = false;
    cut_at = 0;
    for (int i = 0; i < FILES_MAX; i++) {
        struct disk_file *file = &files[i];

        if (!file->used)
            continue;
        assert(file->open == 0);
        file_cut(file);
        if ((!file->synced_once && pick(2)) ||
            (file->deleted && (file_find(file->name) || pick(2)))) {
            file_free(file);
            continue;
        }
        file->deleted = false;
        image_copy(&file->live, &file->durable);
        for (int region = 0; region < REGIONS_MAX; region++) {
            free(file->regions[region]);
            file->regions[region] = NULL;
        }
    }
}

void powercut_wipe(void)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (files[i].used)
            file_free(&files[i]);
}
