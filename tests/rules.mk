# tests: check, bench, fuzz, demo, install. The rules use `=` variables that
# every folder's rules.mk has filled by the time a recipe runs.

LINT_TESTS := tests/lint/manuals tests/lint/openapi

NPROC := $(shell nproc 2>/dev/null || echo 2)
TEST_ENV = HOSTEL_ROOT=$(CURDIR) HOSTEL_BUILD=$(B_ABS) HOSTEL_CACHE=$(C_ABS) \
    HOSTEL_NEWLIB=$(NEWLIB) \
    MANUALS='$(MANUALS)'

# make check T=pattern: only the tests whose path contains the pattern.
T ?=
RUN_TESTS = $(TEST_ENV) tests/run --log $(BUILD)/tests/log $(if $(T),--only '$(T)')

# Packages come first, in a make of their own: what is built asks for them.
check: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) tests-built
	$(Q)$(MAKE) --no-print-directory software-built || true
	$(Q)$(RUN_TESTS) unit $(UNIT_TESTS) \
	    script $(if $(MANUALS),$(LINT_TESTS)) $(DOMAIN_TESTS) \
	    $(SOFTWARE_TESTS) $(E2E_TESTS)

# Other people's software, built once into the cache. Its tools are installed
# for this alone; a test whose software could not be built says so. `make
# check` runs a part of what the large ones bring, this all of it.
SOFTWARE_PACKAGES := cmake autoconf automake libtool tcl g++ \
    protobuf-compiler libprotobuf-dev openssl
SOFTWARE_TESTS := $(addprefix tests/software/,lua zlib jansson libsodium \
    protobuf-c sqlite mbedtls servers lwip newlib posix toolchain)
.PHONY: software-built check-software
software-built:
	$(Q)$(MAKE) --no-print-directory deps \
	    PACKAGES='$(PACKAGES) $(SOFTWARE_PACKAGES)'
	$(Q)$(MAKE) --no-print-directory -k $(PORTS_BUILT)
check-software: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) all
	$(Q)$(MAKE) --no-print-directory software-built || true
	$(Q)HOSTEL_SOFTWARE=all $(RUN_TESTS) script $(SOFTWARE_TESTS)

.PHONY: tests-built # its prerequisites stand at the end of this file
unit: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) $(UNIT_TESTS)
	$(Q)$(RUN_TESTS) unit $(UNIT_TESTS)
domain: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) tests-built
	$(Q)$(RUN_TESTS) script $(DOMAIN_TESTS)
e2e: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) tests-built
	$(Q)$(RUN_TESTS) script $(E2E_TESTS)

# The builder alone, with a driver that plays the keeper.
$(call host-program,builder-try,tests/e2e/builder_try.c $(BUILDER_SRCS) \
    node-agent/agent/role.c \
    $(AGENT_IPC_SRCS) $(CGROUP_SRCS) $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))

# Bundles that no honest client would write.
$(call host-program,bundle-forge,tests/e2e/bundle_forge.c $(BUNDLE_SRCS) \
    $(LIB_SRCS),$(BUNDLE_LIBS))

# What stands in for a compiler that its input has taken over: it must run
# where there are no libraries.
TEST_BUILT += $(BUILD)/bin/taken-compiler $(TOOLCHAIN)
$(BUILD)/bin/taken-compiler: tests/e2e/taken_compiler.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O1 $(WARN) -D_GNU_SOURCE -static -o $@ $<
E2E_TESTS += tests/e2e/software tests/e2e/build tests/e2e/path tests/e2e/bad-input \
    tests/e2e/install tests/e2e/input tests/e2e/debug

# ------------------------------------------------------------------- figures

# make bench B=group: only the figures named group.*
B ?=
bench: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) bench-built
	$(Q)$(TEST_ENV) tests/bench/run $(BUILD)/bench.json $(B) $(abspath $(BENCHES))
.PHONY: bench-built

# ------------------------------------------------------------------- fuzzers

# A harness tests/fuzz/X.c lists what it links in FUZZ_SRCS_X and FUZZ_LIBS_X,
# and includes what it tries. Clang is installed for this alone.
FUZZ_TIME ?= 20
FUZZ_PACKAGES := clang libclang-rt-14-dev
FUZZ_CC := clang
FUZZ_CFLAGS := -std=gnu11 -O1 -g -w -fsanitize=fuzzer-no-link,address,undefined \
    -fno-sanitize-recover=all
FUZZ_LDFLAGS := -fsanitize=fuzzer,address,undefined
$(call flags,fuzz,$(HOST_CPPFLAGS) $(FUZZ_CFLAGS))
$(BUILD)/fuzz/obj/%.o: %.c $(BUILD)/flags/fuzz | $(GENERATED)
	$(call say,CC-FUZZ,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(HOST_CPPFLAGS) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/fuzz/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(HOST_CPPFLAGS) $(FUZZ_CFLAGS) -c -o $@ $<
define fuzz-rule
FUZZ_PROGRAMS += $(BUILD)/fuzz/$(1)
$(BUILD)/fuzz/$(1): $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,\
    tests/fuzz/$(1).c $(FUZZ_SRCS_$(1)))
	$$(call say,FUZZ,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(FUZZ_CC) $$(FUZZ_LDFLAGS) -o $$@ $$^ $$(FUZZ_LIBS_$(1))
DEPFILES += $(patsubst %.c,$(BUILD)/fuzz/obj/%.d,tests/fuzz/$(1).c $(FUZZ_SRCS_$(1)))
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz-rule,$(basename $(notdir $(f))))))

.PHONY: fuzz-built
fuzz-built: $(FUZZ_PROGRAMS)
fuzz: deps
	$(Q)if command -v clang >/dev/null || $(MAKE) --no-print-directory \
	    deps PACKAGES='$(PACKAGES) $(FUZZ_PACKAGES)'; then \
	    $(MAKE) --no-print-directory -j$(NPROC) fuzz-built && \
	    printf '#!/bin/sh\n# timeout: 86400\nexec tests/fuzz/run %s %s\n' \
	        '$(FUZZ_TIME)' '$(FUZZ_PROGRAMS)' >$(BUILD)/fuzz/all && \
	    chmod +x $(BUILD)/fuzz/all && $(RUN_TESTS) script $(BUILD)/fuzz/all; \
	else \
	    echo "skipped fuzz: clang is not installed, and cannot be"; \
	    echo "0 passed, 0 failed, 1 skipped"; \
	fi

# ------------------------------------------------------------- for a long night

# The crash test and the bad day, with numbers that prove something: hours.
.PHONY: check-crash check-soak
CRASH_KILLS ?= 400
CRASH_SEED ?= 1
check-crash: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) tests-built
	$(Q)$(TEST_ENV) CRASH_KILLS=$(CRASH_KILLS) CRASH_SEED=$(CRASH_SEED) \
	    tests/e2e/crash
SOAK_SUBMISSIONS ?= 10000
SOAK_CUSTOMERS ?= 100
check-soak: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) tests-built
	$(Q)$(TEST_ENV) SOAK_SUBMISSIONS=$(SOAK_SUBMISSIONS) \
	    SOAK_CUSTOMERS=$(SOAK_CUSTOMERS) tests/e2e/soak

# ------------------------------------------------------- another machine's kernel

# make check-vm: the domain tests on both engines under a stock Debian 12
# kernel with hardware virtualization and control groups of version 2, emulated
# by QEMU. Minutes to a quarter of an hour; not part of `check`. VM_TESTS="..."
# takes others.
VM_PACKAGES := qemu-system-x86 busybox-static cpio
VM_KERNEL := $(CACHE)/src/linux-image-6.1.0-50-amd64.deb
VM_TESTS ?= tests/domain/run tests/domain/abi tests/domain/pause
$(VM_KERNEL): unikernel-runtime/fetch/pins
	$(call say,FETCH,$@)
	$(Q)sh unikernel-runtime/fetch/fetch linux $(CACHE) && touch $@
.PHONY: check-vm vm-built
vm-built: $(BUILD)/bin/hostel-hv $(BUILD)/bin/hostel-fs $(BUILD)/tests/pause $(BUILD)/tests/control \
    $(BUILD)/images/test-clocks $(SYSROOT) $(addprefix $(BUILD)/guests/,$(ABI_GUESTS)) $(VM_KERNEL)
check-vm:
	$(Q)$(MAKE) --no-print-directory deps PACKAGES='$(PACKAGES) $(VM_PACKAGES)'
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) vm-built
	$(Q)$(TEST_ENV) tests/vm/check $(abspath $(VM_KERNEL)) $(VM_TESTS)

# ------------------------------------------------------------------- install

# make install PREFIX=/usr DESTDIR=/tmp/package. Programs find hostel-hv, the
# sysroot and the toolchain from where they are themselves.
INSTALLED := hostel hosteld hostel-hv hostel-fs hostel-volume hostel-cc \
    hostel-ledger
BINDIR = $(DESTDIR)$(PREFIX)/bin
LIBDIR = $(DESTDIR)$(PREFIX)/lib
DATADIR = $(DESTDIR)$(PREFIX)/share
install: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) all
	$(Q)$(MAKE) --no-print-directory install-files install-sysroot
.PHONY: install-files
install-files:
	install -d $(BINDIR) $(LIBDIR)/hostel $(LIBDIR)/systemd/system \
	    $(DATADIR)/hostel/ratecards $(DATADIR)/bash-completion/completions \
	    $(DESTDIR)/etc/hostel
	install -m 755 $(addprefix $(BUILD)/bin/,$(INSTALLED)) $(BINDIR)
	install -m 755 node-agent/builder/toolchain $(LIBDIR)/hostel/make-toolchain
	node-agent/builder/toolchain $(LIBDIR)/hostel/toolchain \
	    $(BUILD)/bin/hostel-cc $(SYSROOT_DIR)
	for page in $(MANUALS); do \
	    install -D -m 644 $$page $(DATADIR)/man/man$${page##*.}/$${page##*/} \
	        || exit 1; done
	install -m 644 node-agent/cli/hostel.bash \
	    $(DATADIR)/bash-completion/completions/hostel
	sed 's|@PREFIX@|$(PREFIX)|g' node-agent/agent/hosteld.service \
	    >$(LIBDIR)/systemd/system/hosteld.service
	install -m 644 node-agent/agent/hosteld.socket $(LIBDIR)/systemd/system
	install -m 644 billing/ratecards/*.cfg $(DATADIR)/hostel/ratecards
	[ -e $(DESTDIR)/etc/hostel/ratecard.cfg ] || install -m 644 \
	    billing/ratecards/default.cfg $(DESTDIR)/etc/hostel/ratecard.cfg

# ---------------------------------------------------------------------- demo

demo: deps
	@echo "building (the first time this takes some minutes: newlib is fetched and built)"
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) all
	$(Q)$(TEST_ENV) tests/demo

# meter: fixed work as a process and in a domain, by the same compiler.
METER_CFLAGS := -O2 -falign-functions=64 -falign-loops=64 -fno-pie
$(BUILD)/bench/meter: tests/bench/meter.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(METER_CFLAGS) -static -no-pie -o $@ $<
$(BUILD)/images/meter: tests/bench/meter.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) $(METER_CFLAGS) -o $@ $<
$(BUILD)/bin/meter-cpu: tests/bench/meter-cpu.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CPPFLAGS) $(HOST_CFLAGS) $(HOST_LDFLAGS) -o $@ $<
BENCH_BUILT += $(BUILD)/bench/meter $(BUILD)/images/meter $(BUILD)/bin/meter-cpu
BENCHES += tests/bench/meter-work tests/bench/meter-books \
    tests/bench/meter-kinds tests/bench/meter-cost \
    tests/bench/budget

# libc, lua: one source for a domain and for Linux, by the same compiler.
$(BUILD)/bench/libc: tests/bench/libc_cost.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 -o $@ $<
$(BUILD)/images/libc: tests/bench/libc_cost.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -O2 -o $@ $<
$(BUILD)/bench/lua: $(BUILD)/images/lua/complete
	$(Q)rm -rf $(BUILD)/bench/lua-source && mkdir -p $(BUILD)/bench/lua-source && \
	tar -C $(BUILD)/bench/lua-source --strip-components=1 \
	    -xf $(C_ABS)/src/lua5.4_*.orig.tar.gz && \
	$(MAKE) -s -C $(BUILD)/bench/lua-source/src \
	    CC="$(HOSTCC) -std=gnu99 -fno-pie" MYLDFLAGS=-no-pie \
	    SYSCFLAGS=-DLUA_USE_POSIX lua >/dev/null && \
	cp $(BUILD)/bench/lua-source/src/lua $@
# image: how large and how quick an image is.
$(BUILD)/images/boot: tests/bench/boot.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -O2 -o $@ $<
BENCH_BUILT += $(BUILD)/images/boot
BENCHES += tests/bench/image
BENCH_BUILT += $(BUILD)/bench/libc $(BUILD)/images/libc $(BUILD)/bench/lua
BENCHES += tests/bench/libc tests/bench/lua

# sqlite: its own benchmark, from the source that images/sqlite was built of.
BENCHES += tests/bench/sqlite
BENCH_BUILT += $(BUILD)/bench/speedtest1 $(BUILD)/bin/hostel-fs
$(BUILD)/bench/speedtest1: images/sqlite/build | $(BUILD)/images/sqlite/complete
	@mkdir -p $(@D)
	$(Q)cd $(C_ABS)/port-sqlite-*/source && \
	$(HOSTCC) $$(sed -n '/^options=/,/[^\\]$$/p' $(CURDIR)/images/sqlite/build | \
	    tr -d '"\\\n' | sed 's/^options=//') -fno-pie -no-pie -I. \
	    -o $(abspath $@) test/speedtest1.c sqlite3.c -lm -lpthread

# cpu: fixed work again, of three kinds, timed from inside.
BENCHES += tests/bench/cpu
BENCH_BUILT += $(BUILD)/bench/cpu-kernel $(BUILD)/images/cpu-kernel
$(BUILD)/bench/cpu-kernel: tests/bench/cpu-kernel.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(METER_CFLAGS) -static -no-pie -o $@ $<
$(BUILD)/images/cpu-kernel: tests/bench/cpu-kernel.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) $(METER_CFLAGS) -o $@ $<

# doorbell, upcall: how far a guest and its monitor are apart.
BENCHES += tests/bench/doorbell tests/bench/upcall
BENCH_BUILT += $(BUILD)/guests/abi_latency

# shares: who gets how much of a CPU, or a disk, that all want.
BENCHES += tests/bench/shares
BENCH_BUILT += $(BUILD)/images/spinner
$(BUILD)/images/spinner: tests/bench/spinner.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -O2 -o $@ $<

# isolation: victims beside aggressors.
BENCHES += tests/bench/isolation
BENCH_BUILT += $(BUILD)/images/isolation $(BUILD)/bench/isolation
$(BUILD)/images/isolation: tests/bench/isolation.c hypervisor/abi/hv.h $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -std=gnu11 -O2 -I. -o $@ $<
$(BUILD)/bench/isolation: tests/bench/isolation.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -o $@ $<

# density: an image that is idle, in ten thousand domains.
BENCHES += $(BUILD)/bench/density
BENCH_BUILT += $(BUILD)/images/idle
$(BUILD)/images/idle: tests/bench/idle.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -O2 -o $@ $<
$(BUILD)/bench/density: $(BUILD)/obj/tests/bench/density.o \
    $(BUILD)/obj/tests/domain/drive.o $(LIB_SRCS:%.c=$(BUILD)/obj/%.o)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^
DEPFILES += $(BUILD)/obj/tests/bench/density.d

# frames: a network device's rings against its TAP.
BENCHES += tests/bench/frames
BENCH_BUILT += $(BUILD)/bench/frames-tap $(BUILD)/guests/abi_frames
$(BUILD)/bench/frames-tap: tests/bench/frames-tap.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 $(WARN) -D_GNU_SOURCE -o $@ $<

# tcp: connections of a domain against those of Linux, over one bridge.
BENCHES += tests/bench/tcp
BENCH_BUILT += $(BUILD)/bench/tcp-peer $(BUILD)/images/tcp-peer
$(BUILD)/bench/tcp-peer: tests/bench/tcp-peer.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 $(WARN) -D_GNU_SOURCE -o $@ $< -lpthread
$(BUILD)/images/tcp-peer: tests/bench/tcp-peer.c $(SYSROOT)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -O2 -o $@ $<

# http: a web server in a domain against the same one as a Linux process.
BENCHES += tests/bench/http
BENCH_BUILT += $(BUILD)/bench/lighttpd $(BUILD)/images/lighttpd/complete \
    $(BUILD)/bench/nginx
$(BUILD)/bench/lighttpd: images/lighttpd/build tests/bench/http-peer
	$(call say,PORT,$@)
	@mkdir -p $(@D)
	$(Q)tests/bench/http-peer $(C_ABS) $(abspath $@)
$(BUILD)/bench/nginx: tests/bench/http-nginx
	$(Q)tests/bench/http-nginx $(abspath $@)

# Prerequisites are read at once, so this comes after all that adds to them.
tests-built: all $(UNIT_TESTS) $(TEST_BUILT)
bench-built: all $(filter $(BUILD)/%,$(BENCHES)) $(BENCH_BUILT)
