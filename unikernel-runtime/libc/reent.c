// SPDX-License-Identifier: ISC
// Where newlib finds the running thread's errno and the like.
#include "unikernel-runtime/kernel/thread.h"

#include <reent.h>

struct _reent *__getreent(void)
{
    return thread_self()->reent;
}
