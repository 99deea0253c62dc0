// SPDX-License-Identifier: ISC
// Event channels, the host's side: raising a port by the rules of hv.h.

#ifndef MONITOR_EVENT_H
#define MONITOR_EVENT_H

#include "hypervisor/engine/engine.h"

void event_raise(struct domain *, unsigned vcpu, unsigned port);

// Before sleeping: 1 when the guest will ring for what it notifies from now
// on and has notified nothing yet; 0 when event_take has something.
int event_sleep(struct domain *);

// Has the guest notified anything that was not taken yet?
bool event_waiting(const struct domain *);

// Watches for the guest's next notification for so long, busily.
void event_spin(struct domain *, uint64_t ns);

// After waking: the ports the guest has notified since the last time.
uint64_t event_take(struct domain *);

// Somebody traces the domain: called for each event raised, for each request
// that a back end takes, for each frame into the domain and out of it (with a
// reason: which does not go). NULL, mostly.
extern void (*event_traced)(unsigned port);
extern void (*event_request_traced)(unsigned device, unsigned type, uint64_t at,
                                    uint64_t len);
extern void (*event_frame_traced)(unsigned device, bool out, uint64_t len,
                                  const char *why_not);

#endif
