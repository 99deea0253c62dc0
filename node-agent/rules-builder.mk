# builder: the role that compiles, and the root it compiles in.
BUILDER_SRCS := $(addprefix node-agent/builder/, builder.c build.c sandbox.c \
    slot.c house.c filter.c image.c)

# What a build sees as its root folder; hosteld's key toolchain_dir.
TOOLCHAIN_DIR := $(BUILD)/toolchain
TOOLCHAIN := $(TOOLCHAIN_DIR)/toolchain.id
BUILDER_GCC := $(wildcard $(shell $(HOSTCC) -print-prog-name=cc1 2>/dev/null))
$(TOOLCHAIN): node-agent/builder/toolchain $(BUILDER_GCC) $(HOSTEL_CC) $(SYSROOT)
	$(call say,ROOT,$(TOOLCHAIN_DIR))
	$(Q)node-agent/builder/toolchain $(TOOLCHAIN_DIR) $(HOSTEL_CC) $(SYSROOT_DIR)
	@touch $@
.PHONY: toolchain
toolchain: $(TOOLCHAIN)
all: toolchain

$(call unit-test,builder-image,tests/unit/builder_image_test.c \
    node-agent/builder/image.c $(LIB_SRCS),-lsodium)
