# tests: check, bench, fuzz, demo, install. The rules use `=` variables that
# every folder's rules.mk has filled by the time a recipe runs.

LINT_TESTS := tests/lint/manuals

NPROC := $(shell nproc 2>/dev/null || echo 2)
TEST_ENV = HOSTEL_ROOT=$(CURDIR) HOSTEL_BUILD=$(B_ABS) HOSTEL_CACHE=$(C_ABS) \
    MANUALS='$(MANUALS)'

# make check T=pattern: only the tests whose path contains the pattern.
T ?=
RUN_TESTS = $(TEST_ENV) tests/run --log $(BUILD)/tests/log $(if $(T),--only '$(T)')

# Packages come first, in a make of their own: what is built asks for them.
check: deps
	$(Q)$(MAKE) --no-print-directory -j$(NPROC) tests-built
	$(Q)$(RUN_TESTS) unit $(UNIT_TESTS) \
	    script $(if $(MANUALS),$(LINT_TESTS)) $(DOMAIN_TESTS) $(E2E_TESTS)

.PHONY: tests-built
tests-built: programs $(UNIT_TESTS) $(TEST_BUILT)
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

# What stands in for a compiler that its input has taken over: it must run
# where there are no libraries.
TEST_BUILT += $(BUILD)/bin/taken-compiler $(TOOLCHAIN)
$(BUILD)/bin/taken-compiler: tests/e2e/taken_compiler.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O1 $(WARN) -D_GNU_SOURCE -static -o $@ $<
E2E_TESTS += tests/e2e/build
