// SPDX-License-Identifier: ISC
// Engines by name; see select.h.

#include "hypervisor/engine/select.h"

#include <string.h>

#include "hypervisor/engine/kvm/machine.h"

const struct engine *engine_select(const char *name)
{
    if (strcmp(name, "auto") == 0)
        return machine_is_hardware() ? &engine_kvm : &engine_pv;
    if (strcmp(name, engine_kvm.name) == 0)
        return &engine_kvm;
    if (strcmp(name, engine_pv.name) == 0)
        return &engine_pv;
    return NULL;
}
