// SPDX-License-Identifier: ISC
// hostel list (as the operator), domid, domname, vcpu-list, uptime, info: what
// there is, in xl's columns.

#include <cpuid.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/hex.h"
#include "node-agent/api/v1.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/ctl.h"
#include "node-agent/cli/dom_config.h"
#include "node-agent/cli/show.h"

// The domains that are named; none: all.
static int some(struct ctl *c, char **who, int n, struct ctl_list *l,
                struct err *e)
{
    struct ctl_list one;

    if (n == 0)
        return ctl_list(c, "", l, e);
    *l = (struct ctl_list){.at = calloc((size_t)n, sizeof(*l->at))};
    if (!l->at)
        return err_set(e, ENOMEM, "no memory");
    for (int i = 0; i < n; i++) {
        if (ctl_list(c, who[i], &one, e) < 0)
            return -e->code;
        l->at[l->n++] = one.at[0];
        ctl_list_free(&one);
    }
    return 0;
}

// Connects, finds the domains, prints them.
static int print_some(char **who, int n, void (*print)(const struct ctl_list *))
{
    struct ctl_list l = {0};
    struct err e = {0};
    struct ctl *c = ctl_open(&e);
    int r = c ? some(c, who, n, &l, &e) : -1;

    if (r >= 0)
        print(&l);
    ctl_list_free(&l);
    ctl_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

// ---------------------------------------------------------------------- list

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static void list_rows(const struct ctl_list *l, bool verbose)
{
    printf("%-40s %5s %5s %5s %6s %9s%s\n", "Name", "ID", "Mem", "VCPUs",
           "State", "Time(s)", verbose ? " UUID" : "");
    for (size_t i = 0; i < l->n; i++) {
        const struct dom_info *d = &l->at[i];
        char state[CTL_STATE_SIZE], id[2 * sizeof(d->id) + 1];

        printf("%-40s %5u %5llu %5u %6s %9.1f", d->name, d->domid,
               (unsigned long long)d->memory_kib >> 10, 1, ctl_state(state, d),
               seconds(d->usage.cpu_ns));
        if (verbose)
            printf(" %s", hex_encode(id, d->id.b, sizeof(d->id)));
        printf("\n");
    }
}

static void list_plain(const struct ctl_list *l)
{
    list_rows(l, false);
}

static void list_verbose(const struct ctl_list *l)
{
    list_rows(l, true);
}

static const char *cause_name(uint32_t cause)
{
    static const char *const names[] = {
        [HVC_POWEROFF] = "poweroff",
        [HVC_REBOOT] = "reboot",
        [HVC_CRASH] = "crash",
        [HVC_SUSPEND] = "suspend",
        [HVC_TRAP] = "trap",
        [HVC_SYSCALL] = "system-call",
        [HVC_CPU_BUDGET] = "cpu-budget",
        [HVC_WALL_BUDGET] = "wall-budget",
        [HVC_LEASE_LAPSED] = "lease-lapsed",
        [HVC_STOPPED] = "stopped",
        [HVC_REFUSED] = "refused",
        [HVC_MEMORY] = "memory",
        [HVC_KILLED] = "killed",
        [HVC_LOST] = "lost",
    };

    return cause < sizeof(names) / sizeof(names[0]) && names[cause]
               ? names[cause]
               : "unknown";
}

static json_t *usage_json(const struct usage *u)
{
    return json_pack("{sI sI sI sI sI sI sI sI sI}", "cpu_ns",
                     (json_int_t)u->cpu_ns, "wall_ns", (json_int_t)u->wall_ns,
                     "mem_peak_kib", (json_int_t)u->mem_peak_kib,
                     "net_rx_bytes", (json_int_t)u->net_rx_bytes,
                     "net_tx_bytes", (json_int_t)u->net_tx_bytes,
                     "disk_read_bytes", (json_int_t)u->disk_read_bytes,
                     "disk_write_bytes", (json_int_t)u->disk_write_bytes,
                     "console_bytes", (json_int_t)u->console_bytes, "starts",
                     (json_int_t)u->starts);
}

static json_t *domain_json(const struct dom_info *d)
{
    char state[CTL_STATE_SIZE], id[2 * sizeof(d->id) + 1],
        key[2 * sizeof(d->customer) + 1];
    json_t *o = json_pack(
        "{sI ss ss ss sI sI sI sI so so}", "domid", (json_int_t)d->domid,
        "uuid", hex_encode(id, d->id.b, sizeof(d->id)), "state",
        ctl_state(state, d), "engine", ctl_engine(d), "memory_kib_now",
        (json_int_t)d->mem_kib, "restarts", (json_int_t)d->restarts, "disks",
        (json_int_t)d->disks, "vifs", (json_int_t)d->vifs, "config",
        dom_config_json(d), "usage", usage_json(&d->usage));

    if (!ctl_is_own(d))
        json_object_set_new(
            o, "customer",
            json_string(hex_encode(key, d->customer.b, sizeof(d->customer))));
    if (d->cause) {
        json_object_set_new(o, "last_end", json_string(cause_name(d->cause)));
        json_object_set_new(o, "last_status", json_integer(d->status));
        json_object_set_new(o, "report", json_string(d->report));
    }
    return o;
}

static void list_long(const struct ctl_list *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(list, domain_json(&l->at[i]));
    print_json(list);
}

int ctl_list_run(int argc, char **argv)
{
    static const struct option longs[] = {{"long", no_argument, NULL, 'l'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {0}};
    void (*print)(const struct ctl_list *) = list_plain;
    int c;

    while ((c = getopt_long(argc, argv, "lv", longs, NULL)) != -1) {
        if (c == '?')
            return cmd_usage(&cmd_list);
        print = c == 'l' ? list_long : list_verbose;
    }
    return print_some(argv + optind, argc - optind, print);
}

// ----------------------------------------------------------- domid and domname

static void print_number(const struct ctl_list *l)
{
    printf("%u\n", l->at[0].domid);
}

static void print_name(const struct ctl_list *l)
{
    printf("%s\n", l->at[0].name);
}

static int domid_run(int argc, char **argv)
{
    return argc == 2 ? print_some(argv + 1, 1, print_number)
                     : cmd_usage(&cmd_domid);
}

static int domname_run(int argc, char **argv)
{
    return argc == 2 ? print_some(argv + 1, 1, print_name)
                     : cmd_usage(&cmd_domname);
}

const struct cmd cmd_domid = {
    .name = "domid",
    .run = domid_run,
    .usage = "NAME",
    .summary = "print a domain's number",
};
const struct cmd cmd_domname = {
    .name = "domname",
    .run = domname_run,
    .usage = "NUMBER",
    .summary = "print a domain's name",
};

// ------------------------------------------------------------------- devices

static void vcpus_print(const struct ctl_list *l)
{
    printf("%-33s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU",
           "State", "Time(s)", "Affinity (Hard / Soft)");
    for (size_t i = 0; i < l->n; i++) {
        const struct dom_info *d = &l->at[i];
        const char *state = d->letter == 'r'   ? "r--"
                            : d->letter == 'b' ? "-b-"
                            : d->letter == 'p' ? "--p"
                                               : "---";

        printf("%-33s %5u %5u %5s %5s %9.1f %s\n", d->name, d->domid, 0, "-",
               state, seconds(d->usage.cpu_ns), "all / all");
    }
}

static int vcpu_list_run(int argc, char **argv)
{
    return print_some(argv + 1, argc - 1, vcpus_print);
}

const struct cmd cmd_vcpu_list = {
    .name = "vcpu-list",
    .run = vcpu_list_run,
    .usage = "[DOMAIN]...",
    .summary = "list domains' virtual processors",
};

// -------------------------------------------------------------------- uptime

static void uptime_text(char out[48], uint64_t s)
{
    unsigned long long days = s / 86400;
    int n = 0;

    if (days)
        n = snprintf(out, 48, "%llu day%s, ", days, days == 1 ? "" : "s");
    snprintf(out + n, 48 - (size_t)n, "%2llu:%02llu:%02llu",
             (unsigned long long)s / 3600 % 24, (unsigned long long)s / 60 % 60,
             (unsigned long long)s % 60);
}

static void uptimes_print(const struct ctl_list *l)
{
    uint64_t now = clock_real_ns();

    printf("%-33s %4s %s\n", "Name", "ID", "Uptime");
    for (size_t i = 0; i < l->n; i++) {
        const struct dom_info *d = &l->at[i];
        char text[48] = "-";

        if (d->started_real_ns && d->letter != 's' && d->letter != 'c' &&
            now > d->started_real_ns)
            uptime_text(text, (now - d->started_real_ns) / 1000000000u);
        printf("%-33s %4u %s\n", d->name, d->domid, text);
    }
}

static int uptime_run(int argc, char **argv)
{
    return print_some(argv + 1, argc - 1, uptimes_print);
}

const struct cmd cmd_uptime = {
    .name = "uptime",
    .run = uptime_run,
    .usage = "[DOMAIN]...",
    .summary = "show how long domains have been running",
};

// ---------------------------------------------------------------------- info

static const char *virt_caps(void)
{
    unsigned a, b, c, d;

    __cpuid(1, a, b, c, d);
    if (c & 1u << 5)
        return "vmx";
    __cpuid(0x80000000, a, b, c, d);
    if (a >= 0x80000001) {
        __cpuid(0x80000001, a, b, c, d);
        if (c & 1u << 2)
            return "svm";
    }
    return "none";
}

static void line(const char *key, const char *value)
{
    printf("%-23s: %s\n", key, value);
}

static void line_number(const char *key, uint64_t n)
{
    printf("%-23s: %llu\n", key, (unsigned long long)n);
}

static void info_print(const struct msg_capacity_reply *c, size_t domains)
{
    struct utsname u = {0};
    struct sysinfo s = {0};

    uname(&u);
    sysinfo(&s);
    line("host", u.nodename);
    line("release", u.release);
    line("version", u.version);
    line("machine", u.machine);
    line_number("nr_cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
    line("virt_caps", virt_caps());
    line("kvm", access("/dev/kvm", R_OK | W_OK) == 0 ? "/dev/kvm" : "none");
    line_number("total_memory", (uint64_t)s.totalram * s.mem_unit >> 20);
    line_number("domain_memory", c->memory_kib >> 10);
    line_number("free_memory", c->memory_kib > c->memory_used_kib
                                   ? (c->memory_kib - c->memory_used_kib) >> 10
                                   : 0);
    line_number("slots", c->slots);
    line_number("slots_used", c->slots_used);
    line_number("nr_domains", domains);
    printf("%-23s: %.1f\n", "agent_cpu_s", seconds(c->agent_cpu_ns));
    line("hostel_version", HOSTEL_VERSION);
}

static int info_run(int argc, char **argv)
{
    struct msg_get m = {0};
    static union ipc_any reply;
    struct ctl_list l = {0};
    struct err e = {0};
    struct ctl *c;
    int fd, r = -1;

    (void)argv;
    if (argc != 1)
        return cmd_usage(&cmd_info);
    c = ctl_open(&e);
    ipc_head(&m, MSG_CAPACITY, 4);
    if (c && ctl_list(c, "", &l, &e) == 0)
        r = ctl_call(c, &m.head, NULL, 0, &reply, &fd, &e);
    if (r == 0)
        info_print(&reply.capacity, l.n);
    ctl_list_free(&l);
    ctl_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_info = {
    .name = "info",
    .run = info_run,
    .usage = "",
    .summary = "show what the machine and its node are",
};
