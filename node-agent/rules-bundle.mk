# bundle: keys, manifests, bundles and archives, for the client and the node.
# A program lists $(BUNDLE_SRCS) $(LIB_SRCS) and links $(BUNDLE_LIBS).
BUNDLE_SRCS := $(addprefix node-agent/bundle/, bundle.c write.c manifest.c \
    wire.c key.c signature.c path.c options.c text.c) gen/manifest.pb-c.c
BUNDLE_LIBS := -lsodium -lprotobuf-c

$(call protobuf,node-agent/proto/manifest.proto)
