// SPDX-License-Identifier: ISC
// A domain's file (domain.cfg(5)) as what is asked of the node. The files it
// names are opened here, with the rights of whoever typed the command; the
// node is given descriptors and never a path to open.

#ifndef CLI_DOM_CONFIG_H
#define CLI_DOM_CONFIG_H

#include <jansson.h>

#include "lib/err.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/cli/dom_device.h"

// As they go with MSG_DOM_CREATE: kernel, [ramdisk], [devices].
struct dom_files {
    int fd[IPC_FDS_MAX];
    int n;
};
#define DOM_FILES_INIT                                                         \
    {                                                                          \
        .n = 0                                                                 \
    }
void dom_files_close(struct dom_files *f);

// Reads `path` and the settings KEY=VALUE of a command line after it. *specs is
// freed with dom_specs_free, also after an error.
int dom_config_read(const char *path, char *const settings[], int n,
                    struct dom_create *m, struct dom_specs **specs,
                    struct err *e);
int dom_files_open(const struct dom_create *m, const struct dom_specs *specs,
                   struct dom_files *f, struct err *e);

// In the words of domain.cfg(5).
const char *dom_on_name(uint32_t on);
json_t *dom_config_json(const struct dom_info *i);
// What would be asked, as info, for a dry run.
void dom_config_info(const struct dom_create *m, struct dom_info *i);

#endif
