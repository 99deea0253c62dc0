# The api role (HTTP), and hostel, the command line.
#   API_SRCS       the role; needs $(BUNDLE_SRCS), $(RECEIPT_SRCS),
#                  $(AGENT_IPC_SRCS) and lib's sets besides, and $(API_LIBS)
#   API_TEST_SRCS  all that but the role's main, for tests
API_SIG_SRCS := node-agent/api/httpsig.c
API_SRCS := $(API_SIG_SRCS) $(addprefix node-agent/api/, main.c api.c mux.c \
    tls.c rate.c waits.c metrics.c health.c utf8.c events.c feed.c etag.c list.c \
    act.c control.c server.c conn.c route.c request.c reply.c auth.c times.c nonces.c \
    upload.c spool.c known.c render.c document.c node.c submission.c console.c \
    account.c call.c people.c billing.c currency.c attach.c)
API_SRCS += node-agent/api/volume.c $(VOLUME_FRAME_SRCS)
# The API's description is in the program.
API_SRCS += gen/openapi.c
$(BUILD)/gen/openapi.c: node-agent/api/openapi.json
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q){ printf '#include <stddef.h>\nconst char api_openapi[] = {'; \
	    od -An -v -tu1 $< | sed 's/  */,/g; s/^,//; s/$$/,/'; \
	    printf '0};\nconst size_t api_openapi_len = sizeof(api_openapi) - 1;\n'; \
	} >$@.tmp && mv $@.tmp $@
API_LIBS := -lmicrohttpd -lgnutls -lsodium -lpthread
API_TEST_SRCS = node-agent/agent/tls.c node-agent/agent/cert.c node-agent/agent/identity.c $(filter-out %/api/main.c,$(API_SRCS)) $(BUNDLE_SRCS) \
    $(RECEIPT_SRCS) $(AGENT_IPC_SRCS) $(LIB_SRCS) $(LIB_JSON_SRCS)
API_TEST_LIBS = $(API_LIBS) $(BUNDLE_LIBS) $(RECEIPT_LIBS) $(LIB_JSON_LIBS)

# hostel: the client.
CLI_SRCS := $(addprefix node-agent/cli/, main.c cmd.c context.c client.c place.c trace.c sse.c cmd_events.c \
    attach.c show.c bundle_opts.c cmd_keygen.c cmd_context.c cmd_node.c \
    cmd_bundle.c cmd_inspect.c cmd_verify.c cmd_quote.c cmd_submit.c \
    cmd_show.c cmd_console.c cmd_outputs.c outputs.c cmd_receipt.c cmd_invoice.c cmd_account.c account_money.c \
    cmd_statement.c cmd_witness.c cmd_call.c ask.c cmd_people.c cmd_key.c cmd_debug.c ctl.c ctl_console.c \
    dom_config.c dom_device.c cmd_devices.c cmd_create.c cmd_control.c cmd_domains.c cmd_top.c)
CLI_SRCS += $(addprefix node-agent/cli/, cmd_volume.c tar.c)
# What a domain's file says, as hostel-hv reads it.
CLI_CONFIG_SRCS := $(addprefix hypervisor/monitor/, config.c disk.c vif.c)
$(call host-program,hostel,$(CLI_SRCS) node-agent/agent/cert.c $(API_SIG_SRCS) $(BUNDLE_SRCS) \
    $(CLI_CONFIG_SRCS) $(AGENT_IPC_SRCS) $(RECEIPT_SRCS) $(LIB_SRCS) $(LIB_JSON_SRCS),\
    -lcurl -lpthread $(ARCHIVE_LIBS) $(BUNDLE_LIBS) $(RECEIPT_LIBS) $(LIB_JSON_LIBS))

$(call unit-test,httpsig,tests/unit/httpsig_test.c $(API_SIG_SRCS) $(LIB_SRCS),-lsodium)
$(call unit-test,cert,tests/unit/cert_test.c node-agent/agent/cert.c \
    $(LIB_SRCS),-lsodium -lgnutls)
$(call unit-test,rate,tests/unit/rate_test.c node-agent/api/rate.c $(LIB_SRCS),\
    -lsodium -lpthread)
$(call unit-test,events,tests/unit/events_test.c node-agent/api/utf8.c \
    node-agent/cli/sse.c $(LIB_SRCS),)
$(call unit-test,nonces,tests/unit/nonces_test.c node-agent/api/nonces.c,\
    -lsodium -lpthread)
$(call unit-test,api,tests/unit/api_test.c tests/unit/api_fake.c \
    $(API_TEST_SRCS),$(API_TEST_LIBS))
$(call unit-test,api_upload,tests/unit/api_upload_test.c tests/unit/api_fake.c \
    $(API_TEST_SRCS),$(API_TEST_LIBS))
$(call unit-test,cli,tests/unit/cli_test.c tests/unit/api_fake.c \
    $(CLI_CONFIG_SRCS) $(filter-out %/cli/main.c,$(CLI_SRCS)) $(API_TEST_SRCS),\
    -lcurl $(ARCHIVE_LIBS) $(API_TEST_LIBS))
MANUALS += node-agent/cli/hostel.1

# Load for a node, and the script that starts one and audits it afterwards.
SUBMIT_LOAD_SRCS := tests/bench/submit.c tests/bench/link.c $(API_SIG_SRCS) $(BUNDLE_SRCS) \
    $(RECEIPT_SRCS) $(LIB_SRCS) $(LIB_JSON_SRCS)
$(BUILD)/bench/submit-load: $(patsubst %.c,$(BUILD)/obj/%.o,$(SUBMIT_LOAD_SRCS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^ -lpthread $(BUNDLE_LIBS) \
	    $(RECEIPT_LIBS) $(LIB_JSON_LIBS)
FUNCTION_LOAD_SRCS := tests/bench/function.c tests/bench/link.c $(API_SIG_SRCS) \
    $(BUNDLE_SRCS) $(LIB_SRCS)
$(BUILD)/bench/function-load: $(patsubst %.c,$(BUILD)/obj/%.o,$(FUNCTION_LOAD_SRCS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^ -lpthread $(BUNDLE_LIBS)
DEPFILES += $(patsubst %,$(BUILD)/obj/tests/bench/%.d,submit function link)
API_LOAD_SRCS := tests/bench/api.c tests/bench/link.c node-agent/agent/cert.c \
    $(API_SIG_SRCS) $(BUNDLE_SRCS) $(LIB_SRCS)
$(BUILD)/bench/api-load: $(patsubst %.c,$(BUILD)/obj/%.o,$(API_LOAD_SRCS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^ -lpthread -lgnutls $(BUNDLE_LIBS)
DEPFILES += $(BUILD)/obj/tests/bench/api.d
BENCHES += tests/bench/api
BENCH_BUILT += $(BUILD)/bench/api-load
# Many customers' submissions for tests/e2e/soak.
$(call host-program,soak-load,tests/e2e/soak_load.c tests/bench/link.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),-lpthread $(BUNDLE_LIBS))
BENCHES += tests/bench/submit tests/bench/function tests/bench/storm
BENCH_BUILT += $(BUILD)/bench/submit-load $(BUILD)/bench/function-load

# A hostile HTTP client, and what signs its requests.
$(call host-program,http-sign,tests/e2e/http_sign.c $(API_SIG_SRCS) \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
E2E_TESTS += tests/e2e/http tests/e2e/follow tests/e2e/tls tests/e2e/metrics \
    tests/e2e/hostile tests/e2e/api

FUZZERS += tests/fuzz/httpsig.c tests/fuzz/quote.c tests/fuzz/account.c \
    tests/fuzz/sse.c
FUZZ_SRCS_account := $(filter-out %/api/account.c,$(API_TEST_SRCS))
FUZZ_LIBS_account := $(API_TEST_LIBS)
FUZZERS += tests/fuzz/outputs.c
FUZZ_SRCS_outputs := node-agent/bundle/path.c node-agent/bundle/text.c $(LIB_SRCS)
$(call unit-test,outputs,tests/unit/outputs_test.c node-agent/cli/outputs.c \
    node-agent/bundle/path.c node-agent/bundle/text.c $(LIB_SRCS),)
FUZZ_SRCS_sse := node-agent/api/utf8.c $(LIB_SRCS)
FUZZ_SRCS_httpsig := $(LIB_SRCS)
FUZZ_LIBS_httpsig := -lsodium
FUZZ_SRCS_quote := $(filter-out %/api/node.c,$(API_TEST_SRCS))
FUZZ_LIBS_quote := $(API_TEST_LIBS)
