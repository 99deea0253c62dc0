// SPDX-License-Identifier: ISC
/*
 * `hostel-hv run`: one domain without a node. This process forks the monitor
 * and is its controller, over the same messages the spawner uses.
 */
#include "hypervisor/monitor/run.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hypervisor/monitor/slot.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/sock.h"

int run_main(int argc, char **argv)
{
    static struct hvc_prepare p;
    struct err e = {0};
    struct slot s = {.listen_fd = -1, .page_fd = -1};
    int pair[2], image;
    pid_t pid;

    clock_sample(&s.origin);
    if (argc < 2)
        return 2;
    image = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (image < 0) {
        log_error("%s: %s", argv[1], strerror(errno));
        return 126;
    }
    s.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (engine_pv.prepare(&e) < 0 || sock_pair(pair) < 0) {
        log_error("%s", e.text);
        return 126;
    }
    s.conn_fd = pair[1];
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        slot_run(&s);
    }
    close(pair[1]);
    p.head.type = HVC_PREPARE;
    p.flags = HVC_F_GO | HVC_F_SOURCE;
    p.memory_kib = 64 * 1024;
    p.console_bytes_max = UINT64_MAX;
    p.lease_ns = UINT64_MAX;
    strcpy(p.domain_name, "run");
    for (int i = 1; i < argc; i++) {
        strcpy(p.cmdline + p.cmdline_len, argv[i]);
        p.cmdline_len += strlen(argv[i]) + 1;
        p.argc++;
    }
    p.head.size = offsetof(struct hvc_prepare, cmdline) + p.cmdline_len;
    struct hvc_ready r;
    int fd;
    size_t n = 1;
    if (sock_recv(pair[0], &r, sizeof r, &fd, &n) != sizeof r)
        return 126;
    int fds[3] = {image, 1, 0};
    sock_send(pair[0], &p, p.head.size, fds, 3);
    static struct hvc_exited x;
    if (sock_recv(pair[0], &x, sizeof x, NULL, NULL) <= 0)
        return 126;
    if (x.text_len)
        fprintf(stderr, "%.*s\n", x.text_len, x.text);
    waitpid(pid, NULL, 0);
    return x.cause == HVC_POWEROFF ? (int)x.status : 125;
}
