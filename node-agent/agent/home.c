// SPDX-License-Identifier: ISC
// The folders of a node; see home.h.

#include "node-agent/agent/home.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "node-agent/agent/roles.h"
#include "node-agent/agent/tls.h"

/* Roles of a supervisor that was killed are gone in milliseconds. */
#define LOCK_WAIT_MS 5000
#define LOCK_STEP_MS 10
/* Connections that wait while roles are being started anew. */
#define TCP_BACKLOG 512

static int role_dir_make(const struct node_config *cfg, enum role role,
                         struct err *e)
{
    uid_t uid = role == ROLE_BUILDER || role == ROLE_SPAWNER ||
                        role == ROLE_NET || role == ROLE_VOLUMES
                    ? 0
                    : UID_ROLE(cfg->uid_base, role);
    char dir[NODE_PATH_MAX + 16];
    struct stat st;

    snprintf(dir, sizeof(dir), "%s/%s", cfg->state_dir, role_name(role));
    if (mkdir(dir, 0700) == 0) {
        if (chown(dir, uid, uid) < 0)
            return err_errno(e, "giving %s to user %u", dir, uid);
        return 0;
    }
    if (errno != EEXIST || lstat(dir, &st) < 0)
        return err_errno(e, "making the folder %s", dir);
    if (!S_ISDIR(st.st_mode) || st.st_uid != uid)
        return err_set(e, EPERM,
                       "%s belongs to user %u and should belong to %u; was "
                       "uid_base changed?",
                       dir, st.st_uid, uid);
    return 0;
}

/* Roles have users of their own, who must get to their folders. */
static int passable(const char *key, const char *path, struct err *e)
{
    char part[NODE_PATH_MAX];
    struct stat st;

    snprintf(part, sizeof(part), "%s", path);
    for (char *p = part + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        if (stat(part, &st) == 0 && !(st.st_mode & S_IXOTH))
            return err_set(e, EACCES,
                           "%s: the users that roles run as cannot pass "
                           "through %s (mode %o): chmod o+x would let them",
                           key, part, st.st_mode & 07777);
        *p = '/';
    }
    return 0;
}

int home_make(const struct node_config *cfg, struct err *e)
{
    char slots[NODE_PATH_MAX + 16];

    if (passable("state_dir", cfg->state_dir, e) < 0 ||
        passable("ratecard", cfg->ratecard_path, e) < 0)
        return -e->code;
    /* Roles pass through state_dir, nobody lists it. */
    if (dir_make(cfg->state_dir, 0711, e) < 0)
        return -e->code;
    for (int r = 0; r < ROLE_COUNT; r++)
        if (role_dir_make(cfg, r, e) < 0)
            return -e->code;
    snprintf(slots, sizeof(slots), "%s/slots", cfg->run_dir);
    if (dir_make(cfg->run_dir, 0755, e) < 0 || dir_make(slots, 0711, e) < 0)
        return -e->code;
    return 0;
}

static void path_in(char out[NODE_PATH_MAX + 16], const struct node_config *cfg,
                    const char *name)
{
    snprintf(out, NODE_PATH_MAX + 16, "%s/%s", cfg->run_dir, name);
}

/* Locked, and still the file of that name. */
static int lock_try(const char *path, struct err *e)
{
    cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    struct stat mine, named;

    if (fd < 0)
        return err_errno(e, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    if (fstat(fd, &mine) < 0 || stat(path, &named) < 0 ||
        mine.st_ino != named.st_ino || mine.st_dev != named.st_dev)
        return -EWOULDBLOCK; /* its last holder has just removed it */
    return steal_fd(&fd);
}

int home_lock(const struct node_config *cfg, struct err *e)
{
    char path[NODE_PATH_MAX + 16], text[16];
    int fd = -EWOULDBLOCK, n;

    path_in(path, cfg, "hosteld.pid");
    for (int ms = 0; fd == -EWOULDBLOCK && ms < LOCK_WAIT_MS;
         ms += LOCK_STEP_MS) {
        struct timespec step = {0, LOCK_STEP_MS * 1000000};

        fd = lock_try(path, e);
        if (fd == -EWOULDBLOCK)
            nanosleep(&step, NULL);
    }
    if (fd == -EWOULDBLOCK)
        return err_set(e, EBUSY,
                       "another hosteld runs in %s (see %s for its process)",
                       cfg->run_dir, path);
    if (fd < 0)
        return fd;
    n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, n, 0) != n) {
        int r = err_errno(e, "writing %s", path);

        close(fd);
        return r;
    }
    return fd;
}

/* --------------------------------------------------------------- listening */

/* Fills in the port that was taken. */
static int tcp_listen(const char *host, uint32_t *port, struct err *e)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int is_v6 = strchr(host, ':') != NULL, on = 1;
    struct sockaddr *a = is_v6 ? (void *)&v6 : (void *)&v4;
    socklen_t len = is_v6 ? sizeof(v6) : sizeof(v4);
    cleanup_close int fd = -1;

    v4.sin_port = v6.sin6_port = htons(*port);
    if (inet_pton(a->sa_family, host,
                  is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1)
        return err_set(e, EINVAL, "%s is no address", host);
    fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, "making a TCP socket");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, a, len) < 0 || listen(fd, TCP_BACKLOG) < 0 ||
        getsockname(fd, a, &len) < 0)
        return err_errno(e, "listening on %s port %u", host, *port);
    *port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
    return steal_fd(&fd);
}

/* A socket that the service manager has made (sd_listen_fds(3)): there is one
 * at most, for customers, and it is the setting's address that counts in what
 * the node says of itself. */
static int tcp_given(uint32_t *port, struct err *e)
{
    const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
    struct sockaddr_in6 at;
    int listens = 0;
    socklen_t len = sizeof(listens);

    if (!pid || !n || atol(pid) != (long)getpid())
        return -1;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    if (strcmp(n, "1") != 0)
        return err_set(e, EINVAL,
                       "the service manager passes %s sockets; one is wanted, "
                       "for customers",
                       n);
    if (getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 ||
        !listens)
        return err_set(e, EINVAL,
                       "the service manager passes a descriptor "
                       "that is no listening socket");
    len = sizeof(at);
    if (getsockname(3, (struct sockaddr *)&at, &len) == 0)
        *port = ntohs(at.sin6_family == AF_INET
                          ? ((struct sockaddr_in *)&at)->sin_port
                          : at.sin6_port);
    return fcntl(3, F_DUPFD_CLOEXEC, ROLE_FD_END);
}

/* Only root and the operator can connect, unless the file names more users;
 * the operator role asks the kernel again. */
static mode_t operator_mode(const struct node_config *cfg)
{
    for (uint32_t i = 0; i < cfg->noperators; i++)
        if (!cfg->operators[i].is_key)
            return 0666;
    return 0600;
}

static int operator_listen(const struct node_config *cfg, const char *path,
                           int type, struct err *e)
{
    cleanup_close int fd = sock_listen(path, type, operator_mode(cfg), e);

    if (fd >= 0 && lchown(path, cfg->operator_uid, (gid_t)-1) < 0)
        return err_errno(e, "giving %s to the operator", path);
    return steal_fd(&fd);
}

int home_permit(const struct node_config *cfg, struct err *e)
{
    static const char *const sockets[] = {"hostel.sock", "control.sock"};
    char path[NODE_PATH_MAX + 16];

    for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
        path_in(path, cfg, sockets[i]);
        if (chmod(path, operator_mode(cfg)) < 0 ||
            lchown(path, cfg->operator_uid, (gid_t)-1) < 0)
            return err_errno(e, "giving %s to the operator", path);
    }
    return 0;
}

int home_listen(struct node_config *cfg, struct home_sockets *s, struct err *e)
{
    char path[NODE_PATH_MAX + 16];

    *s = (struct home_sockets){-1, -1, -1, -1};
    s->tcp = tcp_given(&cfg->listen_port, e);
    if (s->tcp < -1)
        return -e->code;
    if (s->tcp < 0 && cfg->listen_host[0]) {
        s->tcp = tcp_listen(cfg->listen_host, &cfg->listen_port, e);
        if (s->tcp < 0)
            return s->tcp;
    }
    if (cfg->metrics_host[0]) {
        s->metrics = tcp_listen(cfg->metrics_host, &cfg->metrics_port, e);
        if (s->metrics < 0)
            return err_prefix(e, "metrics");
    }
    path_in(path, cfg, "hostel.sock");
    s->local = operator_listen(cfg, path, SOCK_STREAM, e);
    if (s->local < 0)
        return s->local;
    path_in(path, cfg, "control.sock");
    s->control = operator_listen(cfg, path, SOCK_SEQPACKET, e);
    return s->control < 0 ? s->control : 0;
}

/* ------------------------------------------------------------------- ready */

static void place_print(FILE *f, const char *what, const char *host,
                        uint32_t port)
{
    fprintf(f, strchr(host, ':') ? "%s[%s]:%u\n" : "%s%s:%u\n", what, host,
            port);
}

void home_ready(const struct node_config *cfg, const pid_t pid[ROLE_COUNT])
{
    char path[NODE_PATH_MAX + 16], beside[NODE_PATH_MAX + 24], id[65];
    cleanup_file FILE *f = NULL;

    path_in(path, cfg, "ready");
    snprintf(beside, sizeof(beside), "%s.tmp", path);
    f = fopen(beside, "we");
    if (!f)
        return;
    fprintf(f, "node %s\n", hex_encode(id, cfg->node_id, sizeof(cfg->node_id)));
    if (cfg->listen_host[0])
        place_print(f, tls_wanted(cfg) ? "tcp https://" : "tcp ",
                    cfg->listen_host, cfg->listen_port);
    if (cfg->metrics_host[0])
        place_print(f, "metrics http://", cfg->metrics_host, cfg->metrics_port);
    for (int r = 0; r < ROLE_COUNT; r++)
        fprintf(f, "role %s %d\n", role_name(r), (int)pid[r]);
    fflush(f);
    rename(beside, path);
}

void home_unready(const struct node_config *cfg)
{
    char path[NODE_PATH_MAX + 16];

    path_in(path, cfg, "ready");
    unlink(path);
}

void home_tidy(const struct node_config *cfg)
{
    static const char *const files[] = {"ready", "hostel.sock", "control.sock",
                                        "hosteld.pid"};
    char path[NODE_PATH_MAX + 16];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        path_in(path, cfg, files[i]);
        unlink(path);
    }
    /* Only empty ones go: a domain that lives on keeps its slot's folder. */
    path_in(path, cfg, "slots");
    rmdir(path);
    rmdir(cfg->run_dir);
}
