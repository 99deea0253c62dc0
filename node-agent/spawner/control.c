// SPDX-License-Identifier: ISC
// See control.h.

#include "node-agent/spawner/control.h"

bool control_sane(const struct msg_control *m)
{
    switch (m->action) {
    case CONTROL_PAUSE:
    case CONTROL_UNPAUSE:
    case CONTROL_SHUTDOWN:
    case CONTROL_REBOOT:
        return m->value == 0;
    case CONTROL_WEIGHT:
        return m->value >= 1 && m->value <= CPU_WEIGHT_MAX;
    case CONTROL_CAP:
        return m->value <= CPU_CAP_MAX;
    case CONTROL_BALLOON:
        return m->value >= 1 && m->value <= HV_RAM_MAX >> 10 &&
               m->value % (HV_PAGE >> 10) == 0;
    case CONTROL_MAX_KIB:
        return m->value >= 1 && m->value <= HV_RAM_MAX >> 10;
    }
    return false;
}
