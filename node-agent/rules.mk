# node-agent: hosteld, one program holding all roles, and hostel, the CLI.
# Each role's own file lists its sources.
AGENT_IPC_SRCS := node-agent/agent/ipc.c node-agent/agent/reserve.c node-agent/agent/device.c \
    node-agent/agent/ticket.c
# What a role gives up; needs LIB_SRCS.
AGENT_ROLE_SRCS := node-agent/agent/role.c node-agent/agent/seal.c
# What follows from the network's configuration.
NETWORK_SRCS := node-agent/agent/network.c
# The role net; needs hypervisor/monitor/vif.c, too.
NETD_SRCS := $(addprefix node-agent/netd/, netd.c rules.c link.c)
NETD_LIBS := -lnftables -lmnl
CGROUP_SRCS := node-agent/spawner/cgroup.c node-agent/spawner/cgroup_tree.c

include node-agent/rules-bundle.mk
include node-agent/rules-builder.mk
include node-agent/rules-keeper.mk
include node-agent/rules-volume.mk
include node-agent/rules-api.mk

AGENT_SRCS := $(AGENT_IPC_SRCS) $(AGENT_ROLE_SRCS) $(NETWORK_SRCS) \
    $(addprefix node-agent/agent/, config.c config_net.c identity.c cert.c tls.c home.c reload.c backup.c supervisor.c)
# The spawner without what it shares with other roles.
SPAWNER_SRCS := $(CGROUP_SRCS) $(addprefix node-agent/spawner/, spawner.c starts.c outside.c \
    slot.c slot_make.c slot_run.c slot_control.c control.c slot_table.c verdict.c \
    record.c process.c remains.c volume.c \
    cpu_watch.c nursery.c)

HOSTELD_SRCS := node-agent/agent/main.c $(AGENT_SRCS) $(SPAWNER_SRCS) \
    $(NETD_SRCS) hypervisor/monitor/vif.c $(KEEPER_SRCS) $(LEDGERD_SRCS) $(BUILDER_SRCS) $(VOLUMED_SRCS) $(API_SRCS) \
    $(BUNDLE_SRCS) $(LEDGER_SRCS) $(LIB_SRCS) $(LIB_DB_SRCS) $(LIB_JSON_SRCS)
$(call host-program,hosteld,$(sort $(HOSTELD_SRCS)),\
    $(API_LIBS) $(BUNDLE_LIBS) $(LEDGER_LIBS) $(LIB_DB_LIBS) $(LIB_JSON_LIBS) $(NETD_LIBS))

$(call unit-test,ipc,tests/unit/ipc_test.c $(AGENT_IPC_SRCS) $(LIB_SRCS),)
$(call unit-test,device,tests/unit/device_test.c node-agent/agent/device.c \
    node-agent/agent/ticket.c $(LIB_SRCS),)
$(call unit-test,ticket,tests/unit/ticket_test.c node-agent/agent/ticket.c $(LIB_SRCS),)
$(call unit-test,network,tests/unit/network_test.c $(NETWORK_SRCS) $(LIB_SRCS),)
$(call unit-test,config,tests/unit/config_test.c node-agent/agent/config.c \
    node-agent/agent/config_net.c $(NETWORK_SRCS) $(LIB_SRCS),)
$(call unit-test,cgroup,tests/unit/cgroup_test.c $(CGROUP_SRCS) $(LIB_SRCS),)

$(call unit-test,seal,tests/unit/seal_test.c node-agent/agent/seal.c $(LIB_SRCS),)
$(call unit-test,slots,tests/unit/slots_test.c node-agent/spawner/slot_table.c \
    node-agent/spawner/control.c node-agent/spawner/verdict.c billing/usage.c $(LIB_SRCS),)

# The spawner alone, driven by a program that plays supervisor and keeper.
SLOTS_DRIVER_SRCS := tests/domain/slots_driver.c tests/domain/slots_cases.c \
    $(AGENT_ROLE_SRCS) \
    $(AGENT_IPC_SRCS) $(CHAN_SRCS) $(SPAWNER_SRCS) billing/usage.c $(LIB_SRCS)
$(BUILD)/tests/slots-driver: $(patsubst %.c,$(BUILD)/obj/%.o,$(SLOTS_DRIVER_SRCS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^
DEPFILES += $(BUILD)/obj/tests/domain/slots_driver.d \
    $(BUILD)/obj/tests/domain/slots_cases.d
TEST_BUILT += $(BUILD)/tests/slots-driver
DOMAIN_TESTS += tests/domain/slots

MANUALS += node-agent/agent/hosteld.8 node-agent/agent/hosteld.conf.5
E2E_TESTS += tests/e2e/agent tests/e2e/xl tests/e2e/devices
E2E_TESTS += tests/e2e/network tests/e2e/clock
E2E_TESTS += tests/e2e/outside
E2E_TESTS += tests/e2e/engines
FUZZERS += tests/fuzz/net_role.c
FUZZ_SRCS_net_role := node-agent/agent/network.c $(AGENT_IPC_SRCS) $(LIB_SRCS)
FUZZ_LIBS_net_role := $(NETD_LIBS)
