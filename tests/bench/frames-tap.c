// SPDX-License-Identifier: ISC
/*
 * What a domain's rings are measured against: a program that reads and writes
 * a TAP itself.
 *
 *   frames-tap out TAP LEN MS    writes frames; prints how many
 *   frames-tap in TAP MS         reads frames; prints how many
 *   frames-tap blast TAP LEN MS  sends frames into the TAP's other end
 *   frames-tap make TAP          makes it, for good
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define HEADER sizeof(struct virtio_net_hdr_v1)

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int tap_open(const char *name)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK), header = HEADER;

    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0 ||
        ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 ||
        ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
        err(1, "TAP %s", name);
    return fd;
}

// An IPv4 packet to nobody.
static void fill(uint8_t *f)
{
    static const uint8_t frame[] = {2, 2, 2,  2, 2, 2,  0,  22, 62, 0, 0,  1,
                                    8, 0, 69, 0, 0, 46, 0,  0,  0,  0, 64, 17,
                                    0, 0, 10, 0, 0, 2,  10, 0,  0,  1};

    memcpy(f, frame, sizeof(frame));
}

static void out(const char *name, size_t len, uint64_t ms)
{
    static uint8_t f[HEADER + 65536];
    int fd = tap_open(name);
    uint64_t count = 0, end = now_ns() + ms * 1000000;

    fill(f + HEADER);
    while (now_ns() < end)
        for (int i = 0; i < 64; i++)
            count += write(fd, f, HEADER + len) > 0;
    printf("%lu\n", count);
}

static void in(const char *name, uint64_t ms)
{
    // Where the processor copies fast to from the kernel's frames, which begin
    // near multiples of 2048: see hypervisor/dev/net_batch.c.
    static uint8_t page[1024 + HEADER + 65550] __attribute__((aligned(4096)));
    uint8_t *f = page + 1024;
    struct pollfd p = {.fd = tap_open(name), .events = POLLIN};
    uint64_t count = 0, end = now_ns() + ms * 1000000;

    while (now_ns() < end)
        for (int i = 0; i < 64; i++) {
            if (read(p.fd, f, HEADER + 65550) > 0)
                count++;
            else
                poll(&p, 1, 1);
        }
    printf("%lu\n", count);
}

static void blast(const char *name, size_t len, uint64_t ms)
{
    static uint8_t f[65536];
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = if_nametoindex(name),
                             .sll_halen = 6};
    struct iovec v = {f, len};
    struct mmsghdr m[64];
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    uint64_t end = now_ns() + ms * 1000000;

    if (fd < 0)
        err(1, "socket");
    fill(f);
    for (int i = 0; i < 64; i++)
        m[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &to,
                                            .msg_namelen = sizeof(to),
                                            .msg_iov = &v,
                                            .msg_iovlen = 1}};
    while (now_ns() < end)
        if (sendmmsg(fd, m, 64, 0) < 0 && errno != ENOBUFS && errno != EAGAIN)
            err(1, "sendmmsg");
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "out"))
        out(argv[2], atoi(argv[3]), atoi(argv[4]));
    else if (argc == 4 && !strcmp(argv[1], "in"))
        in(argv[2], atoi(argv[3]));
    else if (argc == 5 && !strcmp(argv[1], "blast"))
        blast(argv[2], atoi(argv[3]), atoi(argv[4]));
    else if (argc == 3 && !strcmp(argv[1], "make")) {
        if (ioctl(tap_open(argv[2]), TUNSETPERSIST, 1) < 0)
            err(1, "TUNSETPERSIST");
    } else
        return 2;
    return 0;
}
