// SPDX-License-Identifier: ISC
// A domain's console; see ctl_console.h.
//
// The log is a file: the node passes its descriptor once, and what is new is
// read from it with no more ado. Input goes in pieces that are sent again until
// the domain has taken them.

#include "node-agent/cli/ctl_console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sodium.h>
#include <termios.h>
#include <unistd.h>

#include "lib/io.h"
#include "node-agent/cli/cmd.h"

#define ESCAPE  0x1d // ^], as in xl
#define LOOK_MS 50   // between two looks at the log
#define ALIVE   4    // looks between two questions whether it lives

struct session {
    struct ctl *c;
    char who[DOM_NAME_MAX];
    int log_fd;
    uint64_t at; // in the log
    int input;   // 1: open, 0: over
    bool terminal;
    struct dom_input m; // what is being sent; len 0: nothing
    uint64_t writer, position;
    bool placed; // the stream's position is known
    char report[sizeof(((struct dom_info *)0)->report)]; // how it crashed
};

// 0, or -errno of writing.
static int log_copy(struct session *s)
{
    char piece[16384];
    ssize_t n;

    while ((n = rolling_read(s->log_fd, piece, sizeof(piece), &s->at)) > 0) {
        int r = write_full(STDOUT_FILENO, piece, (size_t)n);

        if (r < 0)
            return r;
        s->at += (uint64_t)n;
    }
    return 0;
}

static void input_send(struct session *s)
{
    static union ipc_any reply;
    struct err e = {0};
    int fd;

    s->m.writer = s->writer;
    s->m.offset = s->placed ? s->position : HVC_INPUT_HERE;
    s->m.flags =
        (s->m.flags & HVC_INPUT_END) | (s->placed ? 0 : HVC_INPUT_TAKE);
    ipc_head_cut(&s->m, MSG_DOM_INPUT, 3, data, s->m.len);
    if (ctl_call(s->c, &s->m.head, NULL, 0, &reply, &fd, &e) == 0) {
        s->placed = true;
        s->position = reply.input_reply.position;
        if (reply.input_reply.accepted >= s->m.len)
            s->m.len = s->m.flags = 0;
        else {
            memmove(s->m.data, s->m.data + reply.input_reply.accepted,
                    s->m.len - reply.input_reply.accepted);
            s->m.len -= reply.input_reply.accepted;
        }
        return;
    }
    // 429: the program has to read first. Else it will read no more.
    if (e.code != EREMOTEIO || reply.reply.status != 429) {
        s->input = 0;
        s->m.len = s->m.flags = 0;
    }
}

// False: ^] was typed.
static bool input_read(struct session *s)
{
    ssize_t n = read(STDIN_FILENO, s->m.data, sizeof(s->m.data));
    char *escape =
        n > 0 && s->terminal ? memchr(s->m.data, ESCAPE, (size_t)n) : NULL;

    if (escape)
        return false;
    if (n <= 0) {
        // Whoever only looks on from a script does not end its input.
        s->input = 0;
        if (s->terminal)
            s->m.flags = HVC_INPUT_END;
        return true;
    }
    s->m.len = (uint32_t)n;
    return true;
}

static bool is_alive(struct session *s)
{
    struct ctl_list l;
    struct err e;
    bool alive = ctl_list(s->c, s->who, &l, &e) == 0 && l.n == 1 &&
                 l.at[0].letter != 's' && l.at[0].letter != 'c';

    // What a crashed one is kept for.
    if (!alive && l.n == 1 && l.at[0].letter == 'c')
        ipc_text(s->report, l.at[0].report);
    ctl_list_free(&l);
    return alive;
}

static int session_run(struct session *s)
{
    for (unsigned n = 1;; n++) {
        struct pollfd p = {.fd = s->input && !s->m.len ? STDIN_FILENO : -1,
                           .events = POLLIN};
        bool over = n % ALIVE == 0 && !is_alive(s);
        int r = log_copy(s); // after it is known to be over: all of it

        if (r < 0 || over)
            return r < 0;
        if (poll(&p, 1, LOOK_MS) > 0 && p.revents && !input_read(s))
            return 0;
        if (s->m.len || s->m.flags)
            input_send(s);
    }
}

// Lines as ever, but ^] comes through at once.
static void terminal_set(struct termios *old)
{
    struct termios t;

    tcgetattr(STDIN_FILENO, old);
    t = *old;
    t.c_cc[VEOL] = ESCAPE;
    tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

int ctl_console_run(struct ctl *c, uint32_t domid, int log_fd)
{
    static struct session s;
    struct termios old;
    int r;

    s = (struct session){.c = c, .log_fd = log_fd, .input = 1};
    snprintf(s.who, sizeof(s.who), "%u", domid);
    ipc_text(s.m.who, s.who);
    randombytes_buf(&s.writer, sizeof(s.writer));
    s.writer |= 1;
    s.terminal = isatty(STDIN_FILENO);
    signal(SIGTTIN, SIG_IGN);
    if (s.terminal)
        terminal_set(&old);
    r = session_run(&s);
    if (s.terminal)
        tcsetattr(STDIN_FILENO, TCSANOW, &old);
    close(log_fd);
    if (*s.report)
        fprintf(stderr, "hostel: it crashed:\n%s\n", s.report);
    return r;
}

int ctl_console_verb(const char *who)
{
    struct dom_who m = {0};
    static union ipc_any reply;
    struct ctl_list l = {0};
    struct err e = {0};
    struct ctl *c = ctl_open(&e);
    int fd = -1, r = -1;

    if (c && ctl_list(c, who, &l, &e) == 0) {
        snprintf(m.who, sizeof(m.who), "%u", l.at[0].domid);
        ipc_head(&m, MSG_DOM_LOG, 2);
        r = ctl_call(c, &m.head, NULL, 0, &reply, &fd, &e);
    }
    r = r < 0 ? cmd_fail(&e) : ctl_console_run(c, l.at[0].domid, fd);
    ctl_list_free(&l);
    ctl_close(c);
    return r;
}
