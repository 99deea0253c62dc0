// SPDX-License-Identifier: ISC
// hostel create: a domain of the operator's, as with `xl create`.

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/ctl.h"
#include "node-agent/cli/ctl_console.h"
#include "node-agent/cli/dom_config.h"
#include "node-agent/cli/show.h"

struct create {
    const char *file;
    bool console, dry, quiet;
    struct dom_create m;
    struct dom_specs *specs;
};

static int options_take(struct create *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'f'},
        {"console", no_argument, NULL, 'c'},
        {"dryrun", no_argument, NULL, 'n'},
        {"paused", no_argument, NULL, 'p'},
        {"quiet", no_argument, NULL, 'q'},
        {0}};
    int c;

    while ((c = getopt_long(argc, argv, "f:cnpq", longs, NULL)) != -1) {
        switch (c) {
        case 'f':
            o->file = optarg;
            break;
        case 'c':
            o->console = true;
            break;
        case 'n':
            o->dry = true;
            break;
        case 'p':
            o->m.flags |= DOM_F_PAUSED;
            break;
        case 'q':
            o->quiet = true;
            break;
        default:
            return cmd_usage(&cmd_create);
        }
    }
    // As xl: the first that is no setting is the file.
    if (!o->file && optind < argc && !strchr(argv[optind], '='))
        o->file = argv[optind++];
    return o->file ? -1 : cmd_usage(&cmd_create);
}

static int print_config(const struct dom_create *m,
                        const struct dom_specs *specs)
{
    static const char *const engines[] = {
        [ENGINE_PV] = "pv", [ENGINE_KVM] = "kvm", [ENGINE_AUTO] = "auto"};
    struct dom_info i;
    json_t *o;

    dom_config_info(m, &i);
    o = dom_config_json(&i);
    dom_specs_json(specs, o);
    if (m->engine != ENGINE_USUAL)
        json_object_set_new(o, "engine", json_string(engines[m->engine]));
    return print_json(o);
}

static int ask(struct create *o, struct ctl *c)
{
    struct dom_files files = DOM_FILES_INIT;
    static union ipc_any reply;
    struct err e = {0};
    int fd = -1, r;

    r = dom_files_open(&o->m, o->specs, &files, &e);
    if (r == 0) {
        ipc_head_cut(&o->m, MSG_DOM_CREATE, 1, cmdline, o->m.cmdline_len);
        r = ctl_call(c, &o->m.head, files.fd, files.n, &reply, &fd, &e);
    }
    dom_files_close(&files);
    if (r < 0)
        return cmd_fail(&e);
    if (!o->quiet && !o->console)
        printf("domain %s has number %u\n", reply.dom_reply.info.name,
               reply.dom_reply.info.domid);
    if (o->console)
        return ctl_console_run(c, reply.dom_reply.info.domid, fd);
    if (fd >= 0)
        close(fd);
    return 0;
}

static int create_run(int argc, char **argv)
{
    static struct create o;
    uint32_t flags;
    struct err e = {0};
    struct ctl *c;
    int r = options_take(&o, argc, argv);

    if (r >= 0)
        return r;
    flags = o.m.flags;
    r = dom_config_read(o.file, argv + optind, argc - optind, &o.m, &o.specs,
                        &e);
    o.m.flags |= flags;
    if (r == 0 && !o.dry) {
        c = ctl_open(&e);
        r = c ? ask(&o, c) : cmd_fail(&e);
        ctl_close(c);
    } else {
        r = r < 0 ? cmd_fail(&e) : print_config(&o.m, o.specs);
    }
    dom_specs_free(o.specs);
    return r;
}

const struct cmd cmd_create = {
    .name = "create",
    .run = create_run,
    .usage = "[-cnpq] [-f] FILE [KEY=VALUE]...",
    .summary = "start a domain of the operator's, by its file",
    .help = "FILE is a domain.cfg(5); KEY=VALUE take the place of its "
            "settings.\n"
            "  -f FILE  the same as FILE\n"
            "  -c       stay with its console\n"
            "  -n       read the file, print what it says, and do nothing\n"
            "  -p       leave it paused\n"
            "  -q       say nothing\n"
            "Disks and interfaces are opened with your rights. A disk in "
            "qcow2 or over NBD is\n"
            "a qemu-storage-daemon's of your own: "
            "disk=[\"vhost-user:SOCKET\"].\n",
};
