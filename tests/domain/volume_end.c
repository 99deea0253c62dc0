// SPDX-License-Identifier: ISC
// Writes without syncing or closing, and ends as it is told to: by exit, by
// SIGTERM of its own, by the host, by a trap, or by staying until it is
// written.
#include "tests/domain/volume_files.h"

#include <signal.h>

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    int fd = open("/data/f", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, argv[1], strlen(argv[1])) > 0);
    if (!strcmp(argv[1], "exit"))
        _exit(7);
    if (!strcmp(argv[1], "raise"))
        raise(SIGTERM);
    puts("written");
    for (;;)
        pause();
}
