// SPDX-License-Identifier: ISC
// hostel-hv: the hypervisor's program. A table of commands.

#include <stdio.h>
#include <string.h>

#include "hypervisor/monitor/nursery.h"
#include "hypervisor/monitor/run.h"
#include "lib/log.h"

static const struct command {
    const char *name;
    int (*main)(int argc, char **argv);
} commands[] = {
    {"run", run_main},
    {"nursery", nursery_main},
};

int main(int argc, char **argv)
{
    log_open("hostel-hv");
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]);
         i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].main(argc - 1, argv + 1);
    fputs("usage: hostel-hv run [options] IMAGE [ARGS]   (run -h: options)\n"
          "       hostel-hv nursery\n",
          stderr);
    return 2;
}
