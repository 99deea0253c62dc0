// SPDX-License-Identifier: ISC
/*
 * The debugger's session; see debug.h. One request is answered before the next
 * is read, so a peer that does not listen costs a buffer and no more.
 *
 * A breakpoint is an int3 in the guest's own copy of its text. A step is the
 * trap flag, with upcalls held back; out of the hypercall page, whose code is
 * the engine's, it is a breakpoint at the return address.
 */
#include "hypervisor/monitor/debug.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "hypervisor/monitor/breakpoint.h"
#include "hypervisor/monitor/dump.h"
#include "hypervisor/monitor/end.h"
#include "hypervisor/monitor/gdb_packet.h"
#include "hypervisor/monitor/gdb_target.h"
#include "hypervisor/monitor/stream.h"
#include "hypervisor/monitor/watch.h"

#define RFLAGS_TF 0x100ul
#define VECTOR_DB 1
#define VECTOR_BP 3

// The one session of this process. Its pages are touched when there is one.
static struct debug {
    bool open;
    int fd;
    bool stopped;   // the guest is parked and `cpu` holds its registers
    bool changed;   // ... which are not what the guest has
    bool owes_stop; // the peer waits to be told of a stop
    bool no_ack;    // as agreed
    bool stepping;  // by the trap flag
    bool at_trap;   // stopped at a trap that is the guest's own
    bool went;      // it has said good-bye: close when all is written
    bool step_out;  // `temporary` is set
    bool watches_write;
    unsigned signal; // of this stop
    struct breakpoint temporary;
    struct hv_cpu cpu;
    size_t sent;     // of out
    size_t have, at; // bytes read, bytes of these taken
    char in[4096];
    struct gdb_reader reader;
    struct gdb_writer out;
} debug;

// ----------------------------------------------------------------- running

static bool step_prepare(struct monitor *m)
{
    struct hv_regs *r = &debug.cpu.regs;

    debug.changed = true;
    if (r->rip - HV_HYPERCALL_VA >= HV_PAGE) {
        r->rflags |= RFLAGS_TF;
        debug.stepping = true;
        return true;
    }
    // Return address of a call, first word of HV_IRET's frame.
    if (m->domain.engine->read(&m->domain, r->rsp, &debug.temporary.address,
                               8) != 8)
        return false;
    if (breakpoint_is(debug.temporary.address))
        return true;
    debug.step_out = breakpoint_plant(&m->domain, &debug.temporary);
    return debug.step_out;
}

// False: the registers cannot be put back, or nowhere to step to.
static bool run_on(struct monitor *m, bool step, bool deliver)
{
    const struct engine *engine = m->domain.engine;

    if (step && !step_prepare(m))
        return false;
    if (debug.changed && engine->restore(&m->domain, &debug.cpu) < 0)
        return false;
    engine->park(&m->domain, PARK_TRAPS | (debug.stepping ? PARK_QUIET : 0));
    debug.stopped = false;
    debug.owes_stop = true;
    engine->release(&m->domain, deliver ? PARK_DELIVER : PARK_GO_ON);
    return true;
}

static void stop_ask(struct monitor *m)
{
    m->domain.engine->park(&m->domain,
                           m->domain.order | PARK_TRAPS | PARK_STOP);
}

// --------------------------------------------------------------------- talk

static void talk_flush(struct monitor *m);

static void session_close(struct monitor *m)
{
    const struct engine *engine = m->domain.engine;
    struct engine_stop s;

    if (!debug.open)
        return;
    unwatch(m->epoll_fd, debug.fd);
    close(debug.fd);
    debug.open = false;
    breakpoint_clear_all(&m->domain);
    if (debug.step_out)
        breakpoint_lift(&m->domain, &debug.temporary);
    engine->park(&m->domain, 0);
    if (!engine->parked(&m->domain, &s))
        return;
    debug.cpu.regs.rflags &= ~RFLAGS_TF;
    if (debug.stopped && debug.changed)
        engine->restore(&m->domain, &debug.cpu);
    if (m->paused)
        engine->pause(&m->domain, true);
    engine->release(&m->domain, debug.at_trap ? PARK_DELIVER : PARK_GO_ON);
}

static void talk_flush(struct monitor *m)
{
    bool waits;

    while (debug.sent < debug.out.len) {
        ssize_t n = stream_send(debug.fd, debug.out.data + debug.sent,
                                debug.out.len - debug.sent);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            session_close(m);
            return;
        }
        debug.sent += (size_t)n;
    }
    waits = debug.sent < debug.out.len;
    if (!waits && debug.went) {
        session_close(m);
        return;
    }
    if (waits == debug.watches_write)
        return;
    debug.watches_write = waits;
    unwatch(m->epoll_fd, debug.fd);
    watch(m->epoll_fd, debug.fd, WATCH_DEBUG, waits ? EPOLLOUT : EPOLLIN);
}

static void ack(char c)
{
    if (!debug.no_ack)
        stream_send(debug.fd, &c, 1);
}

static void answer_begin(void)
{
    gdb_begin(&debug.out);
    debug.sent = 0;
}

static void answer_end(struct monitor *m)
{
    gdb_end(&debug.out);
    talk_flush(m);
}

static void answer(struct monitor *m, const char *text)
{
    answer_begin();
    gdb_put(&debug.out, text);
    answer_end(m);
}

static void answer_stop(struct monitor *m, bool breakpoint)
{
    char text[64];

    debug.owes_stop = false;
    snprintf(text, sizeof(text), "T%02x%sthread:1;", debug.signal,
             breakpoint ? "swbreak:;" : "");
    answer(m, text);
}

// ----------------------------------------------------------------- requests

static void ask_stop_reason(struct monitor *m, const char *arg)
{
    (void)arg;
    answer_stop(m, false);
}

static void ask_registers(struct monitor *m, const char *arg)
{
    uint8_t value[GDB_REGISTER_MAX];

    (void)arg;
    answer_begin();
    for (unsigned n = 0; n < gdb_registers(&debug.cpu); n++) {
        gdb_register_get(&debug.cpu, n, value);
        gdb_put_hex(&debug.out, value, gdb_register_len(n));
    }
    answer_end(m);
}

static void set_registers(struct monitor *m, const char *arg)
{
    uint8_t value[GDB_REGISTER_MAX];

    for (unsigned n = 0; n < gdb_registers(&debug.cpu); n++) {
        size_t len = gdb_register_len(n);

        if (gdb_unhex(arg, value, len) != len)
            break;
        gdb_register_set(&debug.cpu, n, value);
        arg += 2 * len;
    }
    debug.changed = true;
    answer(m, "OK");
}

static void ask_register(struct monitor *m, const char *arg)
{
    uint8_t value[GDB_REGISTER_MAX];
    uint64_t n;

    if (!gdb_number(&arg, &n) || n >= gdb_registers(&debug.cpu)) {
        answer(m, "E01");
        return;
    }
    gdb_register_get(&debug.cpu, (unsigned)n, value);
    answer_begin();
    gdb_put_hex(&debug.out, value, gdb_register_len((unsigned)n));
    answer_end(m);
}

static void set_register(struct monitor *m, const char *arg)
{
    uint8_t value[GDB_REGISTER_MAX];
    uint64_t n;
    size_t len;

    if (!gdb_number(&arg, &n) || n >= gdb_registers(&debug.cpu) ||
        *arg++ != '=') {
        answer(m, "E01");
        return;
    }
    len = gdb_register_len((unsigned)n);
    if (gdb_unhex(arg, value, len) != len) {
        answer(m, "E01");
        return;
    }
    gdb_register_set(&debug.cpu, (unsigned)n, value);
    debug.changed = true;
    answer(m, "OK");
}

// "addr,len" and what follows. False: malformed, or too much.
static bool range(const char **arg, uint64_t *at, uint64_t *len)
{
    if (!gdb_number(arg, at) || *(*arg)++ != ',' || !gdb_number(arg, len))
        return false;
    return *len <= GDB_PACKET_MAX / 2;
}

static void ask_memory(struct monitor *m, const char *arg)
{
    static uint8_t bytes[GDB_PACKET_MAX / 2];
    uint64_t at, len;

    if (!range(&arg, &at, &len)) {
        answer(m, "E01");
        return;
    }
    len = breakpoint_read(&m->domain, at, bytes, len);
    if (len == 0) {
        answer(m, "E0e");
        return;
    }
    answer_begin();
    gdb_put_hex(&debug.out, bytes, len);
    answer_end(m);
}

static void set_memory(struct monitor *m, const char *arg)
{
    static uint8_t bytes[GDB_PACKET_MAX / 2];
    uint64_t at, len;

    if (!range(&arg, &at, &len) || *arg++ != ':' ||
        gdb_unhex(arg, bytes, len) != len)
        answer(m, "E01");
    else
        answer(m, breakpoint_write(&m->domain, at, bytes, len) ? "OK" : "E0e");
}

static void set_memory_binary(struct monitor *m, const char *arg)
{
    static uint8_t bytes[GDB_PACKET_MAX / 2];
    const char *end = debug.reader.data + debug.reader.len;
    uint64_t at, len;

    if (!range(&arg, &at, &len) || *arg++ != ':' ||
        len > (uint64_t)(end - arg)) {
        answer(m, "E01");
        return;
    }
    memcpy(bytes, arg, len);
    answer(m, len == 0 || breakpoint_write(&m->domain, at, bytes, len) ? "OK"
                                                                       : "E0e");
}

static void go(struct monitor *m, const char *arg, bool step, bool deliver)
{
    uint64_t at;

    if (gdb_number(&arg, &at)) {
        debug.cpu.regs.rip = at;
        debug.changed = true;
    }
    if (!run_on(m, step, deliver && debug.at_trap))
        answer(m, "E0e");
}

static void go_on(struct monitor *m, const char *arg)
{
    go(m, arg, false, false);
}

static void go_step(struct monitor *m, const char *arg)
{
    go(m, arg, true, false);
}

// With a signal: the trap is the guest's to handle. (gdb sends none back that
// it was told not to pass on.)
static void go_signal(struct monitor *m, const char *arg)
{
    uint64_t signal;

    gdb_number(&arg, &signal);
    go(m, *arg == ';' ? arg + 1 : "", false, signal != 0);
}

static void go_step_signal(struct monitor *m, const char *arg)
{
    uint64_t signal;

    gdb_number(&arg, &signal);
    go(m, *arg == ';' ? arg + 1 : "", true, signal != 0);
}

// "0,address,...": a software breakpoint. False: it is answered.
static bool breakpoint_which(struct monitor *m, const char *arg,
                             uint64_t *address)
{
    if (*arg != '0') {
        answer(m, ""); // only these
        return false;
    }
    arg += 2;
    if (arg[-1] == ',' && gdb_number(&arg, address))
        return true;
    answer(m, "E01");
    return false;
}

static void set_breakpoint(struct monitor *m, const char *arg)
{
    uint64_t address;

    if (breakpoint_which(m, arg, &address))
        answer(m, breakpoint_set(&m->domain, address) ? "OK" : "E0e");
}

static void clear_breakpoint(struct monitor *m, const char *arg)
{
    uint64_t address;

    if (!breakpoint_which(m, arg, &address))
        return;
    breakpoint_clear(&m->domain, address);
    answer(m, "OK");
}

static void detach(struct monitor *m, const char *arg)
{
    (void)arg;
    debug.went = true;
    answer(m, "OK");
}

static void kill_guest(struct monitor *m, const char *arg)
{
    (void)arg;
    debug.went = true;
    answer(m, "OK");
    end(m, HVC_STOPPED, 0, "killed by its debugger");
}

static void say_yes(struct monitor *m, const char *arg)
{
    (void)arg;
    answer(m, "OK");
}

static void ask_supported(struct monitor *m, const char *arg)
{
    char text[160];

    (void)arg;
    snprintf(text, sizeof(text),
             "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;"
             "vContSupported+;swbreak+",
             GDB_PACKET_MAX);
    answer(m, text);
}

static void ask_description(struct monitor *m, const char *arg)
{
    static char xml[32768];
    size_t have = gdb_description(&debug.cpu, xml, sizeof(xml));
    uint64_t at, len;

    if (!range(&arg, &at, &len) || at > have) {
        answer(m, "E01");
        return;
    }
    if (len > have - at)
        len = have - at;
    answer_begin();
    gdb_put(&debug.out, at + len < have ? "m" : "l");
    gdb_put_binary(&debug.out, xml + at, len);
    answer_end(m);
}

static void agree_no_ack(struct monitor *m, const char *arg)
{
    (void)arg;
    answer(m, "OK");
    debug.no_ack = true;
}

static void ask_continuations(struct monitor *m, const char *arg)
{
    (void)arg;
    answer(m, "vCont;c;C;s;S");
}

static void say_attached(struct monitor *m, const char *arg)
{
    (void)arg;
    answer(m, "1");
}

static void say_thread(struct monitor *m, const char *arg)
{
    (void)arg;
    answer(m, "QC1");
}

static void say_threads(struct monitor *m, const char *arg)
{
    (void)arg;
    answer(m, "m1");
}

static void say_no_more(struct monitor *m, const char *arg)
{
    (void)arg;
    answer(m, "l");
}

// Longer ones first where one begins like another.
static const struct {
    const char *begin;
    void (*serve)(struct monitor *, const char *arg);
} requests[] = {
    {"?", ask_stop_reason},
    {"g", ask_registers},
    {"G", set_registers},
    {"p", ask_register},
    {"P", set_register},
    {"m", ask_memory},
    {"M", set_memory},
    {"X", set_memory_binary},
    {"Z", set_breakpoint},
    {"z", clear_breakpoint},
    {"c", go_on},
    {"s", go_step},
    {"C", go_signal},
    {"S", go_step_signal},
    {"D", detach},
    {"k", kill_guest},
    {"H", say_yes},
    {"T", say_yes},
    {"vCont?", ask_continuations},
    {"vCont;c", go_on},
    {"vCont;s", go_step},
    {"vCont;C", go_signal},
    {"vCont;S", go_step_signal},
    {"vKill", kill_guest},
    {"qSupported", ask_supported},
    {"qXfer:features:read:target.xml:", ask_description},
    {"QStartNoAckMode", agree_no_ack},
    {"qAttached", say_attached},
    {"qfThreadInfo", say_threads},
    {"qsThreadInfo", say_no_more},
    {"qC", say_thread},
};

static void packet_serve(struct monitor *m, const char *packet)
{
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        size_t n = strlen(requests[i].begin);

        if (!strncmp(packet, requests[i].begin, n)) {
            requests[i].serve(m, packet + n);
            return;
        }
    }
    answer(m, ""); // not known
}

// ------------------------------------------------------------------ the loop

static void byte_take(struct monitor *m, char byte)
{
    switch (gdb_read(&debug.reader, byte)) {
    case GDB_NOTHING:
        break;
    case GDB_PACKET:
        ack('+');
        packet_serve(m, debug.reader.data);
        break;
    case GDB_BAD:
        ack('-');
        break;
    case GDB_INTERRUPT:
        if (!debug.stopped)
            stop_ask(m);
        break;
    case GDB_AGAIN:
        debug.sent = 0;
        talk_flush(m);
        break;
    }
}

// Takes what was read; nothing while an answer is on its way, and while the
// guest runs nothing but a request to stop it.
static void input_take(struct monitor *m)
{
    while (debug.open && debug.at < debug.have && debug.sent >= debug.out.len &&
           !debug.went) {
        if (!debug.stopped && debug.in[debug.at] != 3)
            return;
        byte_take(m, debug.in[debug.at++]);
    }
}

void debug_spoke(struct monitor *m)
{
    ssize_t n;

    if (!debug.open)
        return;
    if (debug.sent < debug.out.len)
        talk_flush(m);
    input_take(m);
    if (!debug.open || debug.sent < debug.out.len)
        return;
    memmove(debug.in, debug.in + debug.at, debug.have - debug.at);
    debug.have -= debug.at;
    debug.at = 0;
    n = stream_recv(debug.fd, debug.in + debug.have,
                    sizeof(debug.in) - debug.have);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        session_close(m);
        return;
    }
    debug.have += (size_t)n;
    input_take(m);
}

int debug_attach(struct monitor *m, int fd)
{
    if (debug.open || dump_active())
        return -EBUSY;
    memset(&debug, 0, offsetof(struct debug, cpu));
    memset(&debug.reader, 0, sizeof(debug.reader));
    debug.have = debug.at = debug.sent = debug.out.len = 0;
    debug.open = true;
    debug.fd = fd;
    watch(m->epoll_fd, fd, WATCH_DEBUG, EPOLLIN);
    stop_ask(m);
    // It handles the signal before it would run on.
    if (m->paused)
        m->domain.engine->pause(&m->domain, false);
    return 0;
}

bool debug_active(void)
{
    return debug.open;
}

bool debug_waits(const struct monitor *m)
{
    return debug.open && !debug.stopped && m->domain.order & PARK_STOP;
}

bool debug_stopped(struct monitor *m, const struct engine_stop *s)
{
    bool trap = s->reason == PARK_TRAP, ours = false;
    struct hv_regs *r = &debug.cpu.regs;

    if (!debug.open)
        return false;
    if (debug.stopped)
        return true;
    m->domain.engine->park(&m->domain, PARK_TRAPS);
    if (m->domain.engine->capture(&m->domain, &debug.cpu) < 0) {
        end(m, HVC_CRASH, 0, "its registers cannot be found");
        return true;
    }
    gdb_plain(&debug.cpu);
    debug.stopped = true;
    debug.changed = false;
    if (debug.stepping) {
        r->rflags &= ~RFLAGS_TF;
        debug.changed = true;
        ours = trap && s->vector == VECTOR_DB;
    }
    debug.stepping = false;
    if (trap && s->vector == VECTOR_BP &&
        (breakpoint_is(r->rip - 1) ||
         (debug.step_out && debug.temporary.address == r->rip - 1))) {
        r->rip--;
        debug.changed = true;
        ours = true;
    }
    if (debug.step_out)
        breakpoint_lift(&m->domain, &debug.temporary);
    debug.step_out = false;
    debug.at_trap = trap && !ours;
    debug.signal = trap ? dump_signal(s->vector) : SIGINT;
    if (debug.owes_stop)
        answer_stop(m, trap && ours && breakpoint_is(r->rip));
    input_take(m);
    return true;
}

void debug_ended(struct monitor *m)
{
    char text[16] = "X09";

    if (!debug.open)
        return;
    if (m->cause == HVC_POWEROFF)
        snprintf(text, sizeof(text), "W%02x", m->status & 0xff);
    answer(m, text);
    if (debug.open)
        close(debug.fd);
    debug.open = false;
}
