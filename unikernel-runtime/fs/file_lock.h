// SPDX-License-Identifier: ISC
/*
 * flock's locks: of open files on what they are open on. A file has at most
 * one; it goes when the last descriptor does. Locks that are held form a list:
 * a program has few.
 */
#ifndef RT_FILE_LOCK_H
#define RT_FILE_LOCK_H

struct file;

// Shared or exclusive, instead of what `f` holds; 0, or -EWOULDBLOCK if
// `nowait`, -EINTR, -ENOLCK.
int file_lock_take(struct file *f, int exclusive, int nowait);
void file_lock_drop(struct file *f);

// Between the n-th and the next attempt to get what another domain holds: 0,
// or -EINTR.
int lock_pause(unsigned n);

#endif
