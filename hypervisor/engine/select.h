// SPDX-License-Identifier: ISC
// Engines by name.

#ifndef ENGINE_SELECT_H
#define ENGINE_SELECT_H

#include "hypervisor/engine/engine.h"

#define ENGINE_NAMES "kvm, pv or auto"

// "auto" is kvm where the processor helps and the host lets us use it, else
// pv. NULL: there is no such engine.
const struct engine *engine_select(const char *name);

#endif
