// SPDX-License-Identifier: ISC
/*
 * What a spawner leaves that ends without being asked to: a nursery, slots that
 * were made ahead, their groups and files. Usually the next one finds them.
 * When there will be none, because the node could not start, whoever tidies up
 * calls this. Domains stay, with their slots and records.
 */
#ifndef SPAWNER_REMAINS_H
#define SPAWNER_REMAINS_H

/* No spawner may be alive. What cannot be removed stays; the log says so. */
void remains_clear(const char *cgroup_path, const char *run_dir);

#endif
