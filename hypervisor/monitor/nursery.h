// SPDX-License-Identifier: ISC
// `hostel-hv nursery`: where monitors are forked; driven by the spawner over
// descriptor 3 with the messages of control.h.

#ifndef MONITOR_NURSERY_H
#define MONITOR_NURSERY_H

int nursery_main(int argc, char **argv);

#endif
