// SPDX-License-Identifier: ISC
// A domain's file; see dom_config.h.

#include "node-agent/cli/dom_config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hypervisor/monitor/config.h"
#include "lib/cleanup.h"

static int number_of_engine(const char *name)
{
    static const char *const names[] = {
        [ENGINE_PV] = "pv", [ENGINE_KVM] = "kvm", [ENGINE_AUTO] = "auto"};

    if (!name)
        return ENGINE_USUAL;
    for (int i = ENGINE_PV; i <= ENGINE_AUTO; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

// "" fits any room.
static int text_fit(char *out, size_t room, const char *key, const char *text,
                    struct err *e)
{
    if (text && strlen(text) >= room)
        return err_set(e, ENAMETOOLONG, "%s has more than %zu bytes", key,
                       room - 1);
    ipc_text_(out, room, text ? text : "");
    return 0;
}

static int strings_set(struct dom_create *m, struct domain_config *c,
                       struct err *e)
{
    static struct hvc_prepare p; // 12 KiB: not for the stack
    int r;

    memset(&p, 0, sizeof(p));
    r = config_add_argument(&p, c->kernel, e);
    for (size_t i = 0; r == 0 && i < c->args.n; i++)
        r = config_add_argument(&p, c->args.item[i], e);
    if (c->extra)
        for (char *save, *w = strtok_r(c->extra, " \t", &save); r == 0 && w;
             w = strtok_r(NULL, " \t", &save))
            r = config_add_argument(&p, w, e);
    for (size_t i = 0; r == 0 && i < c->env.n; i++)
        r = config_add_environment(&p, c->env.item[i], e);
    m->argc = p.argc;
    m->envc = p.envc;
    m->cmdline_len = p.cmdline_len;
    memcpy(m->cmdline, p.cmdline, p.cmdline_len);
    return r;
}

// The name of the image's file, where the domain has none.
static int name_set(struct dom_create *m, const struct domain_config *c,
                    struct err *e)
{
    cleanup_free char *kernel = strdup(c->kernel);
    const char *name = c->name ? c->name : basename(kernel);

    if (!dom_name_ok(name))
        return err_set(e, EINVAL,
                       "name \"%s\": a domain's name has letters, digits, '-', "
                       "'_', '.' and '+', one letter at least, and %d bytes at "
                       "most",
                       name, DOM_NAME_MAX - 1);
    ipc_text(m->name, name);
    return 0;
}

static int request_fill(struct dom_create *m, struct domain_config *c,
                        struct err *e)
{
    int engine = number_of_engine(c->engine);

    if (!c->kernel)
        return err_set(e, EINVAL, "the key kernel is missing");
    if (engine < 0)
        return err_set(e, EINVAL,
                       "engine is \"%s\"; it can be \"kvm\", \"pv\" or "
                       "\"auto\"",
                       c->engine);
    m->engine = (uint32_t)engine;
    m->flags |= c->ramdisk ? DOM_F_INITRD : 0;
    m->memory_kib = (uint64_t)c->memory_mib << 10;
    m->max_kib = c->max_mib ? (uint64_t)c->max_mib << 10 : m->memory_kib;
    m->cpu_ns = (uint64_t)c->cpu_ms * 1000000;
    m->wall_ns = (uint64_t)c->wall_ms * 1000000;
    m->weight = c->weight ? (uint32_t)c->weight : DOM_WEIGHT_USUAL;
    m->cap = (uint32_t)c->cap;
    m->on[DOM_POWEROFF] =
        (uint32_t)config_action(c->on_poweroff, CONFIG_DESTROY);
    m->on[DOM_REBOOT] = (uint32_t)config_action(c->on_reboot, CONFIG_RESTART);
    m->on[DOM_CRASH] = (uint32_t)config_action(c->on_crash, CONFIG_DESTROY);
    if (text_fit(m->kernel, sizeof(m->kernel), "kernel", c->kernel, e) < 0 ||
        text_fit(m->ramdisk, sizeof(m->ramdisk), "ramdisk", c->ramdisk, e) <
            0 ||
        name_set(m, c, e) < 0)
        return -e->code;
    return strings_set(m, c, e);
}

_Static_assert((int)DOM_DESTROY == (int)CONFIG_DESTROY &&
                   (int)DOM_RESTART == (int)CONFIG_RESTART &&
                   (int)DOM_PRESERVE == (int)CONFIG_PRESERVE &&
                   (int)DOM_RENAME_RESTART == (int)CONFIG_RENAME_RESTART &&
                   (int)DOM_COREDUMP_DESTROY == (int)CONFIG_COREDUMP_DESTROY &&
                   (int)DOM_COREDUMP_RESTART == (int)CONFIG_COREDUMP_RESTART,
               "the same numbers");

int dom_config_read(const char *path, char *const settings[], int n,
                    struct dom_create *m, struct dom_specs **specs,
                    struct err *e)
{
    struct domain_config c;
    int r;

    *specs = NULL;
    memset(m, 0, sizeof(*m));
    config_init(&c);
    r = config_read(&c, path, e);
    for (int i = 0; r == 0 && i < n; i++)
        r = config_override(&c, settings[i], e);
    if (r == 0) {
        r = request_fill(m, &c, e);
        if (r == 0)
            r = dom_specs_read(&c, specs, e);
        if (r < 0)
            err_prefix(e, "%s", path);
        else
            m->ndevices = dom_specs_count(*specs);
    }
    config_free(&c);
    return r;
}

// --------------------------------------------------------------------- files

void dom_files_close(struct dom_files *f)
{
    while (f->n)
        close(f->fd[--f->n]);
}

static int file_open(struct dom_files *f, const char *key, const char *path,
                     struct err *e)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return err_errno(e, "%s: %s", key, path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "%s: %s is not a regular file", key, path);
    f->fd[f->n++] = steal_fd(&fd);
    return 0;
}

static int devices_open(const struct dom_specs *specs, struct dom_files *f,
                        struct err *e)
{
    static struct dom_devices devices;
    int fd[HV_DEVICE_MAX], list;

    if (!dom_specs_count(specs))
        return 0;
    if (dom_specs_open(specs, &devices, fd, e) < 0)
        return -e->code;
    list = devices_pack(&devices, e);
    if (list >= 0)
        f->fd[f->n++] = list;
    for (uint32_t i = 0; i < devices.n; i++)
        f->fd[f->n++] = fd[i];
    return list < 0 ? list : 0;
}

int dom_files_open(const struct dom_create *m, const struct dom_specs *specs,
                   struct dom_files *f, struct err *e)
{
    if (file_open(f, "kernel", m->kernel, e) < 0 ||
        (m->flags & DOM_F_INITRD && file_open(f, "ramdisk", m->ramdisk, e) < 0))
        return -e->code;
    return devices_open(specs, f, e);
}

// ---------------------------------------------------------------------- JSON

const char *dom_on_name(uint32_t on)
{
    static const char *const names[] = {"destroy",          "restart",
                                        "preserve",         "rename-restart",
                                        "coredump-destroy", "coredump-restart"};

    return on < sizeof(names) / sizeof(names[0]) ? names[on] : "?";
}

void dom_config_info(const struct dom_create *m, struct dom_info *i)
{
    const char *at = m->cmdline;
    size_t used = 0;

    *i = (struct dom_info){.memory_kib = m->memory_kib,
                           .max_kib = m->max_kib,
                           .weight = m->weight,
                           .cap = m->cap,
                           .cpu_budget_ns = m->cpu_ns,
                           .wall_budget_ns = m->wall_ns,
                           .argc = m->argc,
                           .envc = m->envc};
    memcpy(i->on, m->on, sizeof(i->on));
    ipc_text(i->name, m->name);
    ipc_text(i->kernel, m->kernel);
    ipc_text(i->ramdisk, m->ramdisk);
    for (uint32_t n = 0; n < m->argc; n++, at += strlen(at) + 1)
        if (n && used < sizeof(i->args))
            used += (size_t)snprintf(i->args + used, sizeof(i->args) - used,
                                     "%s%s", used ? " " : "", at);
}

static void set_number(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void set_text(json_t *o, const char *key, const char *text)
{
    if (*text)
        json_object_set_new(o, key, json_string(text));
}

json_t *dom_config_json(const struct dom_info *i)
{
    json_t *o = json_object();

    set_text(o, "name", i->name);
    set_text(o, "kernel", i->kernel);
    set_text(o, "ramdisk", i->ramdisk);
    set_number(o, "memory", i->memory_kib >> 10);
    set_number(o, "maxmem", i->max_kib >> 10);
    set_number(o, "vcpus", 1);
    set_text(o, "extra", i->args);
    set_number(o, "cpu_weight", i->weight);
    set_number(o, "cap", i->cap);
    if (i->cpu_budget_ns)
        set_number(o, "cpu_ms", i->cpu_budget_ns / 1000000);
    if (i->wall_budget_ns)
        set_number(o, "wall_ms", i->wall_budget_ns / 1000000);
    set_text(o, "on_poweroff", dom_on_name(i->on[DOM_POWEROFF]));
    set_text(o, "on_reboot", dom_on_name(i->on[DOM_REBOOT]));
    set_text(o, "on_crash", dom_on_name(i->on[DOM_CRASH]));
    return o;
}
