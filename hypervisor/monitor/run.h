// SPDX-License-Identifier: ISC
// `hostel-hv run`: a domain without a node, for development and debugging.

#ifndef MONITOR_RUN_H
#define MONITOR_RUN_H

// Returns the exit status; hostel-hv(8) lists them.
int run_main(int argc, char **argv);

#endif
