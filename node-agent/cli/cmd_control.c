// SPDX-License-Identifier: ISC
// hostel pause, unpause, shutdown, reboot, destroy, rename, trigger, mem-set,
// mem-max, sched-credit: what is done to domains, with xl's words.

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/ctl.h"

#define WAIT_NS 100000000L // between two looks whether they have gone

// ------------------------------------------------- one action on some domains

struct request {
    const struct cmd *cmd;
    enum dom_action action;
    bool all, wait;
    struct ctl *c;
    char **who;
    int n;
};

static bool is_over(struct ctl *c, const char *who)
{
    struct ctl_list l;
    struct err e;
    bool over = true;

    // By number, so that one that was started again is another.
    if (ctl_list(c, who, &l, &e) == 0)
        over = l.at[0].letter == 's' || l.at[0].letter == 'c';
    ctl_list_free(&l);
    return over;
}

static void wait_for(struct ctl *c, const char *who)
{
    const struct timespec step = {.tv_nsec = WAIT_NS};

    while (!is_over(c, who))
        nanosleep(&step, NULL);
}

// The domains that are meant, by number: names may change meanwhile.
static int targets(const struct request *r, struct ctl_list *l, struct err *e)
{
    struct ctl_list one;
    size_t n = 0;

    if (r->all) {
        if (ctl_list(r->c, "", l, e) < 0)
            return -e->code;
        for (size_t i = 0; i < l->n; i++)
            if (ctl_is_own(&l->at[i]) && l->at[i].letter != 's' &&
                l->at[i].letter != 'c')
                l->at[n++] = l->at[i];
        l->n = n;
        return 0;
    }
    l->at = calloc((size_t)r->n, sizeof(*l->at));
    if (!l->at)
        return err_set(e, ENOMEM, "no memory");
    for (int i = 0; i < r->n; i++) {
        if (ctl_list(r->c, r->who[i], &one, e) < 0)
            return -e->code;
        l->at[l->n++] = one.at[0];
        ctl_list_free(&one);
    }
    return 0;
}

static int request_do(struct request *r)
{
    struct ctl_list l = {0};
    struct err e = {0};
    int status = 0;

    if (targets(r, &l, &e) < 0)
        status = cmd_fail(&e);
    for (size_t i = 0; i < l.n && status == 0; i++) {
        char number[16];

        // As it was named: one that is started again has a new number.
        snprintf(number, sizeof(number), "%u", l.at[i].domid);
        if (ctl_act(r->c, r->all ? number : r->who[i], r->action, 0, NULL, &e) <
            0)
            status = cmd_fail(&e);
    }
    for (size_t i = 0; i < l.n && status == 0 && r->wait; i++) {
        char number[16];

        snprintf(number, sizeof(number), "%u", l.at[i].domid);
        wait_for(r->c, number);
    }
    ctl_list_free(&l);
    return status;
}

static int request_run(const struct cmd *cmd, enum dom_action action, int argc,
                       char **argv)
{
    static const struct option longs[] = {{"all", no_argument, NULL, 'a'},
                                          {"wait", no_argument, NULL, 'w'},
                                          {"force", no_argument, NULL, 'f'},
                                          {0}};
    struct request r = {.cmd = cmd, .action = action};
    struct err e = {0};
    int o, status;

    while ((o = getopt_long(argc, argv, "awf", longs, NULL)) != -1) {
        if (o == 'a' && action != DOM_ACT_DESTROY)
            r.all = true;
        else if (o == 'w' && action == DOM_ACT_SHUTDOWN)
            r.wait = true;
        else if (o != 'f' || action != DOM_ACT_DESTROY)
            return cmd_usage(cmd);
    }
    r.who = argv + optind;
    r.n = argc - optind;
    if (r.all ? r.n != 0 : r.n < 1)
        return cmd_usage(cmd);
    r.c = ctl_open(&e);
    if (!r.c)
        return cmd_fail(&e);
    status = request_do(&r);
    ctl_close(r.c);
    return status;
}

// A customer's own, over the API.
static int request_customer(const struct cmd *cmd, const char *what, int argc,
                            char **argv)
{
    const struct call call = {.method = "POST"};
    cleanup_answer struct answer a = ANSWER_INIT;
    char id[SUB_ID_TEXT];
    struct err e = {0};
    struct client *c;
    int r;

    if (argc != 2 || argv[1][0] == '-')
        return cmd_usage(cmd);
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    r = client_find_submission(c, argv[1], id, &e);
    if (r == 0)
        r = client_call(c, &call, &a, &e, "/v1/submissions/%s/%s", id, what);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

static int pause_run(int argc, char **argv)
{
    return ctl_wanted() ? request_run(&cmd_pause, DOM_ACT_PAUSE, argc, argv)
                        : request_customer(&cmd_pause, "pause", argc, argv);
}

static int unpause_run(int argc, char **argv)
{
    return ctl_wanted() ? request_run(&cmd_unpause, DOM_ACT_UNPAUSE, argc, argv)
                        : request_customer(&cmd_unpause, "unpause", argc, argv);
}

static int shutdown_run(int argc, char **argv)
{
    return ctl_wanted()
               ? request_run(&cmd_shutdown, DOM_ACT_SHUTDOWN, argc, argv)
               : request_customer(&cmd_shutdown, "shutdown", argc, argv);
}

static int reboot_run(int argc, char **argv)
{
    return request_run(&cmd_reboot, DOM_ACT_REBOOT, argc, argv);
}

int ctl_destroy_run(int argc, char **argv)
{
    return request_run(&cmd_destroy, DOM_ACT_DESTROY, argc, argv);
}

const struct cmd cmd_pause = {
    .name = "pause",
    .run = pause_run,
    .usage = "-a | DOMAIN...",
    .summary = "stop domains where they are, until unpause",
    .help = "  -a  all domains of the operator's\n"
            "A paused domain keeps its memory, its wall time goes on.\n",
};
const struct cmd cmd_unpause = {
    .name = "unpause",
    .run = unpause_run,
    .usage = "-a | DOMAIN...",
    .summary = "let paused domains go on",
    .help = "  -a  all domains of the operator's\n",
};
const struct cmd cmd_shutdown = {
    .name = "shutdown",
    .run = shutdown_run,
    .usage = "[-w] -a | DOMAIN...",
    .summary = "ask domains to end: their programs get SIGTERM",
    .help = "  -a  all domains of the operator's\n"
            "  -w  wait until they have ended\n",
};
const struct cmd cmd_reboot = {
    .name = "reboot",
    .run = reboot_run,
    .usage = "-a | DOMAIN...",
    .summary = "ask domains to end and be started again",
    .help = "  -a  all domains of the operator's\n"
            "What follows is what the domain's on_reboot says.\n",
};

// --------------------------------------------------------- one thing, one
// domain

static int act_once(const char *who, enum dom_action action, uint64_t value,
                    const char *text)
{
    struct err e = {0};
    struct ctl *c = ctl_open(&e);
    int r = c ? ctl_act(c, who, action, value, text, &e) : -1;

    ctl_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

static int rename_run(int argc, char **argv)
{
    if (argc != 3)
        return cmd_usage(&cmd_rename);
    return act_once(argv[1], DOM_ACT_RENAME, 0, argv[2]);
}

const struct cmd cmd_rename = {
    .name = "rename",
    .run = rename_run,
    .usage = "DOMAIN NAME",
    .summary = "give a domain another name",
};

static int trigger_run(int argc, char **argv)
{
    static const char *const others[] = {"nmi", "init", "sleep", "s3resume"};
    struct err e;

    if (argc != 3)
        return cmd_usage(&cmd_trigger);
    if (!strcmp(argv[2], "power"))
        return act_once(argv[1], DOM_ACT_SHUTDOWN, 0, NULL);
    if (!strcmp(argv[2], "reset"))
        return act_once(argv[1], DOM_ACT_RESET, 0, NULL);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (!strcmp(argv[2], others[i])) {
            err_set(&e, ENOTSUP,
                    "a domain has no %s: there are power and reset", argv[2]);
            return cmd_fail(&e);
        }
    return cmd_usage(&cmd_trigger);
}

const struct cmd cmd_trigger = {
    .name = "trigger",
    .run = trigger_run,
    .usage = "DOMAIN power | reset",
    .summary = "press a domain's button",
    .help = "  power  ask it to end, as shutdown does\n"
            "  reset  end it as if it had asked for a reboot\n",
};

// -------------------------------------------------------------------- memory

// MiB, or with a letter k, m, g or t. False: it is no amount.
static bool kib_parse(const char *text, uint64_t *kib)
{
    static const char letters[] = "kmgt";
    unsigned long long n;
    const char *unit;
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno || (*end && end[1]))
        return false;
    unit = *end ? strchr(letters, *end | 0x20) : letters + 1;
    if (!unit || !*unit || n > UINT64_MAX >> 31)
        return false;
    for (; unit > letters; unit--) {
        if (n > UINT64_MAX >> 10)
            return false;
        n <<= 10;
    }
    *kib = n;
    return n > 0;
}

// Exit status 2, with what is wrong about an amount of memory.
static int kib_refuse(const struct cmd *cmd, const char *text)
{
    fprintf(stderr,
            "hostel: \"%s\" is no amount of memory: write MiB, or a number "
            "with k, m, g or t, more than 0\n",
            text);
    return cmd_usage(cmd);
}

static int mem_max_run(int argc, char **argv)
{
    uint64_t kib;

    if (argc != 3)
        return cmd_usage(&cmd_mem_max);
    if (!kib_parse(argv[2], &kib))
        return kib_refuse(&cmd_mem_max, argv[2]);
    return act_once(argv[1], DOM_ACT_MAX_KIB, kib, NULL);
}

const struct cmd cmd_mem_max = {
    .name = "mem-max",
    .run = mem_max_run,
    .usage = "DOMAIN MEMORY",
    .summary = "limit what a domain's control group may hold",
    .help = "MEMORY is in MiB, or with a letter: 512k, 64m, 2g.\n",
};

static int mem_set_run(int argc, char **argv)
{
    uint64_t kib;

    if (argc != 3)
        return cmd_usage(&cmd_mem_set);
    if (!kib_parse(argv[2], &kib))
        return kib_refuse(&cmd_mem_set, argv[2]);
    return act_once(argv[1], DOM_ACT_BALLOON, kib, NULL);
}

const struct cmd cmd_mem_set = {
    .name = "mem-set",
    .run = mem_set_run,
    .usage = "DOMAIN MEMORY",
    .summary = "ask a domain to keep only so much memory",
    .help = "MEMORY is in MiB, or with a letter: 512k, 64m, 2g.\n"
            "At most what it was made with, which also takes the limit away.\n",
};

// -------------------------------------------------------------- sched-credit

struct credit {
    const char *who, *weight, *cap;
};

static void credit_print(const struct dom_info *i)
{
    printf("%-33s %4u %6u %4u\n", i->name, i->domid, i->weight, i->cap);
}

static int credit_show(struct ctl *c, const char *who, struct err *e)
{
    struct ctl_list l;

    if (ctl_list(c, who, &l, e) < 0)
        return -e->code;
    printf("%-33s %4s %6s %4s\n", "Name", "ID", "Weight", "Cap");
    for (size_t i = 0; i < l.n; i++)
        credit_print(&l.at[i]);
    ctl_list_free(&l);
    return 0;
}

static int credit_number(const char *name, const char *text, uint64_t least,
                         uint64_t most, uint64_t *n, struct err *e)
{
    char *end;

    errno = 0;
    *n = strtoull(text, &end, 10);
    if (errno || *end || *text < '0' || *text > '9' || *n < least || *n > most)
        return err_set(e, EINVAL, "%s is from %llu to %llu, not %s", name,
                       (unsigned long long)least, (unsigned long long)most,
                       text);
    return 0;
}

static int credit_do(struct ctl *c, const struct credit *o, struct err *e)
{
    uint64_t weight = 0, cap = 0;

    if (!o->weight && !o->cap)
        return credit_show(c, o->who ? o->who : "", e);
    if ((o->weight && credit_number("the weight", o->weight, 1, DOM_WEIGHT_MAX,
                                    &weight, e) < 0) ||
        (o->cap &&
         credit_number("the cap", o->cap, 0, DOM_CAP_MAX, &cap, e) < 0))
        return -e->code;
    if (o->weight && ctl_act(c, o->who, DOM_ACT_WEIGHT, weight, NULL, e) < 0)
        return -e->code;
    return o->cap ? ctl_act(c, o->who, DOM_ACT_CAP, cap, NULL, e) : 0;
}

static int credit_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"domain", required_argument, NULL, 'd'},
        {"weight", required_argument, NULL, 'w'},
        {"cap", required_argument, NULL, 'c'},
        {0}};
    struct credit o = {0};
    struct err e = {0};
    struct ctl *c;
    int n, r;

    while ((n = getopt_long(argc, argv, "d:w:c:", longs, NULL)) != -1) {
        if (n == 'd')
            o.who = optarg;
        else if (n == 'w')
            o.weight = optarg;
        else if (n == 'c')
            o.cap = optarg;
        else
            return cmd_usage(&cmd_sched_credit);
    }
    if (optind != argc || ((o.weight || o.cap) && !o.who))
        return cmd_usage(&cmd_sched_credit);
    c = ctl_open(&e);
    r = c ? credit_do(c, &o, &e) : -1;
    ctl_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_sched_credit = {
    .name = "sched-credit",
    .run = credit_run,
    .usage = "[-d DOMAIN [-w WEIGHT] [-c CAP]]",
    .summary = "show or set domains' shares of the processors",
    .help = "  -d DOMAIN  which; without it, all are shown\n"
            "  -w WEIGHT  1 to 25600; 256 is usual\n"
            "  -c CAP     percent of one processor; 0 is no cap\n",
};
