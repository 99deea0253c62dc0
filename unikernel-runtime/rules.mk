# unikernel-runtime: hostel-cc, and the sysroot it compiles against:
#
#   $(BUILD)/sysroot/usr/include        newlib's headers
#   $(BUILD)/sysroot/usr/local/include  ours, which come first
#   $(BUILD)/sysroot/usr/lib            hostel.o (the runtime), libc.a, libm.a,
#                                       image.ld and link.specs
#
# Other folders build guest programs by depending on $(SYSROOT) and running
# $(HOSTEL_CC).

RT := unikernel-runtime
HOSTEL_CC := $(BUILD)/bin/hostel-cc
SYSROOT_DIR := $(BUILD)/sysroot
SYSROOT := $(SYSROOT_DIR)/complete

# newlib is kept in the cache under a name that says how it was built.
NEWLIB_RECIPE := $(RT)/libc/newlib-build $(RT)/cc/target.flags
NEWLIB := $(C_ABS)/newlib-$(shell { cat $(NEWLIB_RECIPE); \
    grep '^newlib ' $(RT)/fetch/pins; $(HOSTCC) -dumpfullversion 2>/dev/null; } | sha256sum | cut -c1-16)

$(NEWLIB)/lib/libc.a:
	$(call say,NEWLIB,$(NEWLIB))
	$(Q)$(RT)/libc/newlib-build $(C_ABS) $(NEWLIB)

# lwIP's source lies in the cache under its digest.
LWIP := $(C_ABS)/lwip-$(shell awk '$$1 == "lwip" { print substr($$6, 1, 16) }' \
    $(RT)/fetch/pins)
$(LWIP)/unpacked:
	$(call say,LWIP,$(LWIP))
	$(Q)$(RT)/fetch/fetch lwip $(C_ABS)
	$(Q)rm -rf $(LWIP) && mkdir -p $(LWIP) && \
	tar -C $(LWIP) --strip-components=1 -xf $(C_ABS)/src/lwip_*.orig.tar.xz
	@touch $@

$(call host-program,hostel-cc,$(RT)/cc/hostel-cc.c $(RT)/cc/tools.c)

# Its other names (cc/tools.c): hostel-TOOL, and what configure looks for.
RT_TOOLS := ar nm ranlib as ld objcopy objdump readelf size strings strip \
    addr2line cpp pkg-config
RT_LINKS := $(RT_TOOLS:%=hostel-%) \
    $(patsubst %,x86_64-hostel-%,cc gcc $(RT_TOOLS))
TOOL_LINKS := $(BUILD)/bin/.tool-links
$(TOOL_LINKS): $(HOSTEL_CC) $(RT)/rules.mk
	$(Q)for link in $(RT_LINKS); do ln -sf hostel-cc $(BUILD)/bin/$$link || exit 1; done
	@touch $@

GENERATED += $(BUILD)/gen/target-flags.h
$(BUILD)/gen/target-flags.h: $(RT)/cc/target.flags
	@mkdir -p $(@D)
	$(Q){ printf '#define TARGET_FLAGS'; \
	    sed 's/.*/ "&",/' $< | tr -d '\n'; echo; } > $@

RT_INCLUDES := $(shell find $(RT)/include -name '*.h')
$(SYSROOT_DIR)/headers: $(NEWLIB)/lib/libc.a $(RT_INCLUDES)
	$(Q)rm -rf $(SYSROOT_DIR)/usr && \
	mkdir -p $(SYSROOT_DIR)/usr/lib $(SYSROOT_DIR)/usr/local && \
	cp -r $(NEWLIB)/include $(SYSROOT_DIR)/usr/include && \
	cp -r $(RT)/include $(SYSROOT_DIR)/usr/local/include && \
	cp $(NEWLIB)/lib/*.a $(SYSROOT_DIR)/usr/lib/
	@touch $@

RT_KERNEL_SRCS := \
    $(RT)/arch/x86_64/entry.c \
    $(RT)/arch/x86_64/switch.c \
    $(RT)/fs/counter.c \
    $(RT)/fs/device.c \
    $(RT)/fs/epoll.c \
    $(RT)/fs/file.c \
    $(RT)/fs/file_lock.c \
    $(RT)/fs/initrd.c \
    $(RT)/fs/outputs.c \
    $(RT)/fs/pipe.c \
    $(RT)/fs/ramfs.c \
    $(RT)/fs/ramfs_file.c \
    $(RT)/fs/vfs.c \
    $(RT)/fs/volume.c \
    $(RT)/fs/volume_behind.c \
    $(RT)/fs/volume_cache.c \
    $(RT)/fs/volume_file.c \
    $(RT)/fs/volume_known.c \
    $(RT)/fs/volume_lock.c \
    $(RT)/fs/volume_name.c \
    $(RT)/front/blk.c \
    $(RT)/front/front.c \
    $(RT)/front/fs.c \
    $(RT)/front/net.c \
    $(RT)/front/virtq.c \
    $(RT)/front/window.c \
    $(RT)/kernel/boot.c \
    $(RT)/kernel/clock.c \
    $(RT)/kernel/console.c \
    $(RT)/kernel/end.c \
    $(RT)/kernel/event.c \
    $(RT)/kernel/lock.c \
    $(RT)/kernel/pages.c \
    $(RT)/kernel/panic.c \
    $(RT)/kernel/random.c \
    $(RT)/kernel/sched.c \
    $(RT)/kernel/signal.c \
    $(RT)/kernel/thread.c \
    $(RT)/kernel/thread_life.c \
    $(RT)/kernel/timeout.c \
    $(RT)/kernel/trap.c
RT_NET_SRCS := \
    $(RT)/net/address.c \
    $(RT)/net/buffer.c \
    $(RT)/net/datagram.c \
    $(RT)/net/device.c \
    $(RT)/net/extent.c \
    $(RT)/net/interface.c \
    $(RT)/net/memory.c \
    $(RT)/net/merge.c \
    $(RT)/net/net.c \
    $(RT)/net/pair.c \
    $(RT)/net/resolve.c \
    $(RT)/net/sack.c \
    $(RT)/net/socket.c \
    $(RT)/net/socket_option.c \
    $(RT)/net/tcp.c \
    $(RT)/net/tcp_option.c \
    $(RT)/net/tcp_receive.c \
    $(RT)/net/tcp_send.c \
    $(RT)/net/timer.c
RT_LIBC_SRCS := \
    $(RT)/arch/x86_64/string.c \
    $(RT)/libc/absent.c \
    $(RT)/libc/alarm.c \
    $(RT)/libc/at.c \
    $(RT)/libc/complex_long.c \
    $(RT)/libc/deadline.c \
    $(RT)/libc/descriptors.c \
    $(RT)/libc/dirent.c \
    $(RT)/libc/epoll.c \
    $(RT)/libc/dirname.c \
    $(RT)/libc/exec.c \
    $(RT)/libc/file_times.c \
    $(RT)/libc/flock.c \
    $(RT)/libc/ftw.c \
    $(RT)/libc/getline.c \
    $(RT)/libc/getopt.c \
    $(RT)/libc/glob.c \
    $(RT)/libc/ifaddrs.c \
    $(RT)/libc/inet.c \
    $(RT)/libc/lock.c \
    $(RT)/libc/malloc.c \
    $(RT)/libc/math_long.c \
    $(RT)/libc/mman.c \
    $(RT)/libc/netdb.c \
    $(RT)/libc/path_limits.c \
    $(RT)/libc/paths.c \
    $(RT)/libc/poll.c \
    $(RT)/libc/process.c \
    $(RT)/libc/pthread.c \
    $(RT)/libc/pthread_attr.c \
    $(RT)/libc/pthread_barrier.c \
    $(RT)/libc/pthread_cancel.c \
    $(RT)/libc/pthread_cond.c \
    $(RT)/libc/pthread_key.c \
    $(RT)/libc/pthread_mutex.c \
    $(RT)/libc/pthread_rwlock.c \
    $(RT)/libc/rand48.c \
    $(RT)/libc/random.c \
    $(RT)/libc/realpath.c \
    $(RT)/libc/reent.c \
    $(RT)/libc/resource.c \
    $(RT)/libc/sched.c \
    $(RT)/libc/search.c \
    $(RT)/libc/semaphore.c \
    $(RT)/libc/semaphore_named.c \
    $(RT)/libc/sendfile.c \
    $(RT)/libc/session.c \
    $(RT)/libc/signal.c \
    $(RT)/libc/signal_old.c \
    $(RT)/libc/socket.c \
    $(RT)/libc/stdio_lock.c \
    $(RT)/libc/syslog.c \
    $(RT)/libc/terminal.c \
    $(RT)/libc/tgamma.c \
    $(RT)/libc/threads.c \
    $(RT)/libc/time.c \
    $(RT)/libc/timegm.c \
    $(RT)/libc/timer.c \
    $(RT)/libc/uchar.c \
    $(RT)/libc/uio.c \
    $(RT)/libc/users.c \
    $(RT)/libc/wmemstream.c
RT_NET_OBJS := $(RT_NET_SRCS:%.c=$(BUILD)/guest/%.o)
RT_OBJS := $(RT_KERNEL_SRCS:%.c=$(BUILD)/guest/%.o) $(RT_NET_OBJS)
RT_LIBC_OBJS := $(RT_LIBC_SRCS:%.c=$(BUILD)/guest/%.o)
DEPFILES += $(RT_OBJS:.o=.d) $(RT_LIBC_OBJS:.o=.d)

# Those of newlib's sources that its own build leaves out for a bare target.
NEWLIB_POSIX := fnmatch glob scandir regcomp regerror regexec regfree collate collcmp
NEWLIB_POSIX_OBJS := $(NEWLIB_POSIX:%=$(BUILD)/guest/newlib/%.o)
RT_LIBC_OBJS += $(NEWLIB_POSIX_OBJS)

# The parts of lwIP that are used, without PPP and its own sockets.
LWIP_PARTS := \
    core/def core/dns core/inet_chksum core/init core/ip core/mem core/memp \
    core/netif core/pbuf core/raw core/tcp core/tcp_in core/tcp_out core/udp \
    core/ipv4/dhcp core/ipv4/etharp core/ipv4/icmp core/ipv4/igmp \
    core/ipv4/ip4 core/ipv4/ip4_addr core/ipv4/ip4_frag \
    core/ipv6/ethip6 core/ipv6/icmp6 core/ipv6/inet6 core/ipv6/ip6 \
    core/ipv6/ip6_addr core/ipv6/ip6_frag core/ipv6/mld6 core/ipv6/nd6 \
    netif/ethernet
LWIP_OBJS := $(LWIP_PARTS:%=$(BUILD)/guest/lwip/%.o)
LWIP_CFLAGS := -isystem $(LWIP)/src/include -I$(RT)/net/port
RT_OBJS += $(LWIP_OBJS)

GUEST_CFLAGS := -std=gnu11 -O2 -D_GNU_SOURCE -I. $(WARN)
# An upcall saves the general registers only.
$(BUILD)/guest/$(RT)/libc/alarm.o $(BUILD)/guest/$(RT)/libc/timer.o: GUEST_CFLAGS += -mgeneral-regs-only
$(patsubst %,$(BUILD)/guest/$(RT)/kernel/%.o,clock end event sched signal timeout): \
    GUEST_CFLAGS += -mgeneral-regs-only
# gcc must not make functions of themselves.
$(BUILD)/guest/$(RT)/libc/math_long.o $(BUILD)/guest/$(RT)/libc/complex_long.o: GUEST_CFLAGS += -fno-builtin
# gcc must not make calls of calloc of what calloc does.
$(BUILD)/guest/$(RT)/libc/malloc.o: GUEST_CFLAGS += -fno-builtin-malloc \
    -fno-builtin-calloc
$(patsubst %,$(BUILD)/guest/$(RT)/front/%.o,blk front fs net virtq window): \
    GUEST_CFLAGS += -mgeneral-regs-only
# gcc must not make a call of memcpy's own loop.
$(BUILD)/guest/$(RT)/arch/x86_64/string.o: GUEST_CFLAGS += -fno-builtin \
    -fno-tree-loop-distribute-patterns

# The port's headers come by lwIP's, which are the system's: gcc does not list
# them.
$(RT_NET_OBJS): $(LWIP)/unpacked $(wildcard $(RT)/net/port/*.h $(RT)/net/port/arch/*.h)
$(RT_NET_OBJS): GUEST_CFLAGS += $(LWIP_CFLAGS)
$(LWIP_OBJS): $(BUILD)/guest/lwip/%.o: $(LWIP)/unpacked $(SYSROOT_DIR)/headers \
    $(HOSTEL_CC) $(wildcard $(RT)/net/port/*.h $(RT)/net/port/arch/*.h)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -std=gnu11 -O2 -w -D_GNU_SOURCE $(LWIP_CFLAGS) \
	    -c -o $@ $(LWIP)/src/$*.c

# What may use which registers, and the like, stands in these rules.
$(BUILD)/guest/%.o: %.c $(SYSROOT_DIR)/headers $(HOSTEL_CC) $(RT)/rules.mk
	$(call say,GUEST-CC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<

# libc/glob.c is in front of it.
$(BUILD)/guest/newlib/glob.o: NEWLIB_POSIX_CFLAGS := -Dglob=glob_newlib
$(NEWLIB_POSIX_OBJS): $(BUILD)/guest/newlib/%.o: $(SYSROOT_DIR)/headers $(HOSTEL_CC)
	@mkdir -p $(@D)
	$(Q)$(HOSTEL_CC) -O2 -w -D_GNU_SOURCE $(NEWLIB_POSIX_CFLAGS) \
	    -I$(NEWLIB)/posix -c -o $@ $(NEWLIB)/posix/$*.c

# The runtime is one object, of which the linker keeps what a program uses.
# Only what POSIX or newlib names is visible to programs, and weakly: one may
# have a function of its own called, say, link or panic.
$(SYSROOT_DIR)/usr/lib/hostel.o: $(RT_OBJS) $(RT_LIBC_OBJS) $(RT)/rules.mk
	$(call say,LD,$@)
	$(Q)nm -g --defined-only -j $(RT_LIBC_OBJS) | \
	    sed -e '/:$$/d; /^deadline_of$$/d; /^timespec_ns$$/d; /^mutex_is_mine$$/d; /^glob_newlib$$/d; /^cancel_act$$/d' \
	        -e '/^start_at$$/d; /^find_at$$/d' \
	    > $@.public
	$(Q)echo _start >> $@.public
	$(Q)ld -r -o $@.all $(RT_OBJS) $(RT_LIBC_OBJS)
	$(Q)objcopy --keep-global-symbols=$@.public \
	    --weaken-symbols=$@.public $@.all $@
	@rm -f $@.all $@.public

$(SYSROOT): $(SYSROOT_DIR)/usr/lib/hostel.o $(RT)/arch/x86_64/image.ld \
    $(RT)/cc/link.specs $(HOSTEL_CC)
	$(Q)cp $(RT)/arch/x86_64/image.ld $(RT)/cc/link.specs $(SYSROOT_DIR)/usr/lib/
	@touch $@

# What build systems read: for autoconf, CMake, Meson and pkg-config. Beside
# $(BUILD)/bin, as beside an installed one.
SDK_DIR := $(BUILD)/share/hostel
SDK_FILES := $(wildcard $(RT)/cc/share/*) $(RT)/cc/share/cmake/Platform/Hostel.cmake
SDK := $(SDK_DIR)/complete
$(SDK): $(SDK_FILES) $(TOOL_LINKS)
	$(Q)mkdir -p $(SDK_DIR) && cp -r $(RT)/cc/share/* $(SDK_DIR)/
	@touch $@

.PHONY: sysroot sdk install-sysroot
sysroot: $(SYSROOT)
sdk: $(SYSROOT) $(SDK)
all: sdk

# Part of `make install`. A configure script whose prefix is this one reads
# share/config.site by itself; one that is there already is somebody's.
SITE = $(DESTDIR)$(PREFIX)/share/config.site
install-sysroot: $(SYSROOT) $(SDK)
	mkdir -p $(DESTDIR)$(PREFIX)/lib/hostel $(DESTDIR)$(PREFIX)/lib/pkgconfig \
	    $(DESTDIR)$(PREFIX)/share/hostel
	rm -rf $(DESTDIR)$(PREFIX)/lib/hostel/sysroot
	cp -r $(SYSROOT_DIR) $(DESTDIR)$(PREFIX)/lib/hostel/sysroot
	for link in $(RT_LINKS); do \
	    ln -sf hostel-cc $(DESTDIR)$(PREFIX)/bin/$$link || exit 1; done
	cp -r $(RT)/cc/share/* $(DESTDIR)$(PREFIX)/share/hostel/
	sed 's|@PREFIX@|$(PREFIX)|g' $(RT)/cc/hostel.pc.in \
	    > $(DESTDIR)$(PREFIX)/lib/pkgconfig/hostel.pc
	[ -e $(SITE) ] || ln -s hostel/config.site $(SITE)

MANUALS += $(RT)/cc/hostel-cc.1

# What the test programs need is built first.
TEST_BUILT += $(SYSROOT)
DOMAIN_TESTS += tests/domain/run

# What of POSIX there is: a table made from headers and libraries, which a test
# compares with what is in docs/.
.PHONY: docs/posix.md
docs/posix.md: $(SYSROOT) $(HOSTEL_CC)
	$(Q)$(RT)/posix/table $(SYSROOT_DIR) $(HOSTEL_CC) > $@.new && mv $@.new $@
