// SPDX-License-Identifier: ISC
// Names of sockets within the machine. There is nobody to share them with, so
// only socketpair() makes sockets of this family.
#ifndef _SYS_UN_H
#define _SYS_UN_H

#include <sys/socket.h>

struct sockaddr_un {
    sa_family_t sun_family;
    char sun_path[108];
};

#endif
