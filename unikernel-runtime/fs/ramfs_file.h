// SPDX-License-Identifier: ISC
// Contents of files in the ramfs; for ramfs.c only.
#ifndef RT_RAMFS_FILE_H
#define RT_RAMFS_FILE_H

struct node;

int ramfs_file_open(struct node *n, int flags);

// Of a node that has neither name nor descriptor any more.
void ramfs_file_free(struct node *n);

#endif
