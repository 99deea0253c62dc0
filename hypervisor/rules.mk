# hypervisor: hostel-hv, and the blob of code it leaves in pv guests.

PV := hypervisor/engine/pv
KVM := hypervisor/engine/kvm
DEV_SRCS := backends.c block.c block_io.c bucket.c device.c net.c net_batch.c \
    net_filter.c \
    uring.c vhost.c virtq.c
HV_SRCS := hypervisor/engine/child.c hypervisor/engine/pv/pv.c hypervisor/engine/pv/birth.c \
    hypervisor/engine/pv/capture.c \
    hypervisor/engine/filter.c hypervisor/engine/pv/rules.c \
    hypervisor/engine/select.c $(KVM)/kvm.c $(KVM)/machine.c $(KVM)/vm.c \
    $(KVM)/table.c $(KVM)/vcpu.c $(KVM)/born.c $(KVM)/caches.c \
    $(addprefix hypervisor/dev/,$(DEV_SRCS)) \
    hypervisor/monitor/place.c \
    hypervisor/monitor/slot.c hypervisor/monitor/monitor.c \
    hypervisor/monitor/controller.c hypervisor/monitor/end.c hypervisor/monitor/linger.c \
    hypervisor/monitor/watch.c hypervisor/monitor/stack.c \
    hypervisor/monitor/pair.c \
    hypervisor/monitor/spin.c \
    hypervisor/monitor/debug.c hypervisor/monitor/breakpoint.c \
    hypervisor/monitor/gdb_packet.c \
    hypervisor/monitor/gdb_target.c hypervisor/monitor/core.c \
    hypervisor/monitor/dump.c hypervisor/monitor/trace.c \
    hypervisor/monitor/elf.c hypervisor/monitor/event.c \
    hypervisor/monitor/console.c hypervisor/monitor/guest_clock.c \
    hypervisor/monitor/start_info.c hypervisor/monitor/report.c hypervisor/monitor/symbols.c \
    hypervisor/monitor/sandbox.c hypervisor/monitor/nursery.c \
    hypervisor/monitor/config.c hypervisor/monitor/disk.c hypervisor/monitor/vif.c \
    hypervisor/monitor/outside.c hypervisor/monitor/qsd.c hypervisor/monitor/volume.c \
    hypervisor/monitor/budget.c \
    hypervisor/monitor/run.c hypervisor/monitor/run_options.c \
    hypervisor/monitor/run_files.c hypervisor/monitor/main.c

# Static: each monitor would pay for libraries' page tables and data.
$(call host-program,hostel-hv,$(HV_SRCS) $(LIB_SRCS) pv-blob.c kvm-page.c)
$(BUILD)/bin/hostel-hv: HOST_LDFLAGS := -static-pie -Wl,-z,relro,-z,now

# The back end of volumes.
FS_SRCS := $(addprefix hypervisor/fs/,confine.c handle.c job.c message.c \
    node.c op_attr.c op_dir.c op_file.c op_lock.c op_name.c op_table.c \
    quota.c server.c) hypervisor/dev/virtq.c
$(call host-program,hostel-fs,hypervisor/fs/main.c $(FS_SRCS) \
    hypervisor/engine/filter.c $(LIB_SRCS),-lpthread)
$(BUILD)/bin/hostel-fs: HOST_LDFLAGS := -static-pie -Wl,-z,relro,-z,now

# Names of this system's calls, for reports.
GENERATED += $(BUILD)/gen/syscall-names.h
$(BUILD)/gen/syscall-names.h:
	@mkdir -p $(@D)
	$(Q)echo '#include <asm/unistd_64.h>' | $(HOSTCC) -E -dM - | \
	    sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/[\2] = "\1",/p' \
	    >$@.new && mv $@.new $@

# Code that runs inside a guest's address space: no libc, no relocations, no
# vector registers (they hold the guest's state), fixed addresses.
PV_CFLAGS := -std=gnu11 -Os -g $(WARN) -ffreestanding -fno-pic -mcmodel=small \
    -mgeneral-regs-only -mno-red-zone -fno-stack-protector \
    -fcf-protection=none -fno-asynchronous-unwind-tables -fno-jump-tables \
    -fno-tree-loop-distribute-patterns -fno-builtin
# Resident code leaves the registers alone that a call gives back unchanged: so
# the host can rewind one that is under way (struct pv_call).
PV_FIXED := $(addprefix -ffixed-,rbx rbp r12 r13 r14 r15)
$(BUILD)/pv/resident.o: PV_CFLAGS += $(PV_FIXED)
PV_OBJS := setup_entry.o setup.o resident_entry.o resident.o

$(BUILD)/pv/%.o: $(PV)/%.c
	$(call say,PV,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CPPFLAGS) $(PV_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/pv/%.o: $(PV)/%.S
	$(call say,PV,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CPPFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/pv/blob.elf: $(addprefix $(BUILD)/pv/,$(PV_OBJS)) $(PV)/blob.lds
	$(call say,PV,$@)
	$(Q)ld -static -z max-page-size=4096 --no-warn-rwx-segments \
	    -T $(PV)/blob.lds -o $@ $(filter %.o,$^)
$(BUILD)/pv/blob.bin: $(BUILD)/pv/blob.elf
	$(Q)objcopy -O binary $< $@
$(BUILD)/obj/pv-blob.o: $(PV)/blob.S $(BUILD)/pv/blob.bin
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CPPFLAGS) -DPV_BLOB_FILE='"$(BUILD)/pv/blob.bin"' \
	    -c -o $@ $<
$(BUILD)/pv/resident_entry.o: hypervisor/engine/iret.inc
$(BUILD)/obj/kvm-page.o: $(KVM)/page.S hypervisor/engine/iret.inc
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CPPFLAGS) -MMD -MP -c -o $@ $<
DEPFILES += $(PV_OBJS:%.o=$(BUILD)/pv/%.d) $(BUILD)/obj/kvm-page.d
# -ffixed is a matter of how a call is rewound: stale, a guest goes astray.
$(addprefix $(BUILD)/pv/,$(PV_OBJS)): $(BUILD)/flags/pv
$(call flags,pv,$(PV_CFLAGS) $(PV_FIXED))

# Freestanding guests that test the guest ABI itself: tests/domain/abi_*.c
# and attack_*.c, linked by hand because hostel-cc's runtime hides the ABI.
ABI_GUESTS := $(patsubst tests/domain/%.c,%,$(wildcard tests/domain/abi_*.c \
    tests/domain/attack_*.c))
ABI_CFLAGS := -std=gnu11 -O2 -g $(WARN) -ffreestanding -fno-pic -no-pie \
    -mno-red-zone -fno-stack-protector -fcf-protection=none \
    -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
    -fno-tree-loop-distribute-patterns -nostdlib -static
$(BUILD)/guests/%: tests/domain/%.c tests/domain/abi.h tests/domain/abi.lds \
    hypervisor/abi/hv.h $(BUILD)/flags/guests
	$(call say,GUEST,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -I. $(ABI_CFLAGS) -MMD -MP -MF $@.d -Wl,-T,tests/domain/abi.lds \
	    -Wl,--build-id=none -Wl,-z,max-page-size=4096 -o $@ $<
TEST_BUILT += $(addprefix $(BUILD)/guests/,$(ABI_GUESTS))
DEPFILES += $(ABI_GUESTS:%=$(BUILD)/guests/%.d)
$(call flags,guests,$(ABI_CFLAGS))

# Cold start, and the program it is measured against.
BENCHES += $(BUILD)/bench/coldstart
$(BUILD)/bench/coldstart: $(BUILD)/obj/tests/bench/coldstart.o \
    $(BUILD)/obj/tests/domain/drive.o \
    $(patsubst %.c,$(BUILD)/obj/%.o,$(LIB_SRCS)) | $(BUILD)/bench/hello \
    $(BUILD)/bin/hostel-hv
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^
$(BUILD)/bench/hello: tests/bench/hello.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 -static -o $@ $<
DEPFILES += $(patsubst %,$(BUILD)/obj/tests/%.d,bench/coldstart domain/drive \
    domain/control_test domain/control_console domain/control_rights)
DOMAIN_TESTS += tests/domain/abi tests/domain/hv tests/domain/control \
    tests/domain/debug

# On a network.
DOMAIN_TESTS += tests/domain/net

# Disks, against fio.
BENCHES += tests/bench/block
BENCH_BUILT += $(BUILD)/images/blockio
$(BUILD)/images/blockio: tests/bench/blockio.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -O2 -o $@ $<

# Devices as a controller gives them.
DOMAIN_TESTS += tests/domain/devices tests/domain/vhost tests/domain/volume
TEST_BUILT += $(BUILD)/bin/hostel-fs $(BUILD)/tests/lying-fs
$(BUILD)/tests/lying-fs: $(patsubst %.c,$(BUILD)/obj/%.o,\
    tests/domain/lying_fs.c hypervisor/fs/main.c \
    $(filter-out %/server.c,$(FS_SRCS)) hypervisor/engine/filter.c $(LIB_SRCS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^ -lpthread
DEPFILES += $(BUILD)/obj/tests/domain/lying_fs.d
TEST_BUILT += $(BUILD)/tests/devices $(BUILD)/images/test-balloon
$(BUILD)/images/test-balloon: tests/domain/balloon.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -O2 -o $@ $<
$(BUILD)/tests/devices: $(patsubst %,$(BUILD)/obj/tests/domain/%.o,\
    devices_test drive) $(patsubst %.c,$(BUILD)/obj/%.o,$(LIB_SRCS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^
DEPFILES += $(BUILD)/obj/tests/domain/devices_test.d

# The control protocol, with a program in the spawner's place.
TEST_BUILT += $(BUILD)/tests/control
$(BUILD)/tests/control: $(patsubst %,$(BUILD)/obj/tests/domain/%.o,\
    control_test control_console control_rights drive) $(patsubst %.c,$(BUILD)/obj/%.o,$(LIB_SRCS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^

DOMAIN_TESTS += tests/golden/domain/run

# Pausing, on each engine, the same way.
DOMAIN_TESTS += tests/domain/pause
TEST_BUILT += $(BUILD)/tests/pause
$(BUILD)/tests/pause: $(patsubst %,$(BUILD)/obj/tests/domain/%.o,\
    pause_test drive) $(patsubst %.c,$(BUILD)/obj/%.o,$(LIB_SRCS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^
DEPFILES += $(BUILD)/obj/tests/domain/pause_test.d
TEST_BUILT += $(BUILD)/images/test-clocks
$(BUILD)/images/test-clocks: tests/domain/clocks.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -O2 -o $@ $<

$(call unit-test,hv_elf,tests/unit/hv_elf.c hypervisor/monitor/elf.c \
    $(LIB_SRCS))
$(call unit-test,hv_filter,tests/unit/hv_filter.c \
    hypervisor/engine/filter.c hypervisor/engine/pv/rules.c \
    $(LIB_SRCS))
$(call unit-test,hv_table,tests/unit/hv_table.c $(KVM)/table.c $(LIB_SRCS))

$(call unit-test,hv_gdb,tests/unit/hv_gdb.c hypervisor/monitor/gdb_packet.c \
    hypervisor/monitor/gdb_target.c)
$(call unit-test,hv_virtq,tests/unit/hv_virtq.c hypervisor/dev/virtq.c \
    $(LIB_SRCS))
$(call unit-test,hv_vhost,tests/unit/hv_vhost.c \
    $(addprefix hypervisor/dev/,device.c virtq.c bucket.c uring.c) \
    hypervisor/monitor/event.c hypervisor/monitor/watch.c $(LIB_SRCS),-lpthread)
$(call unit-test,hv_fs,tests/unit/hv_fs.c \
    $(filter-out %/server.c %/confine.c %/job.c,$(FS_SRCS)) $(LIB_SRCS))
$(call unit-test,hv_disk,tests/unit/hv_disk.c hypervisor/monitor/disk.c \
    $(LIB_SRCS))
$(call unit-test,hv_net_filter,tests/unit/hv_net_filter.c \
    hypervisor/dev/net_filter.c $(LIB_SRCS))
$(call unit-test,hv_net,tests/unit/hv_net.c \
    $(addprefix hypervisor/dev/,net.c net_batch.c net_filter.c device.c virtq.c \
    bucket.c uring.c) \
    hypervisor/monitor/event.c hypervisor/monitor/watch.c $(LIB_SRCS))
$(call unit-test,hv_pair,tests/unit/hv_pair.c hypervisor/monitor/pair.c \
    $(LIB_SRCS))
$(call unit-test,hv_bucket,tests/unit/hv_bucket.c hypervisor/dev/bucket.c \
    $(LIB_SRCS))
$(call unit-test,hv_device,tests/unit/hv_device.c \
    $(addprefix hypervisor/dev/,device.c virtq.c bucket.c uring.c) \
    hypervisor/monitor/event.c hypervisor/monitor/watch.c $(LIB_SRCS))

FUZZERS += tests/fuzz/elf.c tests/fuzz/control.c tests/fuzz/virtq.c \
    tests/fuzz/block.c tests/fuzz/net_filter.c tests/fuzz/gdb.c \
    tests/fuzz/fs.c tests/fuzz/hypercall.c
FUZZ_SRCS_hypercall := $(KVM)/table.c $(KVM)/caches.c $(LIB_SRCS)
FUZZ_SRCS_elf := $(LIB_SRCS)
FUZZ_SRCS_virtq := $(LIB_SRCS)
FUZZ_SRCS_fs := $(LIB_SRCS) \
    $(filter-out %/server.c %/confine.c %/job.c,$(FS_SRCS))
FUZZ_SRCS_block := $(LIB_SRCS) hypervisor/monitor/event.c \
    hypervisor/monitor/watch.c \
    $(addprefix hypervisor/dev/,$(filter-out block.c,$(DEV_SRCS)))
FUZZ_SRCS_control := $(LIB_SRCS) $(addprefix hypervisor/dev/,$(DEV_SRCS)) \
    $(addprefix hypervisor/monitor/,end.c linger.c watch.c stack.c \
    debug.c breakpoint.c gdb_packet.c gdb_target.c core.c dump.c trace.c \
    elf.c event.c console.c guest_clock.c start_info.c report.c symbols.c)

MANUALS += hypervisor/monitor/hostel-hv.8 hypervisor/monitor/domain.cfg.5
$(call unit-test,hv_clock,tests/unit/hv_clock.c \
    hypervisor/monitor/guest_clock.c $(LIB_SRCS))
