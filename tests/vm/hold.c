// SPDX-License-Identifier: ISC
// Keeps one virtual machine with one processor open for the life of the test
// machine. The first to be made and the last to go flip static keys inside the
// scheduler, that is, patch the kernel's text; QEMU before 8.1 can lose such a
// patch when two of its threads race, and then loops on a stale int3 for ever.
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);

    if (kvm < 0 || vm < 0 || vcpu < 0)
        return 1;
    if (fork())
        _exit(0);
    setsid();
    for (;;)
        pause();
}
