// SPDX-License-Identifier: ISC
// Contents of files in the ramfs; for ramfs.c only.
#ifndef RT_RAMFS_FILE_H
#define RT_RAMFS_FILE_H

struct node;

int ramfs_file_open(struct node *n, int flags);

// One reference less; a node that has neither name nor references goes.
void ramfs_node_put(struct node *n);

#endif
