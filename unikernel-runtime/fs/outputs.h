// SPDX-License-Identifier: ISC
// Files that the program leaves behind: what lies under /out when it exits.
#ifndef RT_OUTPUTS_H
#define RT_OUTPUTS_H

#define OUTPUTS_FOLDER "/out"

struct node;

// What _exit does before it ends the domain; NULL: nothing. Set with the file
// tree, so that a program without files is linked without this.
extern void (*exit_hook)(void);

// This is the folder, or NULL; from now on _exit does outputs_send.
void outputs_open(struct node *folder);

// Hands the host a tar archive (POSIX.1-1988's "ustar") of the regular files
// and folders in OUTPUTS_FOLDER, named relative to it. Nothing, and a line on
// the console, when that is more than the host takes. Once, just before the end.
void outputs_send(void);

#endif
