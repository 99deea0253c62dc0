// SPDX-License-Identifier: ISC
// hostel context: which nodes are known, by which address and key.

#include <dirent.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/bundle/key.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

struct args {
    const char *node_id, *key, *ca;
    bool json;
};

// ----------------------------------------------------------------------- add

// Asks the node who it is; what the user knows of it must agree. *secure: over
// HTTPS.
static int ask(const char *address, enum trust trust, const uint8_t *node_id,
               const char *ca, uint8_t id[KEY_BYTES], bool *secure,
               struct err *e)
{
    struct client *c = client_open_at(address, trust, node_id, ca, e);
    uint8_t got[KEY_BYTES];
    char text[65];
    json_t *o;
    int r;

    if (!c)
        return -e->code;
    *secure = client_secure(c);
    o = client_get_json(c, e, "/v1/node");
    client_close(c);
    if (!o)
        return -e->code;
    r = pubkey_from_hex(get_text(o, "id"), got, e);
    json_decref(o);
    if (r < 0)
        return err_prefix(e, "the node's id");
    if (node_id && memcmp(got, node_id, KEY_BYTES))
        return err_set(e, EBADMSG,
                       "the node at %s is %s, not the one you named", address,
                       hex_encode(text, got, KEY_BYTES));
    memcpy(id, got, KEY_BYTES);
    return 0;
}

// Pins the node. Over HTTPS whoever answers is asked for his name first, and
// has then to show a certificate by which he can prove it: his own, signed with
// that key, or one from an authority. *tls: which of the two; NULL: plain.
static int pin(const char *address, const uint8_t *expected, const char *ca,
               uint8_t id[KEY_BYTES], const char **tls, struct err *e)
{
    bool secure;
    int r = 0;

    *tls = NULL;
    if (expected)
        memcpy(id, expected, KEY_BYTES);
    else
        r = ask(address, TRUST_ANY, NULL, NULL, id, &secure, e);
    if (r < 0)
        return r;
    if (!ca) {
        r = ask(address, TRUST_NODE, id, NULL, id, &secure, e);
        if (r == 0 && secure)
            *tls = "node";
        if (r == 0 || !secure || e->code != EBADMSG)
            return r;
    }
    r = ask(address, TRUST_WEB, id, ca, id, &secure, e);
    if (r == 0 && secure)
        *tls = "web";
    return r;
}

static int add(const struct args *a, char **argv, struct err *e)
{
    struct context c = {0};
    uint8_t expected[KEY_BYTES], id[KEY_BYTES];
    char text[65];
    const char *tls;
    int r = context_name_check(argv[0], e);

    if (r == 0 && a->node_id)
        r = pubkey_from_hex(a->node_id, expected, e);
    if (r == 0)
        r = pin(argv[1], a->node_id ? expected : NULL, a->ca, id, &tls, e);
    if (r < 0)
        return r;
    hex_encode(text, id, sizeof(id));
    snprintf(c.name, sizeof(c.name), "%s", argv[0]);
    c.node = argv[1]; // only written, never freed
    c.node_id = text;
    c.key = (char *)a->key;
    c.tls = (char *)tls;
    c.ca = (char *)a->ca;
    r = context_save(&c, e);
    if (r == 0)
        r = context_use(argv[0], e);
    if (r == 0)
        printf("%s: node %s at %s%s\n", argv[0], text, argv[1],
               !tls                 ? ""
               : strcmp(tls, "web") ? ", HTTPS certified by the node itself"
                                    : ", HTTPS certified by an authority");
    return r;
}

// ---------------------------------------------------------------- list, show

// The name of a context's file without ".cfg"; NULL for another file.
static char *context_of_file(const char *file)
{
    size_t len = strlen(file);

    if (len <= 4 || strcmp(file + len - 4, ".cfg"))
        return NULL;
    return strndup(file, len - 4);
}

static json_t *context_json(const struct context *c, const char *current)
{
    return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:b}", "name",
                     c->name, "node", c->node, "node_id", c->node_id, "key",
                     c->key, "tls", c->tls, "ca", c->ca, "current",
                     !strcmp(c->name, current));
}

static int by_name(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;

    return strcmp(get_text(*x, "name"), get_text(*y, "name"));
}

// Every context that can be read, sorted by name.
static json_t *contexts_load(const char *current)
{
    json_t *item[256], *list = json_array();
    struct dirent *entry;
    char path[PATH_MAX];
    size_t n = 0;
    DIR *dir = opendir(context_path(path, "contexts"));

    while (dir && n < 256 && (entry = readdir(dir))) {
        char *name = context_of_file(entry->d_name);
        struct context c;

        if (name && context_load(name, &c, NULL) == 0) {
            item[n++] = context_json(&c, current);
            context_free(&c);
        }
        free(name);
    }
    if (dir)
        closedir(dir);
    qsort(item, n, sizeof(*item), by_name);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, item[i]);
    return list;
}

static int list(const struct args *a, struct err *e)
{
    struct context current;
    const json_t *item;
    struct table *t;
    json_t *all;
    size_t i;

    // A current context that cannot be read is still worth a list.
    context_load(NULL, &current, e);
    all = contexts_load(current.name);
    context_free(&current);
    if (a->json)
        return print_json(all) ? -EIO : 0;
    t = table_new(",NAME,NODE,NODE ID,KEY");
    json_array_foreach(all, i, item)
    {
        char id[SHOW_SIZE]; // `context show` has the whole

        table_row(t, json_is_true(json_object_get(item, "current")) ? "*" : "",
                  get_text(item, "name"), get_text(item, "node"),
                  show_id(id, get_text(item, "node_id")),
                  *get_text(item, "key") ? get_text(item, "key") : "default");
    }
    table_print(t, stdout);
    table_free(t);
    json_decref(all);
    return 0;
}

static int show(const struct args *a, const char *name, struct err *e)
{
    struct context c;
    int r = context_load(name, &c, e);

    if (r == 0 && !*c.name)
        r = err_set(e, ENOENT,
                    "there is no context yet; `hostel context add "
                    "NAME ADDRESS` makes one");
    if (r == 0 && a->json) {
        r = print_json(context_json(&c, c.name)) ? -EIO : 0;
    } else if (r == 0) {
        struct table *t = table_new("CONTEXT,VALUE");

        table_row(t, "name", c.name);
        table_row(t, "node", c.node ? c.node : "");
        table_row(t, "node id", c.node_id ? c.node_id : "");
        table_row(t, "key", c.key ? c.key : "default");
        if (c.tls)
            table_row(t, "tls", c.tls);
        if (c.ca)
            table_row(t, "ca", c.ca);
        table_print(t, stdout);
        table_free(t);
    }
    context_free(&c);
    return r;
}

static int removed(const char *name, struct err *e)
{
    char path[PATH_MAX];
    int r = context_name_check(name, e);

    if (r < 0)
        return r;
    if (unlink(context_path(path, "contexts/%s.cfg", name)) < 0)
        return errno == ENOENT
                   ? err_set(e, ENOENT, "there is no context %s", name)
                   : err_errno(e, "%s", path);
    return 0;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"node-id", required_argument, NULL, 'n'},
        {"key", required_argument, NULL, 'k'},
        {"ca", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},
        {0}};
    struct args a = {0};
    struct err e = {0};
    const char *verb;
    int o, n, r;

    while ((o = getopt_long(argc, argv, "k:", longs, NULL)) != -1) {
        if (o == 'n')
            a.node_id = optarg;
        else if (o == 'k')
            a.key = optarg;
        else if (o == 'c')
            a.ca = optarg;
        else if (o == 'j')
            a.json = true;
        else
            return cmd_usage(&cmd_context);
    }
    n = argc - optind;
    argv += optind;
    verb = n ? argv[0] : "list";
    if (!strcmp(verb, "list") && n <= 1)
        r = list(&a, &e);
    else if (!strcmp(verb, "show") && n <= 2)
        r = show(&a, n == 2 ? argv[1] : NULL, &e);
    else if (!strcmp(verb, "add") && n == 3)
        r = add(&a, argv + 1, &e);
    else if (!strcmp(verb, "use") && n == 2)
        r = context_use(argv[1], &e);
    else if (!strcmp(verb, "remove") && n == 2)
        r = removed(argv[1], &e);
    else
        return cmd_usage(&cmd_context);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_context = {
    .name = "context",
    .run = run,
    .usage = "[list | show [NAME] | use NAME | remove NAME | add NAME ADDRESS "
             "[--node-id HEX] [--ca FILE] [-k KEY]] [--json]",
    .summary = "remember nodes: address and pinned key",
    .help = "  add     ask the node at HOST[:PORT] who it is, pin that key, "
            "and use it\n"
            "          --node-id HEX  it must be this one\n"
            "          --ca FILE      authorities to trust for its "
            "certificate\n"
            "          -k KEY         sign with this key there\n"
            "  use     make another one current\n"
            "$HOSTEL_CONTEXT or -C before the verb choose one for a command.\n",
};
