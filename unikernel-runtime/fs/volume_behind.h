// SPDX-License-Identifier: ISC
/*
 * Writing behind: a thread of the runtime's writes what has been dirty for a
 * moment, and everything before the domain ends.
 */
#ifndef RT_VOLUME_BEHIND_H
#define RT_VOLUME_BEHIND_H

struct volume;

// From now on, for this volume too.
void volume_behind_start(struct volume *v);

// A page has become dirty.
void volume_behind_soiled(void);

#endif
