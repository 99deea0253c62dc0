// SPDX-License-Identifier: ISC
// Disks of a domain's description; see disk.h.

#include "hypervisor/monitor/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define WINDOW_KIB 2048 // queue, and 1 MiB under way beside 1 MiB to come
#define WORD_MAX   PATH_MAX

// ------------------------------------------------------------------ syntax

static int set_target(struct disk *d, const char *text, struct err *e)
{
    static const struct prefix {
        const char *text;
        enum disk_format format;
    } prefixes[] = {{"phy:", DISK_RAW},
                    {"file:", DISK_RAW},
                    {"raw:", DISK_RAW},
                    {"qcow2:", DISK_QCOW2},
                    {"vhost-user:", DISK_VHOST_USER}};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t n = strlen(prefixes[i].text);

        if (strncmp(text, prefixes[i].text, n))
            continue;
        if (d->format && d->format != prefixes[i].format)
            return err_set(e, EINVAL, "disk: \"%s\" contradicts its format",
                           text);
        d->format = prefixes[i].format;
        text += n;
        break;
    }
    if (!*text)
        return err_set(e, EINVAL, "disk: it has no target");
    if (strlen(text) >= sizeof(d->target))
        return err_set(e, ENAMETOOLONG, "disk: its target is too long");
    strcpy(d->target, text);
    return 0;
}

static int set_format(struct disk *d, const char *text, struct err *e)
{
    enum disk_format f;

    if (strcmp(text, "raw") == 0 || !*text)
        f = DISK_RAW;
    else if (strcmp(text, "qcow2") == 0)
        f = DISK_QCOW2;
    else
        return err_set(e, EINVAL,
                       "disk: format \"%s\" cannot be had: it is raw or qcow2",
                       text);
    if (d->format && d->format != f)
        return err_set(e, EINVAL, "disk: format \"%s\" contradicts its prefix",
                       text);
    d->format = f;
    return 0;
}

static int set_vdev(struct disk *d, const char *text, struct err *e)
{
    if (strlen(text) >= sizeof(d->vdev))
        return err_set(e, EINVAL, "disk: vdev \"%s\" is no name of a disk",
                       text);
    d->vdev_set = true;
    strcpy(d->vdev, text);
    return 0;
}

static int set_access(struct disk *d, const char *text, struct err *e)
{
    static const char *const ro[] = {"r", "ro"}, *const rw[] = {"w", "rw", ""};

    d->access_set = true;
    for (size_t i = 0; i < 2; i++)
        if (strcmp(text, ro[i]) == 0) {
            d->read_only = true;
            return 0;
        }
    for (size_t i = 0; i < 3; i++)
        if (strcmp(text, rw[i]) == 0)
            return 0;
    return err_set(e, EINVAL, "disk: access \"%s\" is not one of r, ro, w, rw",
                   text);
}

// The first that is not set takes the word.
static int positional(struct disk *d, const char *word, struct err *e)
{
    if (!d->target[0])
        return set_target(d, word, e);
    if (!d->format)
        return set_format(d, word, e);
    if (!d->vdev_set)
        return set_vdev(d, word, e);
    if (!d->access_set)
        return set_access(d, word, e);
    return err_set(e, EINVAL, "disk: \"%s\" is one word too many", word);
}

static int set_number(uint64_t *to, const char *key, const char *text,
                      struct err *e)
{
    char *end;

    errno = 0;
    *to = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || *to == 0 ||
        *to > INT64_MAX)
        return err_set(e, EINVAL, "disk: %s=%s is not a number from 1", key,
                       text);
    return 0;
}

static int set_key(struct disk *d, const char *key, const char *value,
                   struct err *e)
{
    static const struct number {
        const char *key;
        size_t at;
    } numbers[] = {
        {"bytes_per_s", offsetof(struct disk, rate.bytes_per_s)},
        {"bytes_burst", offsetof(struct disk, rate.bytes_burst)},
        {"ops_per_s", offsetof(struct disk, rate.ops_per_s)},
        {"ops_burst", offsetof(struct disk, rate.ops_burst)},
    };

    if (strcmp(key, "format") == 0)
        return set_format(d, value, e);
    if (strcmp(key, "vdev") == 0)
        return set_vdev(d, value, e);
    if (strcmp(key, "access") == 0)
        return set_access(d, value, e);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(key, numbers[i].key) == 0)
            return set_number((uint64_t *)((char *)d + numbers[i].at), key,
                              value, e);
    return err_set(e, EINVAL, "disk: \"%s\" is not honoured", key);
}

// xl's words without a value. All disks are safe for direct I/O here, and
// discard.
static bool flag_known(const char *word)
{
    return strcmp(word, "direct-io-safe") == 0 || strcmp(word, "discard") == 0;
}

static bool flag_refused(const char *word)
{
    static const char *const refused[] = {"cdrom", "no-discard", "colo"};

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (strcmp(word, refused[i]) == 0)
            return true;
    return false;
}

static int word_take(struct disk *d, char *word, struct err *e)
{
    char *equals = strchr(word, '=');

    if (flag_known(word))
        return 0;
    if (flag_refused(word))
        return err_set(e, EINVAL, "disk: \"%s\" is not honoured", word);
    // A path may have a '=' in it, but no key has a '/'.
    if (!equals || memchr(word, '/', equals - word))
        return positional(d, word, e);
    *equals = 0;
    return set_key(d, word, equals + 1, e);
}

// xvdc, vdc, hdc, sdc: the third. Their order says what they are in the domain.
static int vdev_check(const struct disk *d, unsigned nth, struct err *e)
{
    static const char *const stems[] = {"xvd", "vd", "hd", "sd"};

    if (!d->vdev[0])
        return 0;
    for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
        size_t n = strlen(stems[i]);

        if (strncmp(d->vdev, stems[i], n) == 0 &&
            d->vdev[n] == (char)('a' + nth) && !d->vdev[n + 1])
            return 0;
    }
    return err_set(e, EINVAL,
                   "disk: vdev \"%s\" is not honoured: disks are named in "
                   "their order, and this is xvd%c",
                   d->vdev, 'a' + (int)nth);
}

static char *trim(char *word)
{
    char *end;

    while (*word == ' ' || *word == '\t')
        word++;
    end = word + strlen(word);
    while (end > word && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = 0;
    return word;
}

// Who serves a disk decides about it.
static int backend_check(const struct disk *d, struct err *e)
{
    if (d->format == DISK_RAW)
        return 0;
    if (d->rate.bytes_burst || d->rate.ops_burst)
        return err_set(e, ENOTSUP, "disk %s: bursts are of raw disks only",
                       d->target);
    if (d->format == DISK_QCOW2)
        return 0;
    if (d->rate.bytes_per_s || d->rate.ops_per_s)
        return err_set(e, ENOTSUP,
                       "disk %s: a rate cannot be limited from here; its "
                       "back end has to",
                       d->target);
    if (d->read_only)
        return err_set(e, ENOTSUP,
                       "disk %s: it cannot be made read-only from here; its "
                       "back end has to",
                       d->target);
    return 0;
}

int disk_parse(struct disk *d, const char *text, unsigned nth, struct err *e)
{
    *d = (struct disk){0};
    while (*text) {
        char word[WORD_MAX];
        size_t n = strcspn(text, ",");

        if (strncmp(text + strspn(text, " \t"), "target=", 7) == 0) {
            if (set_target(d, text + strspn(text, " \t") + 7, e) < 0)
                return -e->code;
            break;
        }
        if (n >= sizeof(word))
            return err_set(e, ENAMETOOLONG, "disk: a word is too long");
        memcpy(word, text, n);
        word[n] = 0;
        text += n + (text[n] == ',');
        if (word_take(d, trim(word), e) < 0)
            return -e->code;
    }
    if (!d->target[0])
        return err_set(e, EINVAL, "disk: it has no target");
    if (!d->format)
        d->format = DISK_RAW;
    if (backend_check(d, e) < 0)
        return -e->code;
    return vdev_check(d, nth, e);
}

// ----------------------------------------------------------------- opening

// Without the page cache where the file system can.
static int open_file(const struct disk *d, bool *direct, struct err *e)
{
    int flags = (d->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY |
                O_NONBLOCK; // a FIFO in its place must not stop us
    int fd = open(d->target, flags | O_DIRECT);

    *direct = fd >= 0;
    if (fd < 0 && errno == EINVAL)
        fd = open(d->target, flags);
    if (fd < 0)
        return err_errno(e, "disk %s", d->target);
    return fd;
}

// What O_DIRECT asks for: alignment of memory and of offsets.
static void find_alignment(int fd, uint32_t *memory, uint32_t *offset)
{
    struct statx st;

    *memory = *offset = 512;
#ifdef STATX_DIOALIGN
    if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) == 0 &&
        st.stx_mask & STATX_DIOALIGN) {
        *memory = st.stx_dio_mem_align;
        *offset = st.stx_dio_offset_align;
    }
#else
    (void)fd, (void)st;
#endif
}

static int find_size(const struct disk *d, int fd, struct hvc_block *b,
                     struct err *e)
{
    struct stat st;
    int block = 512;

    if (fstat(fd, &st) < 0)
        return err_errno(e, "disk %s", d->target);
    if (S_ISBLK(st.st_mode)) {
        if (ioctl(fd, BLKGETSIZE64, &b->capacity_bytes) < 0 ||
            ioctl(fd, BLKSSZGET, &block) < 0)
            return err_errno(e, "disk %s", d->target);
    } else if (S_ISREG(st.st_mode)) {
        b->capacity_bytes = st.st_size;
    } else {
        return err_set(e, EINVAL, "disk %s: it is no file and no block device",
                       d->target);
    }
    b->block_bytes = block;
    if (b->capacity_bytes == 0 || b->capacity_bytes % b->block_bytes)
        return err_set(e, EINVAL, "disk %s: %lu bytes are not whole blocks",
                       d->target, b->capacity_bytes);
    return 0;
}

// With O_DIRECT blocks may have to be larger; then the size must fit them,
// or the page cache has to do.
static int choose_alignment(int fd, struct hvc_block *b, struct err *e)
{
    uint32_t memory, offset;

    find_alignment(fd, &memory, &offset);
    if (memory && memory <= HV_PAGE && offset && offset <= HV_PAGE &&
        b->capacity_bytes % offset == 0) {
        b->align_bytes = memory;
        if (offset > b->block_bytes)
            b->block_bytes = offset;
        return 0;
    }
    b->align_bytes = 0;
    if (fcntl(fd, F_SETFL, 0) < 0)
        return err_errno(e, "leaving O_DIRECT");
    return 0;
}

struct hvc_device disk_outside(void)
{
    return (struct hvc_device){.head = {HVC_DEVICE, sizeof(struct hvc_device)},
                               .type = HV_DEV_BLOCK,
                               .flags = HVC_D_VHOST_USER,
                               .window_kib = WINDOW_KIB};
}

int disk_open(const struct disk *d, unsigned nth, struct hvc_device *m,
              struct err *e)
{
    bool direct;
    cleanup_close int fd = open_file(d, &direct, e);

    if (fd < 0)
        return -e->code;
    *m = (struct hvc_device){.head = {HVC_DEVICE, sizeof(*m)},
                             .type = HV_DEV_BLOCK,
                             .flags = d->read_only ? HVC_D_READ_ONLY : 0,
                             .window_kib = WINDOW_KIB,
                             .rate = {d->rate}};
    if (find_size(d, fd, &m->block, e) < 0 ||
        (direct && choose_alignment(fd, &m->block, e) < 0))
        return -e->code;
    if (flock(fd, (d->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0)
        return err_set(e, EBUSY,
                       "disk %s: it is in use: only reading can be shared",
                       d->target);
    snprintf(m->block.id, sizeof(m->block.id), "vd%c", 'a' + (int)nth);
    return steal_fd(&fd);
}
