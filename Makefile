# Hostel: the two commands are `make demo` and `make check`; see README.md.
#
# Each folder has a rules.mk with explicit source lists. Host programs are
# built with HOSTCC, guest code with the runtime's own compiler driver
# (hostel-cc); the two are never mixed. Everything built lands in $(BUILD),
# everything fetched in $(CACHE); both are ignored by git.
#
#   V=1           show the commands
#   BUILD=dir     build somewhere else
#   B=group       with `make bench`: only the figures named group.*

BUILD  ?= build
CACHE  ?= cache
PREFIX ?= /usr/local
DESTDIR ?=
HOSTCC ?= gcc
# Absolute, since some tools run from another folder.
B_ABS := $(abspath $(BUILD))
C_ABS := $(abspath $(CACHE))

ifneq ($(V),1)
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

WARN := -Wall -Wextra -Werror -Wvla -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wshadow
HOST_CPPFLAGS := -D_GNU_SOURCE -I. -I$(BUILD)/gen
HOST_CFLAGS := -std=gnu11 -O2 -g -fstack-protector-strong -fPIE \
               -D_FORTIFY_SOURCE=2 $(WARN)
HOST_LDFLAGS := -pie -Wl,-z,relro,-z,now
ASAN_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer \
               -fsanitize=address,undefined -fno-sanitize-recover=all $(WARN)
ASAN_LDFLAGS := -fsanitize=address,undefined

# What a Debian 12 machine needs; `make deps` installs what is missing.
PACKAGES := gcc libc6-dev binutils make pkg-config ca-certificates xz-utils \
    libsodium-dev libcurl4-openssl-dev libprotobuf-c-dev protobuf-c-compiler \
    libjansson-dev libmicrohttpd-dev libgnutls28-dev libsqlite3-dev \
    minisign bubblewrap mandoc sqlite3 jq curl procps python3 \
    qemu-system-common qemu-utils python3-jsonschema gdb iproute2 iputils-ping \
    libnftables-dev libmnl-dev nftables \
    netcat-openbsd bind9-dnsutils wrk iperf3 fio \
    libarchive-dev

.PHONY: all deps check unit domain e2e bench fuzz install demo clean format
all: programs

# ---------------------------------------------------------------- templates

# host-program NAME, SOURCES, LIBS: $(BUILD)/bin/NAME
define host-program-rule
PROGRAMS += $(BUILD)/bin/$(1)
$(BUILD)/bin/$(1): $(patsubst %.c,$(BUILD)/obj/%.o,$(2))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $$(HOST_LDFLAGS) -o $$@ $$^ $(3)
DEPFILES += $(patsubst %.c,$(BUILD)/obj/%.d,$(2))
endef
host-program = $(eval $(call host-program-rule,$(strip $(1)),$(strip $(2)),$(strip $(3))))

# unit-test NAME, SOURCES, LIBS: $(BUILD)/tests/unit/NAME, under ASan and
# UBSan. It passes by exiting 0; its output is shown when it does not.
define unit-test-rule
UNIT_TESTS += $(BUILD)/tests/unit/$(1)
$(BUILD)/tests/unit/$(1): $(patsubst %.c,$(BUILD)/asan/%.o,$(2))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $(ASAN_LDFLAGS) -o $$@ $$^ $(3)
DEPFILES += $(patsubst %.c,$(BUILD)/asan/%.d,$(2))
endef
unit-test = $(eval $(call unit-test-rule,$(strip $(1)),$(strip $(2)),$(strip $(3))))

# protobuf FILE.proto: generated C, named $(BUILD)/gen/FILE.pb-c.c. A source
# list names it as `gen/FILE.pb-c.c`, code includes it as "FILE.pb-c.h".
define protobuf-rule
GENERATED += $(BUILD)/gen/$(notdir $(1:.proto=.pb-c.h))
$(BUILD)/gen/$(notdir $(1:.proto=.pb-c.c)) $(BUILD)/gen/$(notdir $(1:.proto=.pb-c.h)) &: $(1)
	$$(call say,PROTOC,$(1))
	@mkdir -p $(BUILD)/gen
	$$(Q)protoc-c --proto_path=$(dir $(1)) --c_out=$(BUILD)/gen $(1)
endef
protobuf = $(eval $(call protobuf-rule,$(strip $(1))))

# flags NAME, FLAGS: $(BUILD)/flags/NAME, on which all depends that is compiled
# with these; it changes when they do. A first one is old: what there is already
# was compiled with them.
define flags-text
$(shell mkdir -p $(BUILD)/flags; f=$(BUILD)/flags/$(1); \
    if [ ! -e $$f ]; then printf '%s\n' '$(2)' >$$f; touch -d @1 $$f; \
    elif [ "$$(cat $$f)" != '$(2)' ]; then printf '%s\n' '$(2)' >$$f; fi)
endef
flags = $(if $(call flags-text,$(strip $(1)),$(strip $(2))),)

# Tests that are scripts add themselves here. Each prints `ok NAME`,
# `FAILED NAME: why` or `skipped NAME: why`, a line a case; see tests/run.
DOMAIN_TESTS :=
E2E_TESTS :=
BENCHES :=
FUZZERS :=
MANUALS :=
GENERATED :=

include lib/rules.mk
include unikernel-runtime/rules.mk
include hypervisor/rules.mk
include billing/rules.mk
include node-agent/rules.mk
include images/rules.mk
include tests/rules.mk

# -------------------------------------------------------------------- rules

.PHONY: programs
programs: $(PROGRAMS)

$(call flags,host,$(HOST_CPPFLAGS) $(HOST_CFLAGS))
$(call flags,asan,$(HOST_CPPFLAGS) $(ASAN_CFLAGS))
$(BUILD)/obj/%.o: %.c $(BUILD)/flags/host | $(GENERATED)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CPPFLAGS) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/asan/%.o: %.c $(BUILD)/flags/asan | $(GENERATED)
	$(call say,CC-ASAN,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CPPFLAGS) $(ASAN_CFLAGS) -MMD -MP -c -o $@ $<

# Generated code is not ours to warn about.
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CPPFLAGS) $(HOST_CFLAGS) -w -c -o $@ $<
$(BUILD)/asan/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CPPFLAGS) $(ASAN_CFLAGS) -w -c -o $@ $<

-include $(sort $(DEPFILES))

# `deps` asks dpkg only when the list changed; it installs only what is missing.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
deps: $(CACHE)/deps-$(shell printf '%s' '$(PACKAGES)' | cksum | cut -d' ' -f1)
$(CACHE)/deps-%:
	$(Q)missing=$$(for p in $(PACKAGES); do \
	    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' \
	    || echo $$p; done); \
	if [ -n "$$missing" ]; then echo "installing:" $$missing; \
	    $(SUDO) apt-get update -qq && \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	        --no-install-recommends $$missing >/dev/null; fi
	@mkdir -p $(CACHE) && touch $@

clean:
	rm -rf $(BUILD)

format:
	clang-format -i $$(git ls-files '*.c' '*.h')
