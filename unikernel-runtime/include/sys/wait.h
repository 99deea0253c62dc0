// SPDX-License-Identifier: ISC
// newlib's <sys/wait.h>, and POSIX's waitid.
#ifndef _HOSTEL_SYS_WAIT_H
#define _HOSTEL_SYS_WAIT_H

#include_next <sys/wait.h>

#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEXITED  4
#define WSTOPPED 2
#define WNOWAIT  0x100

typedef enum { P_ALL, P_PID, P_PGID } idtype_t;

int waitid(idtype_t kind, id_t id, siginfo_t *info, int options);

#ifdef __cplusplus
}
#endif

#endif
