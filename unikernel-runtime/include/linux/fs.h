// SPDX-License-Identifier: ISC
// Where programs for Linux look for the requests of block devices.
#include <sys/mount.h>
