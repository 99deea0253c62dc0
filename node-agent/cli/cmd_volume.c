// SPDX-License-Identifier: ISC
// hostel volume: volumes on the node.

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/bundle/volumes.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"
#include "node-agent/cli/tar.h"

#define TAR_TYPE    "application/x-tar"
#define QUOTA_USUAL "1G"
#define LIST_PAGE   100

struct opts {
    bool json, replace, no_wait;
    const char *quota, *output, *customer;
    char query[96]; // "?customer=..." or ""
};

// ---------------------------------------------------------------- small calls

static json_t *call_json(struct client *c, const char *method, json_t *body,
                         const struct opts *o, const char *name, struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    cleanup_free char *text = body ? json_text(body, false) : NULL;
    struct call call = {.method = method, .type = "application/json"};

    json_decref(body);
    call.body = text;
    call.body_len = text ? strlen(text) : 0;
    if (client_call(c, &call, &a, e, "/v1/volumes%s%s%s%s", *name ? "/" : "",
                    name, method && !strcmp(method, "PUT") ? "/quota" : "",
                    o->query) < 0)
        return NULL;
    return json_parse("the node's answer", buf_str(&a.body), a.body.len, e);
}

static void volume_print(const json_t *v)
{
    struct table *t = table_new("VOLUME,VALUE");
    char text[SHOW_SIZE], at[SHOW_SIZE];

    table_row(t, "name", get_text(v, "name"));
    table_row(t, "state", get_text(v, "state"));
    if (json_is_string(json_object_get(v, "from")))
        table_row(t, "copied from", get_text(v, "from"));
    if (json_is_true(json_object_get(v, "read_only")))
        table_row(t, "snapshot", "it stays as it is");
    table_row(t, "may hold", show_bytes(text, get_count(v, "quota_bytes")));
    table_row(t, "holds", show_bytes(text, get_count(v, "used_bytes")));
    snprintf(text, sizeof(text), "%lld", (long long)get_count(v, "used_files"));
    table_row(t, "files", text);
    snprintf(text, sizeof(text), "%lld reading, %lld writing",
             (long long)get_count(v, "readers"),
             (long long)get_count(v, "writers"));
    table_row(t, "attached", text);
    if (json_is_true(json_object_get(v, "unpaid")))
        table_row(t, "unpaid",
                  "there is no money to keep it: it can only be "
                  "downloaded and deleted");
    table_row(t, "created", show_time(at, get_text(v, "created_at")));
    table_print(t, stdout);
    table_free(t);
}

static int volume_show(json_t *v, const struct opts *o)
{
    if (o->json)
        return print_json(v);
    volume_print(v);
    json_decref(v);
    return 0;
}

// A copy goes on after its answer.
static json_t *ready_wait(struct client *c, json_t *v, const struct opts *o,
                          const char *name, struct err *e)
{
    while (v && !o->no_wait && strcmp(get_text(v, "state"), "ready")) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        json_decref(v);
        v = call_json(c, NULL, NULL, o, name, e);
    }
    return v;
}

// "512M", "20G", "1048576"; 0 or -1.
static int size_parse(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    const char *unit;
    char *end;

    errno = 0;
    *bytes = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || errno)
        return -1;
    unit = *end ? strchr(units, *end) : NULL;
    if (*end && (!unit || end[1]))
        return -1;
    for (const char *u = units; unit && u <= unit; u++)
        if (__builtin_mul_overflow(*bytes, 1024, bytes))
            return -1;
    return *bytes <= INT64_MAX ? 0 : -1;
}

// ----------------------------------------------------------------- the words

static int do_create(struct client *c, const struct opts *o, int n, char **args,
                     struct err *e)
{
    const char *text = o->quota ? o->quota : QUOTA_USUAL;
    uint64_t bytes;
    json_t *v;

    (void)n;
    if (volume_name_check(args[0], e) < 0)
        return cmd_fail(e);
    if (size_parse(text, &bytes) < 0) {
        err_set(e, EINVAL,
                "\"%.40s\" is not a size such as 512M, 1G or 1048576", text);
        return cmd_fail(e);
    }
    v = call_json(c, "POST",
                  json_pack("{s:s, s:I}", "name", args[0], "quota_bytes",
                            (json_int_t)bytes),
                  o, "", e);
    v = ready_wait(c, v, o, args[0], e);
    return v ? volume_show(v, o) : cmd_fail(e);
}

static int copy(struct client *c, const struct opts *o, char **args,
                bool read_only, struct err *e)
{
    json_t *v;

    if (volume_name_check(args[1], e) < 0)
        return cmd_fail(e);
    v = call_json(c, "POST",
                  json_pack("{s:s, s:s, s:b}", "name", args[1], "from", args[0],
                            "read_only", (int)read_only),
                  o, "", e);
    v = ready_wait(c, v, o, args[1], e);
    return v ? volume_show(v, o) : cmd_fail(e);
}

static int do_snapshot(struct client *c, const struct opts *o, int n,
                       char **args, struct err *e)
{
    (void)n;
    return copy(c, o, args, true, e);
}

static int do_clone(struct client *c, const struct opts *o, int n, char **args,
                    struct err *e)
{
    (void)n;
    return copy(c, o, args, false, e);
}

static int do_resize(struct client *c, const struct opts *o, int n, char **args,
                     struct err *e)
{
    uint64_t bytes;
    json_t *v;

    (void)n;
    if (volume_name_check(args[0], e) < 0)
        return cmd_fail(e);
    if (size_parse(args[1], &bytes) < 0) {
        err_set(e, EINVAL,
                "\"%.40s\" is not a size such as 512M, 1G or 1048576", args[1]);
        return cmd_fail(e);
    }
    v = call_json(c, "PUT",
                  json_pack("{s:I}", "quota_bytes", (json_int_t)bytes), o,
                  args[0], e);
    return v ? volume_show(v, o) : cmd_fail(e);
}

static int do_show(struct client *c, const struct opts *o, int n, char **args,
                   struct err *e)
{
    json_t *v = call_json(c, NULL, NULL, o, args[0], e);

    (void)n;
    return v ? volume_show(v, o) : cmd_fail(e);
}

static int do_delete(struct client *c, const struct opts *o, int n, char **args,
                     struct err *e)
{
    for (int i = 0; i < n; i++) {
        json_t *v = call_json(c, "DELETE", NULL, o, args[i], e);

        if (!v)
            return cmd_fail(e);
        json_decref(v);
        printf("%s\n", args[i]);
    }
    return 0;
}

// All of them, page by page: {"volumes": [...]}. NULL: an error.
static json_t *list_all(struct client *c, const struct opts *o, struct err *e)
{
    json_t *all = json_array();
    char query[2 * sizeof(o->query)];

    snprintf(query, sizeof(query), "%s%climit=%d", o->query,
             *o->query ? '&' : '?', LIST_PAGE);
    for (;;) {
        json_t *page = client_get_json(c, e, "/v1/volumes%s", query);
        const char *next = json_string_value(json_object_get(page, "next"));

        if (!page) {
            json_decref(all);
            return NULL;
        }
        json_array_extend(all, json_object_get(page, "volumes"));
        if (next)
            snprintf(query, sizeof(query), "%s%climit=%d&after=%.64s", o->query,
                     *o->query ? '&' : '?', LIST_PAGE, next);
        json_decref(page);
        if (!next)
            return json_pack("{s:o}", "volumes", all);
    }
}

static int do_list(struct client *c, const struct opts *o, int n, char **args,
                   struct err *e)
{
    json_t *list = list_all(c, o, e), *v;
    struct table *t;
    size_t i;

    (void)n, (void)args;
    if (!list)
        return cmd_fail(e);
    if (o->json)
        return print_json(list);
    // The operator's list is of everybody's.
    t = table_new(cli_options.socket
                      ? "NAME,STATE,>HOLDS,>OF,>FILES,ATTACHED,COPY OF,CUSTOMER"
                      : "NAME,STATE,>HOLDS,>OF,>FILES,ATTACHED,COPY OF");
    json_array_foreach(json_object_get(list, "volumes"), i, v)
    {
        char holds[SHOW_SIZE], of[SHOW_SIZE], files[32], attached[64] = "-";
        long long readers = get_count(v, "readers"),
                  writers = get_count(v, "writers");

        if (readers + writers)
            snprintf(attached, sizeof(attached), "%lld%s", readers + writers,
                     writers ? " rw" : " ro");
        snprintf(files, sizeof(files), "%lld",
                 (long long)get_count(v, "used_files"));
        table_row(t, get_text(v, "name"),
                  json_is_true(json_object_get(v, "unpaid"))
                      ? "unpaid"
                      : get_text(v, "state"),
                  show_bytes(holds, get_count(v, "used_bytes")),
                  show_bytes(of, get_count(v, "quota_bytes")), files, attached,
                  *get_text(v, "from") ? get_text(v, "from") : "-",
                  get_text(v, "customer"));
    }
    table_print(t, stdout);
    table_free(t);
    json_decref(list);
    return 0;
}

// --------------------------------------------------------------- there and
// back

// An archive as it is ("-" is standard input), or one that is made of a folder
// or of a file that is none.
static int archive_open(const char *path, struct err *e)
{
    cleanup_close int fd = -1;
    static const char *const ends[] = {".tar",    ".tar.gz",  ".tgz",
                                       ".tar.xz", ".tar.zst", ".tar.bz2"};
    size_t len = strlen(path);

    if (!strcmp(path, "-")) {
        char buf[65536];
        ssize_t got;

        // It is hashed before it is sent, so it must be a file.
        fd = memfd_create("archive", MFD_CLOEXEC);
        while ((got = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
            if (write_full(fd, buf, (size_t)got) < 0)
                return err_errno(e, "reading the archive");
        return fd < 0 || got < 0 ? err_errno(e, "reading the archive")
                                 : steal_fd(&fd);
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (len > strlen(ends[i]) &&
            !strcmp(path + len - strlen(ends[i]), ends[i])) {
            fd = open(path, O_RDONLY | O_CLOEXEC);
            return fd < 0 ? err_errno(e, "%s", path) : steal_fd(&fd);
        }
    return tar_make(path, e);
}

static int upload(struct client *c, const struct opts *o, const char *name,
                  const void *data, size_t len, struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    const struct call call = {
        .method = "PUT", .type = TAR_TYPE, .body = data, .body_len = len};
    json_t *v;

    if (client_call(c, &call, &a, e, "/v1/volumes/%s/files%s%s%s", name,
                    o->query, o->replace ? (*o->query ? "&" : "?") : "",
                    o->replace ? "replace=1" : "") < 0)
        return cmd_fail(e);
    v = json_parse("the node's answer", buf_str(&a.body), a.body.len, e);
    return v ? volume_show(v, o) : cmd_fail(e);
}

static int do_upload(struct client *c, const struct opts *o, int n, char **args,
                     struct err *e)
{
    cleanup_close int fd = archive_open(args[1], e);
    void *data = NULL;
    struct stat st;
    int r;

    (void)n;
    if (fd < 0)
        return cmd_fail(e);
    if (fstat(fd, &st) < 0 ||
        (st.st_size && (data = mmap(NULL, (size_t)st.st_size, PROT_READ,
                                    MAP_PRIVATE, fd, 0)) == MAP_FAILED)) {
        err_errno(e, "%s", args[1]);
        return cmd_fail(e);
    }
    r = upload(c, o, args[0], data, (size_t)st.st_size, e);
    if (data)
        munmap(data, (size_t)st.st_size);
    return r;
}

static int to_file(void *arg, const void *data, size_t len)
{
    return fwrite(data, 1, len, arg) == len ? 0 : -1;
}

static int fetch(struct client *c, const struct opts *o, const char *name,
                 int (*sink)(void *, const void *, size_t), void *arg,
                 struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    const struct call call = {.sink = sink, .arg = arg};

    return client_call(c, &call, &a, e, "/v1/volumes/%s/files%s", name,
                       o->query);
}

// Into a folder, or with -o as an archive.
static int do_download(struct client *c, const struct opts *o, int n,
                       char **args, struct err *e)
{
    struct err why = {0};
    struct tar_in *t;
    FILE *out;
    int r, unpacked;

    if ((n < 2) == !o->output)
        return -1;
    if (o->output) {
        out = strcmp(o->output, "-") ? fopen(o->output, "we") : stdout;
        if (!out) {
            err_errno(e, "%s", o->output);
            return cmd_fail(e);
        }
        r = fetch(c, o, args[0], to_file, out, e);
        if ((fflush(out) || ferror(out)) && r == 0)
            r = err_errno(e, "writing %s", o->output);
        if (out != stdout)
            fclose(out);
        return r < 0 ? cmd_fail(e) : 0;
    }
    t = tar_begin(args[1], e);
    if (!t)
        return cmd_fail(e);
    r = fetch(c, o, args[0], tar_add, t, e);
    unpacked = tar_end(t, &why);
    if (r < 0)
        return cmd_fail(e);
    return unpacked < 0 ? cmd_fail(&why) : 0;
}

// ------------------------------------------------------------------- the table

// -1 of `run`: it is used in another way.
static const struct word {
    const char *name;
    int least, most; // arguments
    int (*run)(struct client *c, const struct opts *o, int n, char **args,
               struct err *e);
} words[] = {
    {"create", 1, 1, do_create},     {"list", 0, 0, do_list},
    {"show", 1, 1, do_show},         {"upload", 2, 2, do_upload},
    {"download", 1, 2, do_download}, {"snapshot", 2, 2, do_snapshot},
    {"resize", 2, 2, do_resize},     {"clone", 2, 2, do_clone},
    {"delete", 1, 64, do_delete},
};

static int run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, 'j'},
        {"quota", required_argument, NULL, 'q'},
        {"output", required_argument, NULL, 'o'},
        {"replace", no_argument, NULL, 'r'},
        {"detach", no_argument, NULL, 'd'},
        {"customer", required_argument, NULL, 'c'},
        {0}};
    const struct word *w = NULL;
    struct opts o = {0};
    struct err e = {0};
    struct client *c;
    int opt, n, r;

    for (size_t i = 0; argc > 1 && i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(argv[1], words[i].name))
            w = &words[i];
    if (!w)
        return cmd_usage(&cmd_volume);
    argc--;
    argv++;
    while ((opt = getopt_long(argc, argv, "jq:o:rdc:", longs, NULL)) != -1) {
        switch (opt) {
        case 'j':
            o.json = true;
            break;
        case 'q':
            o.quota = optarg;
            break;
        case 'o':
            o.output = optarg;
            break;
        case 'r':
            o.replace = true;
            break;
        case 'd':
            o.no_wait = true;
            break;
        case 'c':
            o.customer = optarg;
            break;
        default:
            return cmd_usage(&cmd_volume);
        }
    }
    n = argc - optind;
    if (n < w->least || n > w->most)
        return cmd_usage(&cmd_volume);
    if (o.customer)
        snprintf(o.query, sizeof(o.query), "?customer=%.64s", o.customer);
    c = client_open(CLIENT_CUSTOMER, &e);
    if (!c)
        return cmd_fail(&e);
    r = w->run(c, &o, n, argv + optind, &e);
    client_close(c);
    return r < 0 ? cmd_usage(&cmd_volume) : r;
}

const struct cmd cmd_volume = {
    .name = "volume",
    .run = run,
    .usage = "create [-q SIZE] NAME | list | show NAME |\n"
             "                     upload [-r] NAME FOLDER|FILE|ARCHIVE.tar|- "
             "|\n"
             "                     download NAME FOLDER | download -o "
             "ARCHIVE.tar NAME |\n"
             "                     snapshot NAME NEW | clone NAME NEW |\n"
             "                     resize NAME SIZE | delete NAME...",
    .summary = "storage on the node that outlives programs",
    .help =
        "  -q, --quota SIZE     what it may hold, such as 512M or 20G (1G)\n"
        "  -r, --replace        upload: what was there before goes\n"
        "  -o, --output FILE    download: as a tar archive; - is standard "
        "output\n"
        "  -d, --detach         snapshot, clone: do not wait until it is "
        "copied\n"
        "  -c, --customer KEY   as the operator: whose\n"
        "  -j, --json           as the node says it\n"
        "Attach it with --volume NAME:MOUNT[:ro][:shared] of run, quote and "
        "bundle.\n",
};
