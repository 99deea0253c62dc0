// SPDX-License-Identifier: ISC
// The table; see slot_table.h. A place that is not filled is SLOT_NEVER.

#include "node-agent/spawner/slot_table.h"

static const struct slot_step table[SLOT_STATES][SLOT_EVENTS] =
    {
        [SLOT_EMPTY] =
            {
                [SLOT_EV_MAKE] = {SLOT_MAKING, SLOT_MAKE},
                [SLOT_EV_RETIRE] = {SLOT_EMPTY, SLOT_NOTHING},
            },
        [SLOT_MAKING] =
            {
                [SLOT_EV_MADE] = {SLOT_BORN, SLOT_GREET},
                [SLOT_EV_FAILED] = {SLOT_EMPTY, SLOT_GIVE_UP},
                [SLOT_EV_RETIRE] = {SLOT_MAKING, SLOT_NOTHING},
            },
        [SLOT_BORN] =
            {
                [SLOT_EV_READY] = {SLOT_CLEAN, SLOT_PARK},
                [SLOT_EV_HANGUP] = {SLOT_CONDEMNED, SLOT_KILL},
                [SLOT_EV_OVERDUE] = {SLOT_CONDEMNED, SLOT_KILL},
                [SLOT_EV_DIED] = {SLOT_WASTED, SLOT_SWEEP},
                [SLOT_EV_RETIRE] = {SLOT_CONDEMNED, SLOT_KILL},
            },
        [SLOT_CLEAN] =
            {
                [SLOT_EV_START] = {SLOT_RUNNING, SLOT_NOTHING},
                [SLOT_EV_HANGUP] = {SLOT_CONDEMNED, SLOT_KILL},
                [SLOT_EV_EXITED] = {SLOT_CONDEMNED, SLOT_KILL},
                [SLOT_EV_DIED] = {SLOT_WASTED, SLOT_SWEEP},
                [SLOT_EV_RETIRE] = {SLOT_CONDEMNED, SLOT_KILL},
            },
        [SLOT_RUNNING] =
            {
                /* Our second connection: an adopted domain's. */
                [SLOT_EV_READY] = {SLOT_RUNNING, SLOT_NOTHING},
                [SLOT_EV_EXITED] = {SLOT_ENDING, SLOT_AWAIT},
                [SLOT_EV_STOP] = {SLOT_ENDING, SLOT_HALT},
                [SLOT_EV_HANGUP] = {SLOT_ENDING, SLOT_KILL},
                [SLOT_EV_DIED] = {SLOT_DRAINING, SLOT_SWEEP},
                [SLOT_EV_RETIRE] = {SLOT_RUNNING, SLOT_NOTHING},
            },
        [SLOT_ENDING] =
            {
                [SLOT_EV_READY] = {SLOT_ENDING, SLOT_NOTHING},
                [SLOT_EV_EXITED] = {SLOT_ENDING, SLOT_AWAIT},
                [SLOT_EV_STOP] = {SLOT_ENDING, SLOT_NOTHING},
                /* After its last message it closes and exits. */
                [SLOT_EV_HANGUP] = {SLOT_ENDING, SLOT_NOTHING},
                [SLOT_EV_OVERDUE] = {SLOT_ENDING, SLOT_KILL},
                [SLOT_EV_DIED] = {SLOT_DRAINING, SLOT_SWEEP},
                [SLOT_EV_RETIRE] = {SLOT_ENDING, SLOT_NOTHING},
            },
        [SLOT_DRAINING] =
            {
                [SLOT_EV_VACANT] = {SLOT_ENDED, SLOT_TELL},
                [SLOT_EV_OVERDUE] = {SLOT_DRAINING, SLOT_SWEEP},
                [SLOT_EV_STOP] = {SLOT_DRAINING, SLOT_NOTHING},
                [SLOT_EV_RETIRE] = {SLOT_DRAINING, SLOT_NOTHING},
            },
        [SLOT_ENDED] =
            {
                [SLOT_EV_STOP] = {SLOT_ENDED, SLOT_NOTHING},
                [SLOT_EV_RELEASE] = {SLOT_EMPTY, SLOT_CLEAR},
                [SLOT_EV_RETIRE] = {SLOT_ENDED, SLOT_NOTHING},
            },
        [SLOT_CONDEMNED] =
            {
                [SLOT_EV_READY] = {SLOT_CONDEMNED, SLOT_NOTHING},
                [SLOT_EV_EXITED] = {SLOT_CONDEMNED, SLOT_NOTHING},
                [SLOT_EV_HANGUP] = {SLOT_CONDEMNED, SLOT_NOTHING},
                [SLOT_EV_OVERDUE] = {SLOT_CONDEMNED, SLOT_KILL},
                [SLOT_EV_DIED] = {SLOT_WASTED, SLOT_SWEEP},
                [SLOT_EV_RETIRE] = {SLOT_CONDEMNED, SLOT_NOTHING},
            },
        [SLOT_WASTED] =
            {
                [SLOT_EV_VACANT] = {SLOT_EMPTY, SLOT_CLEAR},
                [SLOT_EV_OVERDUE] = {SLOT_WASTED, SLOT_SWEEP},
                [SLOT_EV_RETIRE] = {SLOT_WASTED, SLOT_NOTHING},
            },
};

struct slot_step slot_step(enum slot_state state, enum slot_event event)
{
    struct slot_step s = table[state][event];

    if (s.action == SLOT_NEVER)
        s.next = state;
    return s;
}

const char *slot_state_name(enum slot_state state)
{
    static const char *const names[SLOT_STATES] = {
        "empty",  "being made", "born",  "clean",     "running",
        "ending", "draining",   "ended", "condemned", "wasted",
    };

    return names[state];
}

const char *slot_event_name(enum slot_event event)
{
    static const char *const names[SLOT_EVENTS] = {
        "make",   "made", "failed",  "ready",  "start",   "exited", "stop",
        "hangup", "died", "overdue", "vacant", "release", "retire",
    };

    return names[event];
}
