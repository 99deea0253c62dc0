// SPDX-License-Identifier: ISC
#include <poll.h>
