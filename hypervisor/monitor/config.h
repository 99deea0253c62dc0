// SPDX-License-Identifier: ISC
/*
 * A domain's description: what domain.cfg(5) can say, in the names of
 * xl.cfg(5). A key that is not honoured is refused by name.
 */
#ifndef MONITOR_CONFIG_H
#define MONITOR_CONFIG_H

#include "hypervisor/monitor/control.h"
#include "lib/cfg.h"

#define CONFIG_MEMORY_MIB 64 // when nobody says

struct domain_config {
    char *kernel, *ramdisk, *name;
    char *engine; // NULL: pv
    int64_t memory_mib;
    int64_t vcpus;
    int64_t cpu_ms, wall_ms; // budgets; 0: none
    char *extra;             // arguments, split at blanks
    struct cfg_list args, env;
    struct cfg_list disk;                     // see disk.h
    struct cfg_list vif;                      // see vif.h
    struct cfg_list volume;                   // see volume.h
    char *on_poweroff, *on_reboot, *on_crash; // see config_action

    // Of a node's domains; `hostel-hv run` has none of them.
    int64_t max_mib; // limit of its control group's memory; 0: memory
    int64_t weight, cap;
};

void config_init(struct domain_config *);
int config_read(struct domain_config *, const char *path, struct err *);
// One more setting, KEY=VALUE, in the place of the file's. A value that is no
// number, string or list is taken as a string.
int config_override(struct domain_config *, const char *setting, struct err *);
// Is all of it what `hostel-hv run` can do?
int config_check_run(const struct domain_config *, const char *path,
                     struct err *);
void config_free(struct domain_config *);

// What becomes of a domain at an end: the value of on_... (NULL: not set), or
// -1 if there is no such action. The numbers are those of enum dom_on.
enum config_action {
    CONFIG_DESTROY,
    CONFIG_RESTART,
    CONFIG_PRESERVE,
    CONFIG_RENAME_RESTART,
    CONFIG_COREDUMP_DESTROY,
    CONFIG_COREDUMP_RESTART
};
int config_action(const char *value, enum config_action usual);

// HVC_CORE_*: the ends at which a core is to be written.
uint32_t config_core_ends(const struct domain_config *);

// Adds a string to a command line: arguments first, then the environment.
int config_add_argument(struct hvc_prepare *, const char *, struct err *);
int config_add_environment(struct hvc_prepare *, const char *, struct err *);

#endif
