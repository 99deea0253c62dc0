// SPDX-License-Identifier: ISC
// The child's part of making a domain: from a copy of the monitor to the
// process that runs the vCPU.

#ifndef KVM_BORN_H
#define KVM_BORN_H

#include "hypervisor/engine/child.h"

child_born born;

#endif
