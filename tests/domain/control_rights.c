// SPDX-License-Identifier: ISC
// Which rights are left to a monitor and a guest.

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "tests/domain/control_case.h"

// The value of a field in /proc/PID/status.
static bool status_is(pid_t pid, const char *field, const char *value)
{
    char path[64], line[512], want[128];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    snprintf(want, sizeof(want), "%s:\t%s", field, value);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        found |= strncmp(line, want, strlen(want)) == 0;
    if (f)
        fclose(f);
    if (!found)
        printf("# %s of %d is not %s\n", field, pid, value);
    return found;
}

static bool confined(pid_t pid, uint32_t uid)
{
    char ids[64];

    snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
    return status_is(pid, "Uid", ids) && status_is(pid, "Gid", ids) &&
           status_is(pid, "Groups", " \n") &&
           status_is(pid, "CapEff", "0000000000000000") &&
           status_is(pid, "CapPrm", "0000000000000000") &&
           status_is(pid, "CapInh", "0000000000000000") &&
           status_is(pid, "CapAmb", "0000000000000000") &&
           status_is(pid, "NoNewPrivs", "1") && status_is(pid, "Seccomp", "2");
}

static int count_entries(pid_t pid, const char *what)
{
    char path[64];
    struct dirent *f;
    int n = 0;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
    d = opendir(path);
    if (!d)
        return -1;
    while ((f = readdir(d)))
        n += f->d_name[0] != '.';
    closedir(d);
    return n;
}

static pid_t child_of(pid_t pid)
{
    char path[64], text[64] = "";
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        err(1, "%s", path);
    close(fd);
    return atoi(text);
}

// Only what hv.h's address map has, and nothing writable and executable.
static bool maps_ok(pid_t pid)
{
    char path[64], line[512];
    bool ok = true;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f)) {
        uint64_t from, to;
        char perms[5];

        if (sscanf(line, "%lx-%lx %4s", &from, &to, perms) != 3)
            ok = false;
        if (strstr(line, "[vsyscall]"))
            continue; // not in the guest's power, and behind the filter
        if (to > HV_RAM_VA + (64ul << 20) || from < HV_HYPERCALL_VA ||
            (perms[1] == 'w' && perms[2] == 'x') ||
            (to > HV_SETUP_VA && from < HV_SETUP_VA + HV_SETUP_LEN)) {
            printf("# %s", line);
            ok = false;
        }
    }
    if (f)
        fclose(f);
    return f && ok;
}

static bool same_namespace(pid_t pid, const char *kind)
{
    char path[64], theirs[64] = "", ours[64] = "";

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
    if (readlink(path, theirs, sizeof(theirs) - 1) < 0)
        err(1, "%s", path);
    snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
    if (readlink(path, ours, sizeof(ours) - 1) < 0)
        err(1, "%s", path);
    return strcmp(ours, theirs) == 0;
}

void test_rights(struct driven *d)
{
    static const char *const kinds[] = {"mnt", "net", "ipc", "uts", "pid"};
    const pid_t monitor = d->monitor_pid, guest = child_of(monitor);

    start(d, "abi_input", NULL, UINT64_MAX, null_fd);
    await_running(d);
    usleep(10000); // the guest's last steps
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        CHECK(!same_namespace(monitor, kinds[i]));
        CHECK(!same_namespace(guest, kinds[i]));
    }
    CHECK(confined(monitor, d->uid));
    CHECK(confined(guest, d->uid));
    CHECK(count_entries(monitor, "root") == 0);
    CHECK(count_entries(guest, "root") == 0);
    CHECK(count_entries(guest, "fd") == 1); // the doorbell
    CHECK(count_entries(guest, "task") == 1);
    CHECK(maps_ok(guest));
}
