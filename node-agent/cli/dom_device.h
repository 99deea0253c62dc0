// SPDX-License-Identifier: ISC
// Disks and network interfaces of a domain's file (keys disk and vif of
// domain.cfg(5)): read and opened as by `hostel-hv run`, with the rights of
// whoever typed the command.

#ifndef CLI_DOM_DEVICE_H
#define CLI_DOM_DEVICE_H

#include <jansson.h>

#include "hypervisor/monitor/config.h"
#include "node-agent/agent/device.h"

// Descriptions, checked, not opened yet.
struct dom_specs;

// Reads what the file says; *out is freed with dom_specs_free. A disk that a
// node cannot have is refused by name.
int dom_specs_read(const struct domain_config *c, struct dom_specs **out,
                   struct err *e);
void dom_specs_free(struct dom_specs *s);
uint32_t dom_specs_count(const struct dom_specs *s);
// As they were written, into `o`, in the words of domain.cfg(5).
void dom_specs_json(const struct dom_specs *s, json_t *o);

// Opens them: disks, then interfaces, as the domain will find them. The
// descriptors in fd[] are the caller's.
int dom_specs_open(const struct dom_specs *s, struct dom_devices *d,
                   int fd[HV_DEVICE_MAX], struct err *e);

#endif
