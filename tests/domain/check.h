// SPDX-License-Identifier: ISC
// For guest test programs: CHECK(x) says where it failed and exits with 1.
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(x)                                                               \
    do {                                                                       \
        if (!(x)) {                                                            \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #x);             \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

#endif
