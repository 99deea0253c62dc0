// SPDX-License-Identifier: ISC
// Rules of the manifest; see manifest.h. Its wire form is in wire.c.

#include "node-agent/bundle/manifest.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node-agent/bundle/options.h"
#include "node-agent/bundle/path.h"
#include "node-agent/bundle/text.h"

#define HOUR_S 3600

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

bool manifest_file_is_unit(const struct manifest_file *f)
{
    return f->role == ROLE_SOURCE && ends_with(f->path, ".c");
}

uint64_t manifest_files_bytes(const struct manifest *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->nfiles; i++)
        sum += m->file[i].size;
    return sum;
}

static int check_name(const struct manifest *m, struct err *e)
{
    const char *n = m->name;
    size_t len = strlen(n);
    char shown[TEXT_QUOTE_MAX];
    bool good = len >= 1 && len <= NAME_MAX_BYTES && strchr("._-", *n) == NULL;

    for (const char *p = n; good && *p; p++)
        good = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
               (*p >= '0' && *p <= '9') || strchr("._-", *p);
    if (good)
        return 0;
    return err_set(e, EINVAL,
                   "the name \"%s\" must be 1 to %u letters, digits, dots, "
                   "dashes and underscores, beginning with a letter or digit",
                   text_quote(shown, n), NAME_MAX_BYTES);
}

static int check_arguments(const struct manifest *m, struct err *e)
{
    size_t bytes = strlen(m->name) + 1;

    if (m->nargs > ARGS_MAX)
        return err_set(e, E2BIG, "there are %zu arguments; at most %u fit",
                       m->nargs, ARGS_MAX);
    if (m->nenv > ENV_MAX)
        return err_set(e, E2BIG,
                       "there are %zu environment variables; at most %u fit",
                       m->nenv, ENV_MAX);
    for (size_t i = 0; i < m->nargs; i++) {
        bytes += strlen(m->arg[i]) + 1;
        if (!text_is_plain(m->arg[i], "\t\n"))
            return err_set(e, EINVAL,
                           "argument %zu holds a control character or is not "
                           "UTF-8; put such data into a file",
                           i + 1);
    }
    for (size_t i = 0; i < m->nenv; i++) {
        const char *equals = strchr(m->env[i], '=');
        char shown[TEXT_QUOTE_MAX];

        bytes += strlen(m->env[i]) + 1;
        if (!equals || !text_is_identifier(m->env[i], equals))
            return err_set(e, EINVAL,
                           "the environment variable \"%s\" must be written "
                           "NAME=value",
                           text_quote(shown, m->env[i]));
        if (!text_is_plain(m->env[i], "\t\n"))
            return err_set(e, EINVAL,
                           "the environment variable \"%s\" holds a control "
                           "character or is not UTF-8",
                           text_quote(shown, m->env[i]));
        for (size_t j = 0; j < i; j++)
            if (strncmp(m->env[i], m->env[j], equals - m->env[i] + 1) == 0)
                return err_set(e, EINVAL,
                               "the environment variable \"%s\" is set twice",
                               text_quote(shown, m->env[i]));
    }
    if (bytes > ARGS_BYTES_MAX)
        return err_set(e, E2BIG,
                       "name, arguments and environment take %zu bytes; at "
                       "most %u fit",
                       bytes, (unsigned)ARGS_BYTES_MAX);
    return 0;
}

static int check_options(const struct manifest *m, struct err *e)
{
    int r = 0;

    if (m->kind != KIND_SOURCE && m->noptions)
        return err_set(e, EINVAL,
                       "compiler options go with source, and this bundle "
                       "holds a ready image");
    if (m->noptions > OPTIONS_MAX)
        return err_set(e, E2BIG,
                       "there are %zu compiler options; at most %u fit",
                       m->noptions, OPTIONS_MAX);
    for (size_t i = 0; i < m->noptions && r == 0; i++)
        r = option_check(m->option[i], e);
    return r;
}

static int check_file(const struct manifest *m, const struct manifest_file *f,
                      struct err *e)
{
    int r = path_check(f->path, e);

    if (r < 0)
        return r;
    if (f->size > BUNDLE_FILES_BYTES_MAX)
        return err_set(e, E2BIG,
                       "the file %s has %" PRIu64 " bytes; a bundle may hold "
                       "%llu",
                       f->path, f->size, BUNDLE_FILES_BYTES_MAX);
    if ((f->mode & ~0777u) || !(f->mode & 0400))
        return err_set(e, EINVAL,
                       "the file %s has mode %o; only permission bits with "
                       "0400 among them are allowed",
                       f->path, f->mode);
    switch (f->role) {
    case ROLE_SOURCE:
        if (m->kind != KIND_SOURCE)
            return err_set(e, EINVAL,
                           "the file %s is source, and this bundle holds a "
                           "ready image",
                           f->path);
        // A compiler would read such a name as an option or a list of them.
        if (*f->path == '-' || *f->path == '@')
            return err_set(e, EINVAL,
                           "the name of the source file %s may not begin "
                           "with %c",
                           f->path, *f->path);
        return 0;
    case ROLE_DATA:
        return 0;
    case ROLE_IMAGE:
        if (m->kind != KIND_IMAGE)
            return err_set(e, EINVAL,
                           "the file %s is an image, and this bundle holds "
                           "source",
                           f->path);
        return 0;
    }
    return err_set(e, EINVAL, "the file %s has the unknown role %d", f->path,
                   f->role);
}

static int compare_by_path(const void *a, const void *b)
{
    return path_compare(*(const char *const *)a, *(const char *const *)b);
}

// Duplicates, and files that would have to be folders at the same time.
static int check_collisions(const struct manifest *m, struct err *e)
{
    const char *path[BUNDLE_FILES_MAX];

    for (size_t i = 0; i < m->nfiles; i++)
        path[i] = m->file[i].path;
    qsort(path, m->nfiles, sizeof(path[0]), compare_by_path);
    for (size_t i = 1; i < m->nfiles; i++) {
        size_t n = strlen(path[i - 1]);

        if (strcmp(path[i - 1], path[i]) == 0)
            return err_set(e, EINVAL, "the file %s is listed twice", path[i]);
        if (strncmp(path[i - 1], path[i], n) == 0 && path[i][n] == '/')
            return err_set(e, EINVAL,
                           "%s cannot be a file and the folder of %s at the "
                           "same time",
                           path[i - 1], path[i]);
    }
    return 0;
}

static int check_files(const struct manifest *m, struct err *e)
{
    size_t images = 0, units = 0;
    uint64_t bytes = 0;

    if (m->nfiles > BUNDLE_FILES_MAX)
        return err_set(e, E2BIG, "there are %zu files; at most %u fit",
                       m->nfiles, BUNDLE_FILES_MAX);
    for (size_t i = 0; i < m->nfiles; i++) {
        int r = check_file(m, &m->file[i], e);

        if (r < 0)
            return r;
        images += m->file[i].role == ROLE_IMAGE;
        units += manifest_file_is_unit(&m->file[i]);
        bytes += m->file[i].size;
    }
    if (bytes > BUNDLE_FILES_BYTES_MAX)
        return err_set(e, E2BIG,
                       "the files have %" PRIu64 " bytes together; a bundle "
                       "may hold %llu",
                       bytes, BUNDLE_FILES_BYTES_MAX);
    if (m->kind == KIND_SOURCE && units == 0)
        return err_set(e, EINVAL, "there is no source file (*.c) to compile");
    if (m->kind == KIND_IMAGE && images != 1)
        return err_set(e, EINVAL, "there are %zu images; there must be one",
                       images);
    return check_collisions(m, e);
}

static int check_range(const char *what, uint64_t value, uint64_t min,
                       uint64_t max, struct err *e)
{
    if (value >= min && value <= max)
        return 0;
    return err_set(e, ERANGE,
                   "%s is %" PRIu64 "; it must be from %" PRIu64 " to %" PRIu64,
                   what, value, min, max);
}

static int check_service(const struct run_terms *t, struct err *e)
{
    int r;

    if (t->mode != RUN_SERVICE) {
        if (t->restart || t->restarts_max || t->backoff_ms)
            return err_set(e, EINVAL,
                           "restarts go with a service, and this is none");
        return 0;
    }
    r = check_range("the restart policy", t->restart, RESTART_ON_FAILURE,
                    RESTART_ALWAYS, e);
    if (r == 0)
        r = check_range("the number of restarts", t->restarts_max, 0,
                        RESTARTS_MAX, e);
    if (r == 0)
        r = check_range("the pause before a restart (in ms)", t->backoff_ms, 1,
                        BACKOFF_MS_MAX, e);
    return r;
}

static int check_run(const struct manifest *m, struct err *e)
{
    const struct run_terms *t = &m->run;
    int r =
        check_range("the way to run it", t->mode, RUN_ONCE, RUN_FUNCTION, e);

    if (r == 0)
        r = check_service(t, e);
    if (r == 0 && t->mode == RUN_FUNCTION)
        r = check_range("the number of requests at once", t->concurrency, 1,
                        CONCURRENCY_MAX, e);
    if (r == 0 && t->mode == RUN_FUNCTION)
        r = check_range("the time for a request (in ms)", t->request_ms, 1,
                        REQUEST_MS_MAX, e);
    if (r == 0 && t->mode != RUN_FUNCTION && (t->concurrency || t->request_ms))
        r = err_set(e, EINVAL, "requests go with a function, and this is none");
    if (r == 0)
        r = check_range("the CPU weight", t->cpu_weight, 0, CPU_WEIGHT_MAX, e);
    if (r == 0)
        r = check_range("the CPU cap (in percent)", t->cpu_cap_percent, 0,
                        CPU_CAP_PERCENT_MAX, e);
    if (r == 0)
        r = check_range("the limit of output files (in bytes)", t->output_bytes,
                        0, OUTPUT_BYTES_MAX, e);
    if (r == 0 && t->output_bytes && t->mode != RUN_ONCE)
        r = err_set(e, EINVAL,
                    "only a program that runs once leaves output files");
    return r;
}

static int check_publish(const struct net_terms *n, struct err *e)
{
    if (n->npublish > NET_PUBLISH_MAX)
        return err_set(e, E2BIG,
                       "it publishes %u ports; at most %d are allowed",
                       n->npublish, NET_PUBLISH_MAX);
    for (uint32_t i = 0; i < n->npublish; i++) {
        const struct net_publish *p = &n->publish[i];

        if ((p->protocol != NET_TCP && p->protocol != NET_UDP) ||
            !p->host_port || !p->port || p->pad)
            return err_set(e, EINVAL,
                           "a published port must be of tcp or udp, from 1 to "
                           "65535");
        for (uint32_t j = 0; j < i; j++)
            if (n->publish[j].protocol == p->protocol &&
                n->publish[j].host_port == p->host_port)
                return err_set(e, EINVAL, "the port %s:%u is published twice",
                               p->protocol == NET_TCP ? "tcp" : "udp",
                               p->host_port);
    }
    return 0;
}

static bool link_is_name(const char *link)
{
    size_t len = strnlen(link, NET_LINK_MAX);

    return len < NET_LINK_MAX &&
           strspn(link, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789._-") == len;
}

static int check_net(const struct manifest *m, struct err *e)
{
    static const struct net_terms none;
    const struct net_terms *n = &m->net;
    int r = check_range("the kind of network", n->mode, NET_NONE, NET_ANY, e);

    if (r < 0)
        return r;
    if (n->mode == NET_NONE)
        return memcmp(n, &none, sizeof(none)) == 0
                   ? 0
                   : err_set(e, EINVAL,
                             "published ports, links and budgets of bytes go "
                             "with a network, and it asks for none");
    if (m->run.mode == RUN_FUNCTION)
        return err_set(e, EINVAL,
                       "a network goes with a program that runs once or as a "
                       "service, and this is a function");
    if (!link_is_name(n->link))
        return err_set(e, EINVAL,
                       "the name of a link must be letters, digits, dots, "
                       "dashes and underscores, at most %d",
                       NET_LINK_MAX - 1);
    r = check_range("the budget of bytes into it", n->in_bytes, 1,
                    NET_BYTES_MAX, e);
    if (r == 0)
        r = check_range("the budget of bytes out of it", n->out_bytes, 1,
                        NET_BYTES_MAX, e);
    return r < 0 ? r : check_publish(n, e);
}

// Is one of them the other, or in it?
static bool mounts_collide(const char *a, const char *b)
{
    size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

    return !strncmp(a, b, n) && (a[n] == '/' || !a[n]) &&
           (b[n] == '/' || !b[n]);
}

static int check_volumes(const struct manifest *m, struct err *e)
{
    if (m->nvolumes > MANIFEST_VOLUMES_MAX)
        return err_set(e, E2BIG, "there are %zu volumes; at most %d fit",
                       m->nvolumes, MANIFEST_VOLUMES_MAX);
    // Each request has a domain of its own, and they would all share them.
    if (m->nvolumes && m->run.mode == RUN_FUNCTION)
        return err_set(e, EINVAL, "a function has no volumes");
    for (size_t i = 0; i < m->nvolumes; i++) {
        int r = volume_use_check(&m->volume[i], e);

        for (size_t k = 0; r == 0 && k < i; k++) {
            if (!strcmp(m->volume[i].name, m->volume[k].name))
                r = err_set(e, EINVAL, "volume %s is attached twice",
                            m->volume[i].name);
            else if (mounts_collide(m->volume[i].mount, m->volume[k].mount))
                r = err_set(e, EINVAL,
                            "two volumes are mounted at %s and %s, one in the "
                            "other",
                            m->volume[k].mount, m->volume[i].mount);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_sealed(const struct manifest *m, struct err *e)
{
    if (m->sealed_len > SEALED_MAX)
        return err_set(e, E2BIG,
                       "the sealed secrets have %zu bytes; at most %u fit",
                       m->sealed_len, (unsigned)SEALED_MAX);
    if (!m->sealed_len && !sodium_is_zero(m->sealed_key, KEY_BYTES))
        return err_set(e, EINVAL, "a key for secrets is named, but no secret");
    return 0;
}

static int check_money(const struct manifest *m, struct err *e)
{
    const char *c = m->currency;
    int r = check_range("the cost cap (in nano-units)", m->cost_cap_nano, 0,
                        COST_NANO_MAX, e);

    if (r < 0)
        return r;
    if (*c && (strlen(c) != 3 || strspn(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
        return err_set(e, EINVAL,
                       "the currency must be three capital letters, such as "
                       "EUR");
    if (m->purchase_order_len > PURCHASE_ORDER_MAX)
        return err_set(e, E2BIG,
                       "the purchase order's id has %zu bytes; at most %u are "
                       "allowed",
                       m->purchase_order_len, PURCHASE_ORDER_MAX);
    return 0;
}

static int check_budgets(const struct manifest *m, struct err *e)
{
    int r;

    if ((r = check_range("the memory (in KiB)", m->memory_kib, MEMORY_KIB_MIN,
                         MEMORY_KIB_MAX, e)) < 0 ||
        (r = check_range("the CPU budget (in ns)", m->cpu_ns, TIME_NS_MIN,
                         TIME_NS_MAX, e)) < 0 ||
        (r = check_range("the wall time budget (in ns)", m->wall_ns,
                         TIME_NS_MIN, TIME_NS_MAX, e)) < 0 ||
        (r = check_range("the console's limit (in bytes)", m->console_bytes, 0,
                         CONSOLE_BYTES_MAX, e)) < 0)
        return r;
    if (m->kind == KIND_SOURCE)
        return check_range("the build's CPU budget (in ns)", m->build_cpu_ns,
                           TIME_NS_MIN, TIME_NS_MAX, e);
    if (m->build_cpu_ns)
        return err_set(e, EINVAL,
                       "a build budget goes with source, and this bundle "
                       "holds a ready image");
    return 0;
}

static int check_validity(const struct manifest *m, struct err *e)
{
    if (m->not_before_s == 0 || m->expires_s <= m->not_before_s)
        return err_set(e, EINVAL,
                       "the time of validity is empty: it must end after it "
                       "begins");
    if (m->expires_s - m->not_before_s > VALID_S_MAX)
        return err_set(e, EINVAL,
                       "the manifest is valid for %" PRIu64 " hours; at most "
                       "%llu are allowed",
                       (m->expires_s - m->not_before_s) / HOUR_S,
                       VALID_S_MAX / HOUR_S);
    return 0;
}

int manifest_check(const struct manifest *m, struct err *e)
{
    int r;

    if (m->kind != KIND_SOURCE && m->kind != KIND_IMAGE)
        return err_set(e, EINVAL, "the bundle is of the unknown kind %d",
                       m->kind);
    if ((r = check_name(m, e)) < 0 || (r = check_arguments(m, e)) < 0 ||
        (r = check_options(m, e)) < 0 || (r = check_files(m, e)) < 0 ||
        (r = check_budgets(m, e)) < 0 || (r = check_run(m, e)) < 0 ||
        (r = check_net(m, e)) < 0 || (r = check_sealed(m, e)) < 0 || (r = check_volumes(m, e)) < 0 ||
        (r = check_money(m, e)) < 0)
        return r;
    return check_validity(m, e);
}

int manifest_admit(const struct manifest *m, const uint8_t node[KEY_BYTES],
                   uint64_t now_s, struct err *e)
{
    char theirs[2 * KEY_BYTES + 1], ours[2 * KEY_BYTES + 1];

    if (memcmp(m->audience, node, KEY_BYTES) != 0)
        return err_set(
            e, EACCES,
            "the bundle is made for node %.16s..., and this is node "
            "%.16s...; make it again for this one",
            sodium_bin2hex(theirs, sizeof(theirs), m->audience, KEY_BYTES),
            sodium_bin2hex(ours, sizeof(ours), node, KEY_BYTES));
    if (now_s + CLOCK_SKEW_S < m->not_before_s)
        return err_set(e, EACCES,
                       "the bundle is valid only in %" PRIu64 " seconds from "
                       "now; check your clock",
                       m->not_before_s - now_s);
    if (now_s >= m->expires_s)
        return err_set(e, EACCES,
                       "the bundle expired %" PRIu64 " seconds ago; make and "
                       "sign it again",
                       now_s - m->expires_s);
    return 0;
}

void manifest_digest(const void *data, size_t len, uint8_t out[DIGEST_BYTES])
{
    crypto_generichash(out, DIGEST_BYTES, data, len, NULL, 0);
}

void submission_id(const uint8_t node[KEY_BYTES],
                   const uint8_t digest[DIGEST_BYTES],
                   uint8_t out[SUBMISSION_ID_BYTES])
{
    static const char context[] = "hostel submission v1";
    crypto_generichash_state st;
    uint8_t full[DIGEST_BYTES];

    crypto_generichash_init(&st, NULL, 0, sizeof(full));
    crypto_generichash_update(&st, (const uint8_t *)context,
                              sizeof(context) - 1);
    crypto_generichash_update(&st, node, KEY_BYTES);
    crypto_generichash_update(&st, digest, DIGEST_BYTES);
    crypto_generichash_final(&st, full, sizeof(full));
    memcpy(out, full, SUBMISSION_ID_BYTES);
}
