// SPDX-License-Identifier: ISC
// Records for a successor; see record.h.

#include "node-agent/spawner/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/cleanup.h"

int record_open(struct record_file *f, const char *dir, size_t count,
                struct err *e)
{
    size_t len = count * sizeof(struct record);
    cleanup_close int fd = -1;
    struct stat st;
    char path[512];

    snprintf(path, sizeof(path), "%s/records", dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "%s", path);
    /* Fewer slots than before: the others may still hold domains. */
    if ((size_t)st.st_size > len) {
        count = st.st_size / sizeof(struct record);
        len = count * sizeof(struct record);
    }
    if (ftruncate(fd, len) < 0)
        return err_errno(e, "making room in %s", path);
    f->at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (f->at == MAP_FAILED)
        return err_errno(e, "mapping %s", path);
    f->count = count;
    return 0;
}

void record_set_state(struct record *r, enum record_state state)
{
    r->version = RECORD_VERSION;
    __atomic_store_n(&r->state, state, __ATOMIC_RELEASE);
}

enum record_state record_state(const struct record *r)
{
    uint32_t state = __atomic_load_n(&r->state, __ATOMIC_ACQUIRE);

    if (r->version != RECORD_VERSION || state > RECORD_ENDED)
        return RECORD_NONE;
    return state;
}

bool record_is_foreign(const struct record *r)
{
    return r->version && r->version != RECORD_VERSION &&
           r->state != RECORD_NONE;
}
