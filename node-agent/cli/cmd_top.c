// SPDX-License-Identifier: ISC
// hostel top: xentop's table. Live on a terminal, or with -b a table after the
// other on standard output.

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "node-agent/api/v1.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/ctl.h"

#define CELL_SIZE 72

// A domain as shown: now, and what it has used since the last look.
struct line {
    const struct dom_info *d;
    double cpu_percent;
};

struct top {
    bool batch, repeat_header, full_names, backwards;
    double delay_s;
    long iterations; // 0: for ever
    unsigned sort;   // a column
    uint64_t total_kib;
    struct ctl *c;
    struct ctl_list last, now;
    struct line *line;
};

// ------------------------------------------------------------------- columns

static double of_total(const struct top *t, uint64_t kib)
{
    return t->total_kib ? 100.0 * (double)kib / (double)t->total_kib : 0;
}

// One function writes the cell, one says by what it is sorted: larger first,
// but names.
struct column {
    const char *name;
    int width;
    void (*cell)(const struct top *, const struct line *, char[CELL_SIZE]);
    double (*key)(const struct top *, const struct line *); // NULL: by name
};

#define NUMBER(fn, value)                                                      \
    static double key_##fn(const struct top *t, const struct line *l)          \
    {                                                                          \
        (void)t;                                                               \
        (void)l;                                                               \
        return (double)(value);                                                \
    }                                                                          \
    static void cell_##fn(const struct top *t, const struct line *l,           \
                          char out[CELL_SIZE])                                 \
    {                                                                          \
        (void)t;                                                               \
        (void)l;                                                               \
        snprintf(out, CELL_SIZE, "%" PRIu64, (uint64_t)(value));               \
    }
#define TENTHS(fn, value)                                                      \
    static double key_##fn(const struct top *t, const struct line *l)          \
    {                                                                          \
        (void)t;                                                               \
        return value;                                                          \
    }                                                                          \
    static void cell_##fn(const struct top *t, const struct line *l,           \
                          char out[CELL_SIZE])                                 \
    {                                                                          \
        snprintf(out, CELL_SIZE, "%.1f", key_##fn(t, l));                      \
    }

NUMBER(cpu_s, l->d->usage.cpu_ns / 1000000000u)
TENTHS(cpu_percent, l->cpu_percent)
NUMBER(mem, l->d->mem_kib)
TENTHS(mem_percent, of_total(t, l->d->mem_kib))
NUMBER(max, l->d->max_kib)
TENTHS(max_percent, of_total(t, l->d->max_kib))
NUMBER(vcpus, 1)
NUMBER(nets, l->d->vifs)
NUMBER(net_tx, l->d->usage.net_tx_bytes >> 10)
NUMBER(net_rx, l->d->usage.net_rx_bytes >> 10)
NUMBER(vbds, l->d->disks)
NUMBER(vbd_read, l->d->usage.disk_read_bytes / 512)
NUMBER(vbd_write, l->d->usage.disk_write_bytes / 512)
NUMBER(zero, 0)

static void cell_name(const struct top *t, const struct line *l,
                      char out[CELL_SIZE])
{
    snprintf(out, CELL_SIZE, "%.*s", t->full_names ? DOM_NAME_MAX - 1 : 10,
             l->d->name);
}

static void cell_state(const struct top *t, const struct line *l,
                       char out[CELL_SIZE])
{
    (void)t;
    ctl_state(out, l->d);
}

static double key_state(const struct top *t, const struct line *l)
{
    (void)t;
    return l->d->letter;
}

// A node counts a disk's requests of both kinds together: where there were
// any, how many were which is not known.
static void cell_requests(const struct top *t, const struct line *l,
                          char out[CELL_SIZE])
{
    (void)t;
    snprintf(out, CELL_SIZE, "%s", l->d->usage.disk_ops ? "n/a" : "0");
}

static const struct column columns[] = {
    {"NAME", 10, cell_name, NULL},
    {"STATE", 6, cell_state, key_state},
    {"CPU(sec)", 10, cell_cpu_s, key_cpu_s},
    {"CPU(%)", 6, cell_cpu_percent, key_cpu_percent},
    {"MEM(k)", 10, cell_mem, key_mem},
    {"MEM(%)", 6, cell_mem_percent, key_mem_percent},
    {"MAXMEM(k)", 10, cell_max, key_max},
    {"MAXMEM(%)", 9, cell_max_percent, key_max_percent},
    {"VCPUS", 5, cell_vcpus, key_vcpus},
    {"NETS", 4, cell_nets, key_nets},
    {"NETTX(k)", 8, cell_net_tx, key_net_tx},
    {"NETRX(k)", 8, cell_net_rx, key_net_rx},
    {"VBDS", 4, cell_vbds, key_vbds},
    {"VBD_OO", 8, cell_zero, key_zero},
    {"VBD_RD", 8, cell_requests, key_zero},
    {"VBD_WR", 8, cell_requests, key_zero},
    {"VBD_RSECT", 10, cell_vbd_read, key_vbd_read},
    {"VBD_WSECT", 10, cell_vbd_write, key_vbd_write},
    {"SSID", 4, cell_zero, key_zero},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

// -------------------------------------------------------------------- looking

static const struct dom_info *before(const struct top *t,
                                     const struct dom_info *d)
{
    for (size_t i = 0; i < t->last.n; i++)
        if (!memcmp(&t->last.at[i].id, &d->id, sizeof(d->id)))
            return &t->last.at[i];
    return NULL;
}

// By the times at which the figures were read, not at which they came.
static double percent(const struct top *t, const struct dom_info *d)
{
    const struct dom_info *old = before(t, d);

    if (!old || d->figures_real_ns <= old->figures_real_ns ||
        d->usage.cpu_ns < old->usage.cpu_ns)
        return 0;
    return 100.0 * (double)(d->usage.cpu_ns - old->usage.cpu_ns) /
           (double)(d->figures_real_ns - old->figures_real_ns);
}

static const struct top *sorting; // qsort hands no argument on

static int line_compare(const void *a, const void *b)
{
    const struct column *c = &columns[sorting->sort];
    const struct line *x = a, *y = b;
    int n = strcmp(x->d->name, y->d->name);

    if (c->key) {
        double p = c->key(sorting, x), q = c->key(sorting, y);

        if (p != q)
            n = p > q ? -1 : 1;
    }
    if (!n)
        n = x->d->domid < y->d->domid ? -1 : x->d->domid > y->d->domid;
    return sorting->backwards ? -n : n;
}

static void lines_sort(struct top *t)
{
    sorting = t;
    qsort(t->line, t->now.n, sizeof(*t->line), line_compare);
}

static int look(struct top *t, struct err *e)
{
    ctl_list_free(&t->last);
    t->last = t->now;
    t->now = (struct ctl_list){0};
    if (ctl_list(t->c, "", &t->now, e) < 0)
        return -e->code;
    free(t->line);
    t->line = calloc(t->now.n + 1, sizeof(*t->line));
    if (!t->line)
        return err_set(e, ENOMEM, "no memory for the table");
    for (size_t i = 0; i < t->now.n; i++)
        t->line[i] = (struct line){&t->now.at[i], percent(t, &t->now.at[i])};
    lines_sort(t);
    return 0;
}

// ------------------------------------------------------------------- printing

// A screen's line, cut to its width; in batches lines are as long as they are.
struct out {
    char text[512];
    size_t n;
};

static void out_add(struct out *o, const char *text, int width)
{
    if (o->n < sizeof(o->text))
        o->n += (size_t)snprintf(o->text + o->n, sizeof(o->text) - o->n,
                                 "%s%*s", o->n ? " " : "", width, text);
}

static void out_print(struct out *o, int most)
{
    o->text[sizeof(o->text) - 1] = 0;
    printf("%.*s", most, o->text);
    *o = (struct out){0};
}

static int name_width(const struct top *t)
{
    int width = columns[0].width;

    for (size_t i = 0; t->full_names && i < t->now.n; i++)
        if ((int)strlen(t->now.at[i].name) > width)
            width = (int)strlen(t->now.at[i].name);
    return width;
}

static void header_make(const struct top *t, struct out *o)
{
    for (size_t c = 0; c < COLUMNS; c++)
        out_add(o, columns[c].name, c ? columns[c].width : name_width(t));
}

static void line_make(const struct top *t, const struct line *l, struct out *o)
{
    char cell[CELL_SIZE];

    for (size_t c = 0; c < COLUMNS; c++) {
        columns[c].cell(t, l, cell);
        out_add(o, cell, c ? columns[c].width : name_width(t));
    }
}

static void batch_print(const struct top *t, bool header)
{
    struct out o = {0};

    if (header) {
        header_make(t, &o);
        out_print(&o, INT32_MAX);
        printf("\n");
    }
    for (size_t i = 0; i < t->now.n; i++) {
        line_make(t, &t->line[i], &o);
        out_print(&o, INT32_MAX);
        printf("\n");
    }
    fflush(stdout);
}

static void summary_make(const struct top *t, struct out o[3])
{
    unsigned running = 0, blocked = 0, paused = 0, crashed = 0, dying = 0,
             shut = 0;
    uint64_t used_kib = 0;
    struct sysinfo s = {0};
    struct utsname u = {0};
    char clock[16];
    time_t now = time(NULL);

    for (size_t i = 0; i < t->now.n; i++) {
        const struct dom_info *d = &t->now.at[i];

        running += d->letter == 'r';
        blocked += d->letter == 'b';
        paused += d->letter == 'p';
        crashed += d->letter == 'c';
        dying += d->letter == 'd';
        shut += d->letter == 's';
        used_kib += d->mem_kib;
    }
    sysinfo(&s);
    uname(&u);
    strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
    snprintf(o[0].text, sizeof(o[0].text), "hostel top - %s   Hostel %s", clock,
             HOSTEL_VERSION);
    snprintf(o[1].text, sizeof(o[1].text),
             "%zu domains: %u running, %u blocked, %u paused, %u crashed, %u "
             "dying, %u shutdown",
             t->now.n, running, blocked, paused, crashed, dying, shut);
    snprintf(o[2].text, sizeof(o[2].text),
             "Mem: %" PRIu64 "k total, %" PRIu64 "k used by domains, %" PRIu64
             "k free    CPUs: %ld (%s)",
             t->total_kib, used_kib, (uint64_t)s.freeram * s.mem_unit >> 10,
             sysconf(_SC_NPROCESSORS_ONLN), u.machine);
}

// Home, each line to its end, then all below: a screen that does not flicker.
static void screen_print(const struct top *t)
{
    struct winsize w = {.ws_row = 24, .ws_col = 80};
    struct out o = {0}, head[3] = {{{0}, 0}};
    size_t rows;

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
    rows = w.ws_row > 6 ? (size_t)w.ws_row - 6 : 1;
    summary_make(t, head);
    printf("\033[H");
    for (int i = 0; i < 3; i++) {
        out_print(&head[i], w.ws_col);
        printf("\033[K\r\n");
    }
    header_make(t, &o);
    printf("\033[7m");
    out_print(&o, w.ws_col);
    printf("\033[K\033[0m\r\n");
    for (size_t i = 0; i < t->now.n && i < rows; i++) {
        line_make(t, &t->line[i], &o);
        out_print(&o, w.ws_col);
        printf("\033[K\r\n");
    }
    printf("\033[J\033[%u;1H\033[K", (unsigned)w.ws_row);
    snprintf(o.text, sizeof(o.text),
             " s/S sort (%s)  r reverse  f names  +/- delay (%.1f s)  q quit",
             columns[t->sort].name, t->delay_s);
    out_print(&o, w.ws_col);
    fflush(stdout);
}

// ----------------------------------------------------------------------- live

static struct termios terminal_old;
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    interrupted = sig;
}

static void terminal_begin(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    struct termios raw;

    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    a.sa_handler = SIG_DFL;
    tcgetattr(STDIN_FILENO, &terminal_old);
    raw = terminal_old;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    printf("\033[?1049h\033[?25l\033[H\033[J");
}

static void terminal_end(void)
{
    printf("\033[?25h\033[?1049l");
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal_old);
}

// False: quit.
static bool key_take(struct top *t, char key)
{
    switch (key) {
    case 'q':
    case 'Q':
    case 033:
        return false;
    case 's':
        t->sort = (t->sort + 1) % COLUMNS;
        break;
    case 'S':
        t->sort = (t->sort + COLUMNS - 1) % COLUMNS;
        break;
    case 'r':
    case 'R':
        t->backwards = !t->backwards;
        break;
    case 'f':
        t->full_names = !t->full_names;
        break;
    case '+':
        t->delay_s += t->delay_s < 10 ? 0.5 : 5;
        break;
    case '-':
        t->delay_s = t->delay_s > 0.5 ? t->delay_s - 0.5 : t->delay_s;
        break;
    }
    lines_sort(t);
    screen_print(t);
    return true;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Until it is time to look again. False: quit.
static bool keys_wait(struct top *t)
{
    double end = now_s() + t->delay_s;

    for (;;) {
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        double left = end - now_s();
        char key;

        if (interrupted)
            return false;
        if (left <= 0)
            return true;
        if (poll(&p, 1, (int)(left * 1000) + 1) <= 0)
            continue;
        if (read(STDIN_FILENO, &key, 1) != 1 || !key_take(t, key))
            return false;
    }
}

static int top_live(struct top *t, struct err *e)
{
    int r = look(t, e);

    if (r < 0)
        return r;
    terminal_begin();
    for (long n = 1;; n++) {
        screen_print(t);
        if ((t->iterations && n == t->iterations) || !keys_wait(t))
            break;
        r = look(t, e);
        if (r < 0)
            break;
    }
    terminal_end();
    return r;
}

static int top_batch(struct top *t, struct err *e)
{
    for (long n = 1;; n++) {
        struct timespec step = {
            (time_t)t->delay_s,
            (long)((t->delay_s - (time_t)t->delay_s) * 1e9)};
        int r = look(t, e);

        if (r < 0)
            return r;
        batch_print(t, n == 1 || t->repeat_header);
        if (ferror(stdout) || (t->iterations && n == t->iterations))
            return 0;
        nanosleep(&step, NULL);
    }
}

// -------------------------------------------------------------------- options

static int sort_find(const char *name)
{
    for (size_t c = 0; c < COLUMNS; c++)
        if (!strcasecmp(columns[c].name, name))
            return (int)c;
    return -1;
}

static int option_refuse(const char *option, const char *text, const char *want)
{
    fprintf(stderr, "hostel: %s takes %s, not \"%s\"\n", option, want, text);
    return cmd_usage(&cmd_top);
}

// -1: go on; else the exit status.
static int options_take(struct top *t, int argc, char **argv)
{
    static const struct option longs[] = {
        {"batch", no_argument, NULL, 'b'},
        {"delay", required_argument, NULL, 'd'},
        {"full-name", no_argument, NULL, 'f'},
        {"iterations", required_argument, NULL, 'i'},
        {"repeat-header", no_argument, NULL, 'r'},
        {"sort", required_argument, NULL, 's'},
        {0}};
    char *end;
    int o;

    while ((o = getopt_long(argc, argv, "bd:fi:rs:", longs, NULL)) != -1) {
        switch (o) {
        case 'b':
            t->batch = true;
            break;
        case 'd':
            t->delay_s = strtod(optarg, &end);
            if (*end || end == optarg || !(t->delay_s >= 0.05) ||
                t->delay_s > 86400)
                return option_refuse("-d", optarg,
                                     "seconds, from 0.05 to 86400");
            break;
        case 'f':
            t->full_names = true;
            break;
        case 'i':
            t->iterations = strtol(optarg, &end, 10);
            if (*end || end == optarg || t->iterations < 1)
                return option_refuse("-i", optarg, "a number of looks");
            break;
        case 'r':
            t->repeat_header = true;
            break;
        case 's':
            if (sort_find(optarg) < 0)
                return option_refuse("-s", optarg,
                                     "a column as the header has it, such as "
                                     "NAME, CPU(%) or MEM(k)");
            t->sort = (unsigned)sort_find(optarg);
            break;
        default:
            return cmd_usage(&cmd_top);
        }
    }
    return optind == argc ? -1 : cmd_usage(&cmd_top);
}

static int top_run(int argc, char **argv)
{
    struct top t = {.delay_s = 3};
    struct sysinfo s = {0};
    struct err e = {0};
    int r = options_take(&t, argc, argv);

    if (r >= 0)
        return r;
    if (!t.batch && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))) {
        err_set(&e, ENOTTY, "top is for a terminal; -b writes its tables");
        return cmd_fail(&e);
    }
    sysinfo(&s);
    t.total_kib = (uint64_t)s.totalram * s.mem_unit >> 10;
    t.c = ctl_open(&e);
    r = t.c ? (t.batch ? top_batch : top_live)(&t, &e) : -1;
    ctl_list_free(&t.last);
    ctl_list_free(&t.now);
    free(t.line);
    ctl_close(t.c);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_top = {
    .name = "top",
    .run = top_run,
    .usage = "[-b] [-d SECONDS] [-i N] [-s COLUMN] [-fr]",
    .summary = "watch the domains of the node",
    .help = "  -b          batch: tables on standard output\n"
            "  -d SECONDS  between two looks; default: 3\n"
            "  -i N        so many looks, then end\n"
            "  -s COLUMN   sort by it, as it is called in the header\n"
            "  -f          names in full\n"
            "  -r          with -b: the header each time\n",
};
