# node-agent: hosteld, one program holding all roles, and hostel, the CLI.
# Each role's own file lists its sources.
AGENT_IPC_SRCS := node-agent/agent/ipc.c
CGROUP_SRCS := node-agent/spawner/cgroup.c node-agent/spawner/cgroup_tree.c

-include node-agent/rules-bundle.mk
-include node-agent/rules-builder.mk
-include node-agent/rules-keeper.mk
-include node-agent/rules-api.mk

$(call unit-test,ipc,tests/unit/ipc_test.c $(AGENT_IPC_SRCS) $(LIB_SRCS),)
$(call unit-test,config,tests/unit/config_test.c node-agent/agent/config.c $(LIB_SRCS),)
$(call unit-test,cgroup,tests/unit/cgroup_test.c $(CGROUP_SRCS) $(LIB_SRCS),)
