// SPDX-License-Identifier: ISC
// The host's request to end is a SIGTERM for a program that handles it. The
// host's part is played by the program itself, which may write its own control
// block: the request is found at the next event.
#include "hypervisor/abi/hv.h"
#include "tests/domain/check.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t got;
static void handler(int sig)
{
    got = sig;
}

int main(void)
{
    struct hv_shared_info *shared = (void *)HV_SHARED_INFO_VA;
    CHECK(signal(SIGTERM, handler) == SIG_DFL);
    shared->control.action = HV_ACTION_SHUTDOWN;
    __atomic_fetch_or(&shared->vcpu[0].pending, 1ull << HV_PORT_CONTROL,
                      __ATOMIC_SEQ_CST);
    sleep(10);
    CHECK(shared->control.action_done == HV_ACTION_SHUTDOWN);
    printf("bye %d\n", (int)got);
    return 3;
}
