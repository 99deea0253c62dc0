// SPDX-License-Identifier: ISC
// Tidying up after spawners that are gone; see remains.h.

#include "node-agent/spawner/remains.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"
#include "node-agent/spawner/cgroup.h"
#include "node-agent/spawner/record.h"

// A killed process is gone within milliseconds; a machine may stop for long.
#define CLEAR_TRIES   60000
#define CLEAR_STEP_NS 1000000

struct remains {
    struct cgroup_tree tree;
    const char *run_dir;
    int records_fd; // -1: there are none, so no slot has a domain
    unsigned kept;
};

static int group_clear(const struct cgroup_tree *t, const char *name)
{
    const struct timespec step = {0, CLEAR_STEP_NS};

    for (int i = 0; i < CLEAR_TRIES; i++) {
        if (cgroup_empty(t, name) == 1)
            return cgroup_remove(t, name);
        cgroup_kill(t, name);
        nanosleep(&step, NULL);
    }
    log_warn("what is in the control group %s cannot be ended", name);
    return -EBUSY;
}

// Of a domain, be it over: its successor tells the figures. A record of another
// version is for a spawner of that version.
static bool slot_has_domain(const struct remains *r, unsigned index)
{
    struct record record = {0};

    if (r->records_fd < 0 ||
        pread_full(r->records_fd, &record, sizeof(record),
                   (off_t)index * sizeof(record)) != sizeof(record))
        return false;
    return record_state(&record) != RECORD_NONE || record_is_foreign(&record);
}

static void folder_remove(const char *run_dir, unsigned index)
{
    char path[PATH_MAX];
    const struct dirent *entry;
    DIR *d;

    snprintf(path, sizeof(path), "%s/slots/%u", run_dir, index);
    d = opendir(path);
    while (d && (entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(path);
}

static void slot_clear(const char *name, void *arg)
{
    struct remains *r = arg;
    unsigned index;
    char rest;

    if (sscanf(name, "slot-%u%c", &index, &rest) != 1)
        return;
    if (slot_has_domain(r, index))
        r->kept++;
    else if (group_clear(&r->tree, name) == 0)
        folder_remove(r->run_dir, index);
}

void remains_clear(const char *cgroup_path, const char *run_dir)
{
    struct remains r = {.run_dir = run_dir};
    cleanup_close int records = -1;
    char path[PATH_MAX];
    struct err e;

    if (cgroup_tree_open(&r.tree, cgroup_path, &e) < 0)
        return;
    snprintf(path, sizeof(path), "%s/slots/records", run_dir);
    records = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (records >= 0 || errno == ENOENT) {
        r.records_fd = records;
        group_clear(&r.tree, "nursery");
        cgroup_each(&r.tree, "slot-", slot_clear, &r);
        if (!r.kept)
            unlink(path);
    }
    cgroup_tree_close(&r.tree);
}
