// SPDX-License-Identifier: ISC
/*
 * The volumes role: volumes' folders, and the jobs on them.
 *
 *     state_dir/volumes/N           0711 root: volume number N
 *                       N/data      0700 UID_VOLUME(N): its files
 *                       N/incoming  0700 likewise: an upload under way
 *                       N/page      hypervisor/fs/contract.h
 *
 * It stays root, with the capabilities of its table in agent/role.c, and reads
 * nothing but the keeper's fixed structs. Whatever looks at a customer's file
 * or name is a hostel-volume (volume/contract.h), one process a job. It keeps
 * no table: what a volume is called, whose it is and what may be done with it
 * is the keeper's to know.
 */
#ifndef VOLUMED_VOLUMED_H
#define VOLUMED_VOLUMED_H

#include <stdbool.h>
#include <sys/types.h>
#include "node-agent/agent/ipc.h"
#include "node-agent/agent/role.h"
#include "node-agent/keeper/chan.h"

// Each is a process that may take a few hundred MiB at worst.
#define JOBS_MAX 8

struct job {
    pid_t pid; // 0: free
    int report_fd;
    struct msg_job asked;
};

struct volumed {
    const struct node_config *cfg;
    char program[NODE_PATH_MAX + 16]; // hostel-volume
    struct chan keeper;
    struct job job[JOBS_MAX];
};

// ---- place.c: folders of a volume, below the working folder

// Makes them; 0 also if they are there.
int place_make(const struct volumed *d, uint32_t number, struct err *e);
// The folder of the volume for a job.
int place_open(uint32_t number, struct err *e);
// The same for who attaches it: there is a page.
int place_serve(uint32_t number, struct err *e);
// Removes them, when a job has emptied them; 0 also if they are gone.
int place_remove(uint32_t number, struct err *e);

// ---- job.c

// Starts it; stream is -1 or the job's descriptor, which is taken. -EAGAIN:
// there are as many as may be.
int job_start(struct volumed *d, const struct msg_job *m, int stream,
              struct err *e);
// Its report is there, or it has died: answers the keeper.
void job_end(struct volumed *d, struct job *j);

#endif
