# images: guest programs that ship with the node, $(BUILD)/images/NAME each.

IMAGES :=
IMAGE_CFLAGS := -std=c11 -O2 $(WARN)

# image NAME, SOURCES, LIBS
define image-rule
IMAGES += $(BUILD)/images/$(1)
$(BUILD)/images/$(1): $(2) $(SYSROOT)
	$$(call say,IMAGE,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(HOSTEL_CC) $(IMAGE_CFLAGS) -o $$@ $(2) $(3)
endef
image = $(eval $(call image-rule,$(strip $(1)),$(strip $(2)),$(strip $(3))))

$(call image,hello,images/hello/hello.c)
$(call image,primes,images/primes/primes.c)
$(call image,crash,images/crash/crash.c)

# Other people's software (images/port): folders $(BUILD)/images/NAME, by
# `make images/NAME`.
PORTS := lua zlib jansson libsodium protobuf-c sqlite mbedtls lighttpd \
    memcached lwip
PORTS_BUILT := $(PORTS:%=$(BUILD)/images/%/complete)
define port-rule
$(BUILD)/images/$(1)/complete: $$(shell find images/$(1) -type f) images/port \
    $(SYSROOT) $(SDK)
	$$(call say,PORT,$$(@D))
	$$(Q)images/port $(1) $(B_ABS) $(C_ABS) $(NEWLIB)
	@touch $$@
.PHONY: images/$(1)
images/$(1): $(BUILD)/images/$(1)/complete
endef
$(foreach p,$(PORTS),$(eval $(call port-rule,$(p))))

.PHONY: images
images: $(IMAGES)
all: images
