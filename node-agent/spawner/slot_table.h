// SPDX-License-Identifier: ISC
/*
 * The life of a slot: a table of states and events, nothing else. What the
 * actions do is in slot.c.
 *
 *   EMPTY     nothing is here
 *   MAKING    the nursery was asked for a monitor
 *   BORN      there is a monitor, setting itself up
 *   CLEAN     monitor and guest are parked: a domain can start at once
 *   RUNNING   a domain runs
 *   ENDING    it has been asked to end, or has said that it does
 *   DRAINING  its monitor is dead; its last processes may not be
 *   ENDED     figures are final and told; waits for the keeper's release
 *   CONDEMNED a monitor that never had a domain is being killed
 *   WASTED    it is dead; as DRAINING, but there is nothing to tell
 */
#ifndef SPAWNER_SLOT_TABLE_H
#define SPAWNER_SLOT_TABLE_H

enum slot_state {
    SLOT_EMPTY,
    SLOT_MAKING,
    SLOT_BORN,
    SLOT_CLEAN,
    SLOT_RUNNING,
    SLOT_ENDING,
    SLOT_DRAINING,
    SLOT_ENDED,
    SLOT_CONDEMNED,
    SLOT_WASTED,
    SLOT_STATES
};

enum slot_event {
    SLOT_EV_MAKE,    /* we want a slot */
    SLOT_EV_MADE,    /* nursery: here is its monitor */
    SLOT_EV_FAILED,  /* nursery: it could not be made */
    SLOT_EV_READY,   /* monitor: set up */
    SLOT_EV_START,   /* its monitor was told to start a domain */
    SLOT_EV_EXITED,  /* monitor: the domain is over, because ... */
    SLOT_EV_STOP,    /* keeper, or one of our clocks: end it */
    SLOT_EV_HANGUP,  /* monitor: closed its connection or broke the rules */
    SLOT_EV_DIED,    /* kernel: the monitor is dead */
    SLOT_EV_OVERDUE, /* our clock: what should have happened has not */
    SLOT_EV_VACANT,  /* kernel: no process is left in the group */
    SLOT_EV_RELEASE, /* keeper: the end is in the journal */
    SLOT_EV_RETIRE,  /* we need no clean slots any more */
    SLOT_EVENTS
};

enum slot_action {
    SLOT_NEVER, /* cannot happen; logged, nothing changes */
    SLOT_NOTHING,
    SLOT_MAKE,    /* ask the nursery */
    SLOT_GREET,   /* connect to the monitor */
    SLOT_GIVE_UP, /* note the failure */
    SLOT_PARK,    /* note where its figures begin */
    SLOT_AWAIT,   /* it says it ends: give it a moment */
    SLOT_HALT,    /* tell the monitor to end it */
    SLOT_KILL,    /* kill the monitor; the kernel kills the rest */
    SLOT_SWEEP,   /* kill what is left in the group */
    SLOT_TELL,    /* final figures, to the keeper */
    SLOT_CLEAR    /* everything can be used again */
};

struct slot_step {
    enum slot_state next;
    enum slot_action action;
};

struct slot_step slot_step(enum slot_state state, enum slot_event event);

const char *slot_state_name(enum slot_state state);
const char *slot_event_name(enum slot_event event);

#endif
