# bundle: keys, manifests, bundles and archives, for the client and the node.
# A program lists $(BUNDLE_SRCS) $(LIB_SRCS) and links $(BUNDLE_LIBS).
BUNDLE_SRCS := $(addprefix node-agent/bundle/, bundle.c write.c manifest.c \
    wire.c key.c key_proof.c signature.c path.c options.c text.c \
    cpio.c recipe.c plan.c plan_run.c plan_net.c secrets.c volumes.c) gen/manifest.pb-c.c
BUNDLE_LIBS := -lsodium -lprotobuf-c

$(call protobuf,node-agent/proto/manifest.proto)

$(call unit-test,bundle_manifest_test,tests/unit/bundle_manifest_test.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
$(call unit-test,bundle_secrets_test,tests/unit/bundle_secrets_test.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
$(call unit-test,bundle_reader_test,tests/unit/bundle_reader_test.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
$(call unit-test,bundle_key_test,tests/unit/bundle_key_test.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
$(call unit-test,bundle_plan_test,tests/unit/bundle_plan_test.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
E2E_TESTS += tests/e2e/bundle-minisign

# What a harness links beside itself; it includes the file it is about.
FUZZERS += tests/fuzz/bundle.c tests/fuzz/manifest.c tests/fuzz/cfg.c
FUZZ_SRCS_bundle := $(filter-out %/bundle.c,$(BUNDLE_SRCS)) $(LIB_SRCS)
FUZZ_SRCS_manifest := $(filter-out %/wire.c,$(BUNDLE_SRCS)) $(LIB_SRCS)
FUZZ_SRCS_cfg := $(filter-out %/recipe.c,$(BUNDLE_SRCS)) \
    $(filter-out %/cfg.c,$(LIB_SRCS))
FUZZ_LIBS_bundle := $(BUNDLE_LIBS)
FUZZ_LIBS_manifest := $(BUNDLE_LIBS)
FUZZ_LIBS_cfg := $(BUNDLE_LIBS)
MANUALS += node-agent/bundle/bundle.cfg.5
