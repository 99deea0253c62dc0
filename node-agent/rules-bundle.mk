# bundle: keys, manifests, bundles and archives, for the client and the node.
# A program lists $(BUNDLE_SRCS) $(LIB_SRCS) and links $(BUNDLE_LIBS).
BUNDLE_SRCS := $(addprefix node-agent/bundle/, bundle.c write.c manifest.c \
    wire.c key.c signature.c path.c options.c text.c \
    cpio.c recipe.c plan.c) gen/manifest.pb-c.c
BUNDLE_LIBS := -lsodium -lprotobuf-c

$(call protobuf,node-agent/proto/manifest.proto)

$(call unit-test,bundle_manifest_test,tests/unit/bundle_manifest_test.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
$(call unit-test,bundle_reader_test,tests/unit/bundle_reader_test.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
$(call unit-test,bundle_key_test,tests/unit/bundle_key_test.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
$(call unit-test,bundle_plan_test,tests/unit/bundle_plan_test.c \
    $(BUNDLE_SRCS) $(LIB_SRCS),$(BUNDLE_LIBS))
