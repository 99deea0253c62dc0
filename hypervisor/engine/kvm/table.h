// SPDX-License-Identifier: ISC
/*
 * A kvm domain's page tables, and the only code that writes them. They map
 * addresses to themselves (layout.h) with the rights of each page; 2 MiB pages
 * where whole ones have the same rights.
 *
 * Once the guest has run, a change is written by the shim inside the domain:
 * so a KVM that shadows page tables sees it, and one that does not has its
 * TLB flushed, by the architecture's own rules.
 */
#ifndef KVM_TABLE_H
#define KVM_TABLE_H

#include <stdbool.h>
#include "hypervisor/engine/kvm/layout.h"

// Writes n entries at a guest-physical address; they stand at KVM_STAGE.
typedef void table_writer(void *arg, uint64_t gpa, uint64_t n);

struct table {
    uint64_t used, limit; // tables
    table_writer *write;  // once the guest has run
    void *write_arg;
    uint64_t staged_gpa, staged; // entries waiting at KVM_STAGE
};

// Of a page, besides HV_PROT_*.
#define TABLE_SUPERVISOR 8u  // not the guest's to touch
#define TABLE_OWN        16u // its rights are the guest's to change

// Tables that are enough for this RAM and image whatever the guest does.
uint64_t table_need(uint64_t ram_len, uint64_t image_len, uint64_t initrd_len);

// The top table and the rest's first, in memory that is all zero.
void table_init(struct table *, uint64_t limit);

// Before the guest runs: gives pages these rights.
void table_map(struct table *, uint64_t addr, uint64_t len, unsigned rights);

// Before the guest runs: a page of the guest's code at another address, above
// all that the ABI maps and each in 512 GiB of its own, so by tables of its
// own. And that they are no more.
void table_alias(struct table *, uint64_t addr, uint64_t gpa);
void table_unalias(struct table *, uint64_t used_before);

// From now on through this.
void table_live(struct table *, table_writer *, void *arg);

// 0, or HV_ENOMEM when not all of it is the guest's own; then nothing changes.
int table_protect(struct table *, uint64_t addr, uint64_t len, unsigned prot);

// Rights to an address: HV_PROT_* and the above; 0: none.
unsigned table_rights(uint64_t addr);

#endif
