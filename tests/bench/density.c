// SPDX-License-Identifier: ISC
/*
 * How many idle domains a machine holds, with this program in the spawner's
 * place: each in a slot with uid, namespaces, filters and control groups of
 * its own, as on a node.
 *
 *   density.pv_kib   memory a domain takes in all: the fall of MemAvailable
 *                    from before the first slot to when all are idle, by
 *                    their number
 *   density.pv_flat  start of the last hundred (clean slot to first console
 *                    byte, median) by that of the first hundred
 *   density.pv_slot  the same of making their slots
 *   density.kvm_...  the same with 500 domains of engine kvm, where it is
 *
 *   density [-n DOMAINS]
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/domain/drive.h"

#define HUNDRED 100
#define MOST    16384

#define KVM_DOMAINS 500
#define RAM_MIB     16 // of each: engine kvm keeps a word for every page

struct figures {
    double slot_us, start_us;
};

static struct driven *domain;
static struct figures *figure;

static long available_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *f = fopen("/proc/meminfo", "re");

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "MemAvailable: %ld kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    if (kib < 0)
        errx(1, "/proc/meminfo has no MemAvailable");
    return kib;
}

// What has been written, freed or made ready lately is given time to settle.
static long settled_kib(void)
{
    sync();
    sleep(2);
    return available_kib();
}

// The sink is one pipe for all, which is empty whenever a domain starts.
static void start(unsigned i, int image_fd, const int *pipe_fd)
{
    static char *const arguments[] = {"idle", NULL};
    const struct hvc_prepare p = {
        .flags = HVC_F_GO, .memory_kib = RAM_MIB << 10, .lease_ns = UINT64_MAX};
    uint64_t begin = clock_mono_ns();
    char text[64];

    drive_make(&domain[i], i);
    figure[i].slot_us = (clock_mono_ns() - begin) / 1e3;
    usleep(200); // until monitor and zygote sleep
    begin = clock_mono_ns();
    drive_prepare(&domain[i], &p, arguments, image_fd, pipe_fd[1]);
    if (read(pipe_fd[0], text, sizeof(text)) <= 0)
        errx(1, "no console output");
    figure[i].start_us = (clock_mono_ns() - begin) / 1e3;
    // Descriptors that only a spawner needs: there would be too many.
    close(domain[i].monitor_fd);
    close(domain[i].guest_fd);
    domain[i].monitor_fd = domain[i].guest_fd = -1;
}

static int by_slot(const void *a, const void *b)
{
    const struct figures *x = a, *y = b;

    return (x->slot_us > y->slot_us) - (x->slot_us < y->slot_us);
}

static int by_start(const void *a, const void *b)
{
    const struct figures *x = a, *y = b;

    return (x->start_us > y->start_us) - (x->start_us < y->start_us);
}

static struct figures median(struct figures *f)
{
    struct figures m;

    qsort(f, HUNDRED, sizeof(*f), by_slot);
    m.slot_us = f[HUNDRED / 2].slot_us;
    qsort(f, HUNDRED, sizeof(*f), by_start);
    m.start_us = f[HUNDRED / 2].start_us;
    return m;
}

static void measure(const char *engine, unsigned domains, double most_kib,
                    int image_fd, const int *pipe_fd)
{
    long before = settled_kib(), after;
    struct figures first, last;

    for (unsigned i = 0; i < domains; i++)
        start(i, image_fd, pipe_fd);
    after = settled_kib();
    first = median(figure);
    last = median(figure + domains - HUNDRED);
    for (unsigned i = 0; i < domains; i++)
        drive_free(&domain[i]);
    printf("bench density.%s_kib %.1f KiB domains %u ram_mib %d most %.0f\n",
           engine, (double)(before - after) / domains, domains, RAM_MIB,
           most_kib);
    printf("bench density.%s_flat %.1f us first100 %.1f ratio %.3f most 1.2\n",
           engine, last.start_us, first.start_us,
           last.start_us / first.start_us);
    printf("bench density.%s_slot %.1f us first100 %.1f ratio %.3f\n", engine,
           last.slot_us, first.slot_us, last.slot_us / first.slot_us);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *build = getenv("HOSTEL_BUILD");
    int domains = 10000, image_fd, pipe_fd[2], o;
    char image[4096];

    while ((o = getopt(argc, argv, "n:")) != -1) {
        if (o != 'n')
            return 2;
        domains = atoi(optarg);
    }
    if (domains < 2 * HUNDRED || domains > MOST)
        errx(2, "usage: density [-n DOMAINS, %d to %d]", 2 * HUNDRED, MOST);
    snprintf(image, sizeof(image), "%s/images/idle", build ? build : "build");
    image_fd = open(image, O_RDONLY | O_CLOEXEC);
    if (image_fd < 0 || pipe2(pipe_fd, O_CLOEXEC) < 0)
        err(1, "%s", image);
    domain = calloc(domains, sizeof(*domain));
    figure = calloc(domains, sizeof(*figure));
    drive_open();
    measure("pv", domains, 250, image_fd, pipe_fd);
    if (access("/dev/kvm", R_OK | W_OK) == 0) {
        drive_engine = HVC_ENGINE_KVM;
        measure("kvm", domains < KVM_DOMAINS ? domains : KVM_DOMAINS, 650,
                image_fd, pipe_fd);
    }
    drive_close();
    return 0;
}
