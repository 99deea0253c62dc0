// SPDX-License-Identifier: ISC
// Which files make a bundle, and what it asks for; see plan.h.

#include "node-agent/bundle/plan.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/bundle/path.h"
#include "node-agent/bundle/plan_net.h"
#include "node-agent/bundle/plan_run.h"

#define RECIPE_NAME "bundle.cfg"
#define FOLDERS_MAX 16 // depth of folders in a folder
#define NS_PER_MS   1000000ull
#define STRINGS_MAX (2 * BUNDLE_FILES_MAX + ENV_MAX + OPTIONS_MAX + 32)

void bundle_plan_free(struct bundle_plan *p)
{
    for (size_t i = 0; i < p->nowned; i++)
        free(p->owned[i]);
    free(p->owned);
    free(p->from);
    free(p->m.file);
    free(p->m.arg);
    free(p->m.env);
    free(p->m.option);
    free(p->secret);
    recipe_free(&p->recipe);
    *p = (struct bundle_plan){0};
}

// A string that lives as long as the plan; NULL: no memory.
__attribute__((format(printf, 2, 3))) static char *own(struct bundle_plan *p,
                                                       const char *fmt, ...)
{
    char *text;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    if (p->nowned == STRINGS_MAX) {
        free(text);
        return NULL;
    }
    return p->owned[p->nowned++] = text;
}

static int no_memory(struct err *e)
{
    return err_set(e, ENOMEM, "no memory to make a bundle");
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

// ------------------------------------------------------------------- files

static bool is_source_name(const char *path)
{
    return ends_with(path, ".c") || ends_with(path, ".h");
}

static int add_file(struct bundle_plan *p, const char *host, const char *path,
                    enum manifest_role role, mode_t mode, struct err *e)
{
    struct manifest *m = &p->m;
    char *kept_host, *kept_path;

    if (m->nfiles == BUNDLE_FILES_MAX)
        return err_set(e, E2BIG, "there are more than %u files",
                       BUNDLE_FILES_MAX);
    kept_host = own(p, "%s", host);
    kept_path = own(p, "%s", path);
    if (!kept_host || !kept_path)
        return no_memory(e);
    p->from[m->nfiles].host_path = kept_host;
    m->file[m->nfiles++] = (struct manifest_file){
        .path = kept_path, .role = role, .mode = mode & 0100 ? 0755 : 0644};
    return 0;
}

// What a walk over the folder takes along, and as what.
struct walk {
    struct bundle_plan *p;
    const char *root;
    int (*take)(struct walk *w, const char *host, const char *path, mode_t mode,
                struct err *e);
};

static int walk(struct walk *w, const char *inside, int depth, struct err *e);

static int walk_entry(struct walk *w, const char *path, int depth,
                      struct err *e)
{
    char host[PATH_MAX];
    struct stat st;

    if (snprintf(host, sizeof(host), "%s/%s", w->root, path) >=
        (int)sizeof(host))
        return err_set(e, ENAMETOOLONG, "%s: the path is too long", path);
    if (lstat(host, &st) < 0)
        return err_errno(e, "%s", host);
    if (S_ISDIR(st.st_mode))
        return walk(w, path, depth + 1, e);
    if (S_ISREG(st.st_mode))
        return w->take(w, host, path, st.st_mode, e);
    return err_set(e, EINVAL,
                   "%s is a %s, and a bundle holds regular files only: copy "
                   "it, or list the wanted files in " RECIPE_NAME,
                   host,
                   S_ISLNK(st.st_mode) ? "symbolic link" : "special file");
}

// Hidden files stay at home, and so do the recipe and bundles made before.
static int is_wanted(const struct dirent *d)
{
    return d->d_name[0] != '.' && strcmp(d->d_name, RECIPE_NAME) != 0 &&
           !ends_with(d->d_name, ".bundle");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

// Calls take for each file in the folder, in the order of names. inside is
// "" or the path from the root.
static int walk(struct walk *w, const char *inside, int depth, struct err *e)
{
    char host[PATH_MAX], path[PATH_MAX];
    struct dirent **entry;
    int n, r = 0;

    if (depth > FOLDERS_MAX)
        return err_set(e, ELOOP, "%s/%s: folders are nested too deeply",
                       w->root, inside);
    snprintf(host, sizeof(host), "%s/%s", w->root, inside);
    n = scandir(host, &entry, is_wanted, by_name);
    if (n < 0)
        return err_errno(e, "%s", host);
    for (int i = 0; i < n; i++) {
        if (r == 0 &&
            snprintf(path, sizeof(path), "%s%s%s", inside, *inside ? "/" : "",
                     entry[i]->d_name) >= (int)sizeof(path))
            r = err_set(e, ENAMETOOLONG, "%s: the path is too long", host);
        if (r == 0)
            r = walk_entry(w, path, depth, e);
        free(entry[i]);
    }
    free(entry);
    return r;
}

static bool is_taken(const struct manifest *m, const char *path)
{
    for (size_t i = 0; i < m->nfiles; i++)
        if (strcmp(m->file[i].path, path) == 0)
            return true;
    return false;
}

static int take_source(struct walk *w, const char *host, const char *path,
                       mode_t mode, struct err *e)
{
    (void)mode;
    if (!is_source_name(path))
        return 0;
    return add_file(w->p, host, path, ROLE_SOURCE, 0, e);
}

static int take_listed_source(struct walk *w, const char *host,
                              const char *path, mode_t mode, struct err *e)
{
    (void)mode;
    return add_file(w->p, host, path, ROLE_SOURCE, 0, e);
}

static int take_data(struct walk *w, const char *host, const char *path,
                     mode_t mode, struct err *e)
{
    if (is_taken(&w->p->m, path) || is_source_name(path))
        return 0;
    return add_file(w->p, host, path, ROLE_DATA, mode, e);
}

static int take_listed_data(struct walk *w, const char *host, const char *path,
                            mode_t mode, struct err *e)
{
    return add_file(w->p, host, path, ROLE_DATA, mode, e);
}

static int take_list(struct walk *w, const struct cfg_list *l, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        int r = path_check(l->item[i], e);

        if (r == 0)
            r = walk_entry(w, l->item[i], 0, e);
        if (r < 0)
            return err_prefix(e, "%s/" RECIPE_NAME ":%d", w->root, l->line[i]);
    }
    return 0;
}

static int collect_image(struct bundle_plan *p, const char *root, struct err *e)
{
    char host[PATH_MAX];
    int r = path_check(p->recipe.image, e);

    if (r < 0)
        return err_prefix(e, "%s/" RECIPE_NAME ": image", root);
    snprintf(host, sizeof(host), "%s/%s", root, p->recipe.image);
    p->m.kind = KIND_IMAGE;
    return add_file(p, host, p->recipe.image, ROLE_IMAGE, 0100, e);
}

static int collect_folder(struct bundle_plan *p, const char *root,
                          struct err *e)
{
    struct recipe *c = &p->recipe;
    struct walk w = {.p = p, .root = root};
    char path[PATH_MAX];
    int r;

    snprintf(path, sizeof(path), "%s/" RECIPE_NAME, root);
    if (access(path, F_OK) == 0) {
        r = recipe_read(c, path, e);
        if (r < 0)
            return r;
    }
    p->m.kind = KIND_SOURCE;
    if (c->image) {
        r = collect_image(p, root, e);
    } else if (c->sources.item) {
        w.take = take_listed_source;
        r = take_list(&w, &c->sources, e);
    } else {
        w.take = take_source;
        r = walk(&w, "", 0, e);
    }
    if (r < 0)
        return r;
    if (c->data.item) {
        w.take = take_listed_data;
        return take_list(&w, &c->data, e);
    }
    w.take = take_data;
    return walk(&w, "", 0, e);
}

static int collect_file(struct bundle_plan *p, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    cleanup_close int fd = -1;
    char magic[4] = "";

    if (ends_with(path, ".c")) {
        p->m.kind = KIND_SOURCE;
        return add_file(p, path, name, ROLE_SOURCE, 0, e);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || read_full(fd, magic, sizeof(magic)) < 0)
        return err_errno(e, "%s", path);
    if (memcmp(magic, "\177ELF", 4) != 0)
        return err_set(e, EINVAL,
                       "%s is neither C source (*.c) nor a linked guest (ELF) "
                       "nor a folder",
                       path);
    p->m.kind = KIND_IMAGE;
    return add_file(p, path, name, ROLE_IMAGE, 0100, e);
}

// -------------------------------------------------------------- everything

// "dir/primes.c" -> "primes"; what a name may not hold becomes '-'.
static int default_name(struct bundle_plan *p, const char *path, struct err *e)
{
    cleanup_free char *full = realpath(path, NULL);
    char *name, *dot;

    if (!full)
        return err_errno(e, "%s", path);
    name = own(p, "%.*s", (int)NAME_MAX_BYTES, strrchr(full, '/') + 1);
    if (!name)
        return no_memory(e);
    dot = strrchr(name, '.');
    if (dot && dot != name && p->m.nfiles == 1)
        *dot = 0;
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "0123456789._-",
                    *c))
            *c = '-';
    p->m.name = name;
    return 0;
}

static int fill_arguments(const struct bundle_request *q, struct bundle_plan *p,
                          struct err *e)
{
    const struct recipe *c = &p->recipe;
    struct manifest *m = &p->m;

    m->arg = calloc(q->nargs + c->arguments.n + 1, sizeof(*m->arg));
    m->env = calloc(q->nenv + c->environment.n + 1, sizeof(*m->env));
    if (!m->arg || !m->env)
        return no_memory(e);
    for (size_t i = 0; i < q->nargs; i++)
        m->arg[m->nargs++] = q->args[i];
    for (size_t i = 0; q->nargs == 0 && i < c->arguments.n; i++)
        m->arg[m->nargs++] = c->arguments.item[i];
    for (size_t i = 0; i < c->environment.n; i++)
        m->env[m->nenv++] = c->environment.item[i];
    for (size_t i = 0; i < q->nenv; i++)
        m->env[m->nenv++] = q->env[i];
    return 0;
}

static int fill_options(struct bundle_plan *p, struct err *e)
{
    const struct recipe *c = &p->recipe;
    struct manifest *m = &p->m;

    if (m->kind != KIND_SOURCE)
        return 0;
    m->option = calloc(c->cflags.n + c->libs.n + 1, sizeof(*m->option));
    if (!m->option)
        return no_memory(e);
    for (size_t i = 0; i < c->cflags.n; i++)
        m->option[m->noptions++] = c->cflags.item[i];
    if (c->cflags.n == 0)
        m->option[m->noptions++] = "-O2";
    for (size_t i = 0; i < c->libs.n; i++) {
        char *option = own(p, "-l%s", c->libs.item[i]);

        if (!option)
            return no_memory(e);
        m->option[m->noptions++] = option;
    }
    return 0;
}

static int fill_secrets(const struct bundle_request *q, struct bundle_plan *p,
                        struct err *e)
{
    const struct recipe *c = &p->recipe;

    p->secret = calloc(q->nsecrets + c->secrets.n + 1, sizeof(*p->secret));
    if (!p->secret)
        return no_memory(e);
    for (size_t i = 0; i < q->nsecrets + c->secrets.n; i++) {
        const char *s =
            plan_secret(i < c->secrets.n ? c->secrets.item[i]
                                         : q->secrets[i - c->secrets.n],
                        e);

        if (!s)
            return -EINVAL;
        p->secret[p->nsecrets++] = s;
    }
    return 0;
}

static int64_t either(int64_t asked, int64_t otherwise)
{
    return asked ? asked : otherwise;
}

static int fill_budgets(const struct bundle_request *q, struct bundle_plan *p,
                        struct err *e)
{
    const struct recipe *c = &p->recipe;
    const char *cost = q->max_cost ? q->max_cost : c->max_cost;
    uint64_t valid_s = either(q->valid_hours, c->valid_hours) * 3600;
    int64_t memory_mib = either(q->memory_mib, c->memory_mib);
    struct manifest *m = &p->m;

    if (memory_mib > (int64_t)(MEMORY_KIB_MAX / 1024))
        return err_set(
            e, EINVAL, "memory is %lld MiB; at most %llu are allowed",
            (long long)memory_mib, (unsigned long long)MEMORY_KIB_MAX / 1024);
    m->memory_kib = memory_mib * 1024;
    m->cpu_ns = either(q->cpu_ms, c->cpu_ms) * NS_PER_MS;
    m->wall_ns = either(q->wall_ms, c->wall_ms) * NS_PER_MS;
    if (m->kind == KIND_SOURCE)
        m->build_cpu_ns = either(q->build_cpu_ms, c->build_cpu_ms) * NS_PER_MS;
    m->console_bytes = either(q->console_kib, c->console_kib) * 1024;
    m->currency = p->currency;
    m->not_before_s = time(NULL);
    m->expires_s = m->not_before_s + valid_s;
    randombytes_buf(m->nonce, sizeof(m->nonce));
    memcpy(m->audience, q->audience, sizeof(m->audience));
    return cost ? cost_parse(cost, &m->cost_cap_nano, p->currency, e) : 0;
}

static int fill_volumes(const struct bundle_request *q, struct bundle_plan *p,
                        struct err *e)
{
    const struct cfg_list *c = &p->recipe.volumes;
    size_t n = q->nvolumes ? q->nvolumes : c->n;
    int r = 0;

    if (n > MANIFEST_VOLUMES_MAX)
        return err_set(e, E2BIG, "there are %zu volumes; at most %d fit", n,
                       MANIFEST_VOLUMES_MAX);
    p->m.nvolumes = n;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = volume_use_parse(q->nvolumes ? q->volumes[i] : c->item[i],
                             &p->m.volume[i], e);
    return r;
}

int bundle_plan(const struct bundle_request *q, struct bundle_plan *p,
                struct err *e)
{
    struct stat st;
    int r;

    *p = (struct bundle_plan){0};
    recipe_init(&p->recipe);
    p->owned = calloc(STRINGS_MAX, sizeof(*p->owned));
    p->from = calloc(BUNDLE_FILES_MAX, sizeof(*p->from));
    p->m.file = calloc(BUNDLE_FILES_MAX, sizeof(*p->m.file));
    if (!p->owned || !p->from || !p->m.file)
        return no_memory(e);
    if (stat(q->path, &st) < 0)
        return err_errno(e, "%s", q->path);
    r = S_ISDIR(st.st_mode) ? collect_folder(p, q->path, e)
                            : collect_file(p, q->path, e);
    if (r < 0)
        return r;
    if (q->name)
        p->m.name = q->name;
    else if (p->recipe.name)
        p->m.name = p->recipe.name;
    else if ((r = default_name(p, q->path, e)) < 0)
        return r;
    if ((r = fill_arguments(q, p, e)) < 0 || (r = fill_options(p, e)) < 0 ||
        (r = fill_budgets(q, p, e)) < 0 || (r = fill_secrets(q, p, e)) < 0 ||
        (r = fill_volumes(q, p, e)) < 0 ||
        (r = plan_run_fill(q, &p->recipe, &p->m.run, e)) < 0 ||
        (r = plan_net_fill(q, &p->recipe, &p->m.net, e)) < 0)
        return r;
    return manifest_check(&p->m, e);
}
