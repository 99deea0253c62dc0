// SPDX-License-Identifier: ISC
// The life of a build; see build.h.

#include "node-agent/builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/builder/image.h"
#include "node-agent/builder/sandbox.h"

#define PIECE_BYTES  65536
#define STATUS_BYTES 512 /* bwrap says about 200 */

static void fds_forget(struct build *b)
{
    b->pid_fd = b->log_from = b->log_to = b->talk_fd = b->status_fd =
        b->out_fd = -1;
}

void build_init(struct build *b, const struct build_slot *slot)
{
    memset(b, 0, sizeof(*b));
    b->slot = *slot;
    fds_forget(b);
}

static void build_free(struct build *b)
{
    int fds[] = {b->pid_fd,  b->log_from,  b->log_to,
                 b->talk_fd, b->status_fd, b->out_fd};
    struct build_slot slot = b->slot;

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    build_init(b, &slot);
}

/* ------------------------------------------------------------------- start */

/* What the child gets, and the builder's ends in b. */
static int build_wire(struct build *b, struct sandbox_job *job, struct err *e)
{
    int pipes[2], talk[2];

    if (pipe2(pipes, O_CLOEXEC) < 0)
        return err_errno(e, "making the log's pipe");
    b->log_from = pipes[0];
    job->log_fd = pipes[1];
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return err_errno(e, "making the status pipe");
    b->status_fd = pipes[0];
    job->status_fd = pipes[1];
    if (sock_pair(talk) < 0)
        return err_errno(e, "making the build's socket");
    b->talk_fd = talk[0];
    job->talk_fd = talk[1];
    if (fcntl(b->log_from, F_SETFL, O_NONBLOCK) < 0 ||
        fcntl(b->status_fd, F_SETFL, O_NONBLOCK) < 0 ||
        fcntl(b->talk_fd, F_SETFL, O_NONBLOCK) < 0)
        return err_errno(e, "setting the build's pipes");
    return 0;
}

static void job_close(struct sandbox_job *job)
{
    if (job->log_fd >= 0)
        close(job->log_fd);
    if (job->status_fd >= 0)
        close(job->status_fd);
    if (job->talk_fd >= 0)
        close(job->talk_fd);
    close(job->bundle_fd);
}

/* The child begins a pid namespace: when it goes, whoever ends it, the kernel
 * takes along everything it has started. */
static int build_fork(struct build *b, const struct sandbox_job *job,
                      struct err *e)
{
    long pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_PIDFD | SIGCHLD, NULL,
                       &b->pid_fd, NULL, 0);

    if (pid < 0)
        return err_errno(e, "forking the build");
    if (pid == 0)
        sandbox_run(job);
    return 0;
}

int build_start(struct build *b, const struct msg_build *m, int bundle_fd,
                int log_fd, struct err *e)
{
    struct sandbox_job job = {
        .slot = b->slot.number,
        .bundle_fd = bundle_fd,
        .log_fd = -1,
        .status_fd = -1,
        .talk_fd = -1,
        .procs = b->slot.procs,
        .nprocs = b->slot.nprocs,
        .cpu_ns = m->cpu_ns,
        .memory_kib = m->memory_kib,
    };

    b->log_to = log_fd;
    b->id = m->id;
    b->cpu_limit_ns = m->cpu_ns;
    b->wall_limit_ns = m->wall_ns;
    b->memory_kib = m->memory_kib;
    b->cpu_before_ns = slot_cpu_ns(&b->slot);
    b->oom_before = slot_oom_kills(&b->slot);
    b->started_mono_ns = clock_mono_ns();
    if (build_wire(b, &job, e) < 0 || build_fork(b, &job, e) < 0) {
        job_close(&job);
        build_free(b);
        return -e->code;
    }
    job_close(&job);
    b->state = BUILD_RUNNING;
    return 0;
}

/* ------------------------------------------------------------------ running */

void build_stop(struct build *b, uint32_t cause, const char *why, ...)
{
    va_list ap;

    if (b->cause == 0) {
        b->cause = cause;
        va_start(ap, why);
        vsnprintf(b->why, sizeof(b->why), why, ap);
        va_end(ap);
    }
    syscall(SYS_pidfd_send_signal, b->pid_fd, SIGKILL, NULL, 0);
}

void build_poll(const struct build *b, struct pollfd p[BUILD_POLL_FDS])
{
    bool running = b->state == BUILD_RUNNING;

    p[0] = (struct pollfd){.fd = running ? b->pid_fd : -1, .events = POLLIN};
    p[1] = (struct pollfd){.fd = b->log_from, .events = POLLIN};
}

static void log_keep(struct build *b, const char *data, size_t len)
{
    static const char cut[] = "\n[the rest of the messages is not kept]\n";
    size_t room = BUILD_LOG_MAX - b->log_bytes;

    if (room == 0)
        return;
    if (write_full(b->log_to, data, len < room ? len : room) < 0)
        log_warn("the build log cannot be written");
    if (len >= room)
        write_full(b->log_to, cut, sizeof(cut) - 1);
    b->log_bytes += len < room ? len : room;
}

/* Copies what is there; more than one piece a step would let one noisy build
 * starve the others. Closes the pipe at its end. */
static void log_step(struct build *b)
{
    static char piece[PIECE_BYTES];
    ssize_t n;

    if (b->log_from < 0)
        return;
    n = read(b->log_from, piece, sizeof(piece));
    if (n > 0)
        log_keep(b, piece, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close(steal_fd(&b->log_from));
}

static void limits_step(struct build *b)
{
    uint64_t wall = clock_mono_ns() - b->started_mono_ns;
    uint64_t cpu = slot_cpu_ns(&b->slot) - b->cpu_before_ns;

    if (wall >= b->wall_limit_ns)
        build_stop(b, OUTCOME_BUILD_BUDGET,
                   "the build was not done after %" PRIu64 " s",
                   b->wall_limit_ns / 1000000000);
    else if (cpu >= b->cpu_limit_ns)
        build_stop(b, OUTCOME_BUILD_BUDGET,
                   "the build used up its budget of %" PRIu64 " ms of CPU time",
                   b->cpu_limit_ns / 1000000);
    else if (slot_oom_kills(&b->slot) > b->oom_before)
        build_stop(b, OUTCOME_BUILD_BUDGET,
                   "the build needed more than %" PRIu64 " MiB of memory",
                   b->memory_kib / 1024);
}

static void hello_step(struct build *b)
{
    struct sandbox_hello h;
    size_t nfds = 1;
    int fd = -1;
    ssize_t n;

    if (b->talk_fd < 0)
        return;
    n = sock_recv(b->talk_fd, &h, sizeof(h), &fd, &nfds);
    if (n == -EAGAIN)
        return;
    close(steal_fd(&b->talk_fd));
    if (n != sizeof(h)) {
        if (nfds == 1)
            close(fd);
        return; /* it died first; bwrap's status tells */
    }
    h.why[sizeof(h.why) - 1] = 0;
    if (nfds == 1 && h.why[0] == 0)
        b->out_fd = fd;
    else
        build_stop(b, OUTCOME_LOST, "%s", h.why);
}

bool build_step(struct build *b)
{
    siginfo_t info = {0};

    if (b->state == BUILD_FREE)
        return false;
    log_step(b);
    hello_step(b);
    limits_step(b);
    if (b->state == BUILD_RUNNING &&
        waitid(P_PIDFD, (id_t)b->pid_fd, &info, WEXITED | WNOHANG) == 0 &&
        info.si_pid != 0)
        b->state = BUILD_ENDING;
    if (b->state != BUILD_ENDING || !slot_empty(&b->slot))
        return false;
    if (b->ended_mono_ns == 0)
        b->ended_mono_ns = clock_mono_ns();
    return b->log_from < 0; /* nobody can write to it: it ends soon */
}

/* ---------------------------------------------------------------- the end */

/* The compiler's exit status by bwrap's word, -1 if bwrap never got there. */
static int compiler_status(const struct build *b)
{
    static const char key[] = "\"exit-code\": ";
    char text[STATUS_BYTES + 1];
    ssize_t n = read_full(b->status_fd, text, STATUS_BYTES);
    const char *at;
    int status;

    text[n > 0 ? n : 0] = 0;
    at = strstr(text, key);
    if (!at || sscanf(at + sizeof(key) - 1, "%d", &status) != 1)
        return -1;
    return status;
}

/* How it ended by itself; the image, or -1 with the outcome in *out. */
static int build_judge(struct build *b, struct msg_built *out)
{
    int status = compiler_status(b), image;
    struct err e = {0};

    if (status < 0 || b->out_fd < 0) {
        log_error("a build's sandbox could not be made");
        out->outcome = OUTCOME_LOST;
        ipc_text(out->text, "the node could not run the compiler; this is the "
                            "node's fault");
        return -1;
    }
    out->outcome = OUTCOME_BUILD_FAILED;
    if (status != 0) {
        snprintf(out->text, sizeof(out->text),
                 "the compiler refused the program (status %d); its messages "
                 "are in the build log",
                 status);
        return -1;
    }
    image = image_take(b->out_fd, SANDBOX_IMAGE, SANDBOX_FILE_MAX,
                       out->image_digest, &e);
    if (image < 0) {
        snprintf(out->text, sizeof(out->text), "%s", e.text);
        return -1;
    }
    out->outcome = OUTCOME_NONE;
    return image;
}

int build_finish(struct build *b, struct msg_built *out)
{
    int image = -1;

    memset(out, 0, sizeof(*out));
    ipc_head(out, MSG_BUILT, 0);
    out->id = b->id;
    out->usage.builds = 1;
    out->usage.build_cpu_ns = slot_cpu_ns(&b->slot) - b->cpu_before_ns;
    out->usage.build_wall_ns = b->ended_mono_ns - b->started_mono_ns;
    if (b->cause) {
        out->outcome = b->cause;
        ipc_text(out->text, b->why);
    } else {
        image = build_judge(b, out);
    }
    build_free(b);
    return image;
}
