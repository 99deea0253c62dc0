# keeper and ledgerd: the roles that hold the node's state.
#   KEEPER_SRCS   needs $(BUNDLE_SRCS), $(AGENT_IPC_SRCS), billing/usage.c,
#                 $(LIB_SRCS) and $(LIB_DB_SRCS)
#   LEDGERD_SRCS  needs $(LEDGER_SRCS), $(AGENT_IPC_SRCS), $(LIB_SRCS) and
#                 $(LIB_DB_SRCS)
# KEEPER_CORE_SRCS and LEDGERD_CORE_SRCS are the same without the role's main.
CHAN_SRCS := node-agent/keeper/chan.c
KEEPER_CORE_SRCS := $(CHAN_SRCS) $(addprefix node-agent/keeper/, sub.c \
    console.c feed.c journal.c store.c lane.c waiter.c meter.c admit.c image.c machine.c schedule.c start.c service.c function.c cache.c people.c audit.c quota.c \
    period.c volume.c volume_bill.c volume_serve.c volume_row.c volume_attach.c \
    dom.c dom_shelf.c shelf.c net.c dom_row.c dom_ask.c dom_info.c dom_serve.c \
    submit.c serve.c news.c recover.c cmdline.c cputime.c keeper.c)
KEEPER_SRCS := $(KEEPER_CORE_SRCS) node-agent/keeper/main.c
KEEPER_LIBS := $(BUNDLE_LIBS) $(LIB_DB_LIBS)

LEDGERD_CORE_SRCS := $(addprefix node-agent/ledgerd/, ledgerd.c request.c money.c \
    document.c later.c books_clock.c)
LEDGERD_SRCS := $(LEDGERD_CORE_SRCS) node-agent/ledgerd/main.c
LEDGERD_LIBS := $(LEDGER_LIBS)

KEEPER_TEST_SRCS := tests/unit/keeper_world.c $(KEEPER_CORE_SRCS) \
    node-agent/agent/network.c \
    $(BUNDLE_SRCS) $(AGENT_IPC_SRCS) billing/usage.c $(LIB_SRCS) $(LIB_DB_SRCS)
$(call unit-test,keeper_submit,tests/unit/keeper_submit.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,keeper_dom,tests/unit/keeper_dom.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,keeper_net,tests/unit/keeper_net.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,keeper_recover,tests/unit/keeper_recover.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,keeper_volume,tests/unit/keeper_volume.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,keeper_serve,tests/unit/keeper_serve.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,keeper_service,tests/unit/keeper_service.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,keeper_function,tests/unit/keeper_function.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,keeper_meter,tests/unit/keeper_meter.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,keeper_store,tests/unit/keeper_store.c $(KEEPER_TEST_SRCS),$(KEEPER_LIBS))
$(call unit-test,shelf,tests/unit/shelf_test.c node-agent/keeper/shelf.c \
    $(LIB_SRCS),-lsodium)
$(call unit-test,keeper_lane,tests/unit/keeper_lane.c node-agent/keeper/lane.c,)
$(call unit-test,ledgerd_serve,tests/unit/ledgerd_serve.c $(LEDGERD_CORE_SRCS) \
    $(CHAN_SRCS) $(AGENT_IPC_SRCS) $(LEDGER_SRCS) $(LIB_SRCS) $(LIB_DB_SRCS),$(LEDGERD_LIBS))

E2E_TESTS += tests/e2e/volumes tests/e2e/holds
E2E_TESTS += tests/e2e/soak tests/e2e/adverse
E2E_TESTS += tests/e2e/outputs tests/e2e/crash tests/e2e/modes tests/e2e/people tests/e2e/operations
E2E_TESTS += tests/e2e/upgrade
