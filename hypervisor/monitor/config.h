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
    struct cfg_list disk; // see disk.h
    struct cfg_list vif;  // see vif.h
    char *on_poweroff, *on_reboot, *on_crash;
};

void config_init(struct domain_config *);
int config_read(struct domain_config *, const char *path, struct err *);
void config_free(struct domain_config *);

// Adds a string to a command line: arguments first, then the environment.
int config_add_argument(struct hvc_prepare *, const char *, struct err *);
int config_add_environment(struct hvc_prepare *, const char *, struct err *);

#endif
