// SPDX-License-Identifier: ISC
// The locks of streams, for programs.
#include <stdio.h>
#include <sys/lock.h>

void flockfile(FILE *f);
void funlockfile(FILE *f);
int ftrylockfile(FILE *f);

void flockfile(FILE *f)
{
    __lock_acquire_recursive(f->_lock);
}

void funlockfile(FILE *f)
{
    __lock_release_recursive(f->_lock);
}

int ftrylockfile(FILE *f)
{
    return !__lock_try_acquire_recursive(f->_lock);
}
