// SPDX-License-Identifier: ISC
// Contexts of the client; see context.h.

#include "node-agent/cli/context.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cfg.h"
#include "lib/io.h"

static const struct cfg_key context_keys[] = {
    CFG_STR_KEY("node", struct context, node, 255, 0),
    CFG_STR_KEY("node_id", struct context, node_id, 64, 0),
    CFG_STR_KEY("key", struct context, key, 1024, 0),
    CFG_STR_KEY("tls", struct context, tls, 8, 0),
    CFG_STR_KEY("ca", struct context, ca, 1024, 0),
    {0},
};

char *context_path(char *out, const char *fmt, ...)
{
    const char *home = getenv("HOSTEL_HOME"), *user = getenv("HOME");
    va_list ap;
    int n;

    if (home)
        n = snprintf(out, PATH_MAX, "%s/", home);
    else
        n = snprintf(out, PATH_MAX, "%s/.config/hostel/", user ? user : "");
    if (n < PATH_MAX) {
        va_start(ap, fmt);
        vsnprintf(out + n, PATH_MAX - n, fmt, ap);
        va_end(ap);
    }
    return out;
}

int context_name_check(const char *name, struct err *e)
{
    size_t n = strlen(name);

    if (n >= 1 && n <= CONTEXT_NAME_MAX && *name != '.' && *name != '-' &&
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789._-") == n)
        return 0;
    return err_set(e, EINVAL,
                   "a name has 1 to %d letters, digits, dots, dashes and "
                   "underscores, not beginning with a dot or dash",
                   CONTEXT_NAME_MAX);
}

// The name in the file `current`; "" if there is none.
static int current_name(char *name, struct err *e)
{
    cleanup_buf struct buf b = BUF_INIT(CONTEXT_NAME_MAX + 1);
    char path[PATH_MAX];
    int r;

    name[0] = 0;
    if (access(context_path(path, "current"), F_OK) < 0)
        return 0;
    r = file_read(path, &b, e);
    if (r < 0)
        return r;
    snprintf(name, CONTEXT_NAME_MAX + 1, "%.*s",
             (int)strcspn(buf_str(&b), "\n"), buf_str(&b));
    return 0;
}

int context_load(const char *name, struct context *c, struct err *e)
{
    char path[PATH_MAX];
    int r;

    *c = (struct context){0};
    if (!name)
        name = getenv("HOSTEL_CONTEXT");
    if (name) {
        r = context_name_check(name, e);
        if (r < 0)
            return r;
        snprintf(c->name, sizeof(c->name), "%s", name);
    } else {
        r = current_name(c->name, e);
        if (r < 0 || c->name[0] == 0)
            return r;
        r = context_name_check(c->name, e);
        if (r < 0)
            return err_prefix(e, "%s", context_path(path, "current"));
    }
    context_path(path, "contexts/%s.cfg", c->name);
    if (access(path, F_OK) < 0)
        return err_set(e, ENOENT,
                       "there is no context %s; `hostel context` makes one",
                       c->name);
    return cfg_read(path, context_keys, c, e);
}

void context_free(struct context *c)
{
    cfg_free(context_keys, c);
    c->name[0] = 0;
}

static int put_setting(struct buf *b, const char *key, const char *value,
                       struct err *e)
{
    if (!value)
        return 0;
    if (strpbrk(value, "\"\n"))
        return err_set(e, EINVAL,
                       "the %s of a context may not hold quotes or new lines",
                       key);
    buf_printf(b, "%s = \"%s\"\n", key, value);
    return 0;
}

int context_save(const struct context *c, struct err *e)
{
    cleanup_buf struct buf b = BUF_INIT(CFG_FILE_MAX);
    char path[PATH_MAX];
    int r;

    if ((r = context_name_check(c->name, e)) < 0 ||
        (r = put_setting(&b, "node", c->node, e)) < 0 ||
        (r = put_setting(&b, "node_id", c->node_id, e)) < 0 ||
        (r = put_setting(&b, "key", c->key, e)) < 0 ||
        (r = put_setting(&b, "tls", c->tls, e)) < 0 ||
        (r = put_setting(&b, "ca", c->ca, e)) < 0 ||
        (r = dir_make(context_path(path, "contexts"), 0700, e)) < 0)
        return r;
    return file_write_durable(context_path(path, "contexts/%s.cfg", c->name),
                              buf_str(&b), b.len, 0600, e);
}

int context_use(const char *name, struct err *e)
{
    char path[PATH_MAX], line[CONTEXT_NAME_MAX + 2];
    int r = context_name_check(name, e);

    if (r < 0)
        return r;
    if (access(context_path(path, "contexts/%s.cfg", name), F_OK) < 0)
        return err_set(e, ENOENT, "there is no context %s", name);
    snprintf(line, sizeof(line), "%s\n", name);
    return file_write_durable(context_path(path, "current"), line, strlen(line),
                              0600, e);
}

int context_key_path(const struct context *c, const char *key, char *path,
                     struct err *e)
{
    if (!key)
        key = c->key ? c->key : "default";
    if (strchr(key, '/')) {
        snprintf(path, PATH_MAX, "%s", key);
        return 0;
    }
    if (context_name_check(key, e) < 0)
        return -e->code;
    if (access(context_path(path, "keys/%s.key", key), F_OK) < 0)
        return err_set(e, ENOENT,
                       "there is no key %s; `hostel keygen %s` makes one, "
                       "-k ./FILE takes one from elsewhere",
                       path, key);
    return 0;
}
