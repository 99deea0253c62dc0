// SPDX-License-Identifier: ISC
/*
 * What is said about domains on the operator's control socket
 * (run_dir/control.sock, SOCK_SEQPACKET): by the hostel command to the
 * operator role, which passes it on to the keeper. As in msg.h: fixed structs,
 * checked by the table of ipc.c.
 *
 * Whoever can connect is root or the operator by the kernel's word. No message
 * names a file: the command opens what a domain's file names, with the rights
 * of who typed it, and passes descriptors.
 */
#ifndef AGENT_DOM_H
#define AGENT_DOM_H

#include <string.h>
#include "node-agent/agent/msg.h"

#define DOM_NAME_MAX 64 /* with its NUL */
#define DOM_TEXT_MAX 256

/* Shares of the processors in the terms of Xen's credit scheduler; weight 256
 * is a control group's usual 100. */
#define DOM_WEIGHT_USUAL 256u
#define DOM_WEIGHT_MAX   25600u  /* 10000 of a control group's */
#define DOM_CAP_MAX      100000u /* percent of one processor; 0 = no cap */

/* What becomes of a domain at an end. */
enum dom_on {
    DOM_DESTROY,
    DOM_RESTART,
    DOM_PRESERVE,
    DOM_RENAME_RESTART,
    DOM_COREDUMP_DESTROY,
    DOM_COREDUMP_RESTART
};
#define DOM_ON_MAX DOM_COREDUMP_RESTART
enum dom_end { DOM_POWEROFF, DOM_REBOOT, DOM_CRASH, DOM_ENDS };

#define DOM_F_PAUSED 1u
#define DOM_F_INITRD 2u

struct dom_create {
    struct msg_head head;
    char name[DOM_NAME_MAX]; /* dom_name_ok */
    uint32_t engine;         /* enum engine_choice */
    uint32_t flags;          /* DOM_F_* */
    uint64_t memory_kib, max_kib;
    uint64_t cpu_ns, wall_ns; /* budgets of one run; 0 = none */
    uint32_t weight, cap;
    uint32_t on[DOM_ENDS]; /* enum dom_on */
    uint32_t ndevices;     /* at most HV_DEVICE_MAX */
    uint32_t argc, envc, cmdline_len;
    char kernel[DOM_TEXT_MAX]; /* its path, to show; nobody opens it */
    char ramdisk[DOM_TEXT_MAX];
    char cmdline[HV_CMDLINE_MAX];
};

/* "": all. Else a domain by number, name, or (a submission's) by the
 * beginning of its id. */
struct dom_who {
    struct msg_head head;
    char who[DOM_NAME_MAX];
};

enum dom_action {
    DOM_ACT_PAUSE = CONTROL_PAUSE, /* as enum control_action, value too */
    DOM_ACT_UNPAUSE = CONTROL_UNPAUSE,
    DOM_ACT_SHUTDOWN = CONTROL_SHUTDOWN,
    DOM_ACT_REBOOT = CONTROL_REBOOT,
    DOM_ACT_WEIGHT = CONTROL_WEIGHT, /* value: 1 .. DOM_WEIGHT_MAX */
    DOM_ACT_CAP = CONTROL_CAP,
    DOM_ACT_MAX_KIB = CONTROL_MAX_KIB,
    DOM_ACT_BALLOON = CONTROL_BALLOON,
    DOM_ACT_DESTROY = 32, /* answered when it is gone */
    DOM_ACT_RESET,        /* ends as if it had asked for a reboot */
    DOM_ACT_RENAME        /* to `text` */
};
struct dom_act {
    struct msg_head head;
    char who[DOM_NAME_MAX];
    uint32_t action; /* enum dom_action */
    uint32_t pad;
    uint64_t value;
    char text[DOM_NAME_MAX];
};

/* Console input: an offset in the stream and so on as in msg_input. */
struct dom_input {
    struct msg_head head;
    char who[DOM_NAME_MAX];
    uint64_t writer, offset;
    uint32_t flags;
    uint32_t len;
    char data[HVC_INPUT_MAX];
};

struct dom_info {
    sub_id_t id;       /* of the submission, or of the present run */
    key_id_t customer; /* all zero: the operator's */
    uint32_t domid;
    uint32_t engine; /* enum hvc_engine */
    uint32_t letter; /* 'r' 'b' 'p', 's' shut down, 'c' crashed, 'd' dying;
                        '-' not known yet, or waiting to run again */
    uint32_t weight, cap;
    uint32_t restarts;
    uint32_t on[DOM_ENDS];
    uint32_t cause, status; /* of the last end; 0: none yet */
    uint64_t memory_kib, max_kib, mem_kib;
    uint64_t cpu_budget_ns, wall_budget_ns;
    uint64_t created_real_ns, started_real_ns;
    uint64_t figures_real_ns; /* when the figures were read */
    struct usage usage;       /* of all its runs */
    uint32_t argc, envc;
    uint32_t disks, vifs;
    char name[DOM_NAME_MAX];
    char kernel[DOM_TEXT_MAX];
    char ramdisk[DOM_TEXT_MAX];
    char args[512];   /* as many as fit, joined by blanks */
    char report[512]; /* of the last end */
};

struct dom_reply {
    struct msg_reply reply;
    struct dom_info info;
};

/* A customer's request about what runs for it. */
struct msg_sub_act {
    struct msg_head head;
    sub_id_t id;
    key_id_t customer;
    uint32_t action; /* CONTROL_PAUSE, CONTROL_UNPAUSE, CONTROL_SHUTDOWN */
    uint32_t pad;
};

/* A name may be typed where a number may: it has a letter, and else letters,
 * digits, '-', '_', '.' and '+'. */
static inline int dom_name_ok(const char *name)
{
    int letters = 0;

    for (const char *c = name; *c; c++) {
        if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'))
            letters = 1;
        else if (!(*c >= '0' && *c <= '9') && !strchr("-_.+", *c))
            return 0;
    }
    return letters && name[0] != '-' && strlen(name) < DOM_NAME_MAX;
}

#endif
