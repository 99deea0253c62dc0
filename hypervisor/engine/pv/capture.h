// SPDX-License-Identifier: ISC
// Registers of a pv guest that is parked or dead, from outside.

#ifndef PV_CAPTURE_H
#define PV_CAPTURE_H

#include "hypervisor/engine/engine.h"

int pv_capture(struct domain *, struct hv_cpu *);
int pv_restore(struct domain *, const struct hv_cpu *);

#endif
