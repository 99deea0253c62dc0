# hypervisor
