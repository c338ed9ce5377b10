# SPDX-License-Identifier: ISC
# cross.mk - build the program for other machines, on Debian: static, with musl,
# and stripped. Included by the Makefile.
#
# make cross            build/cross/ARCH/upnpd for each of CROSS
# make cross-ARCH       for one
# make unit-cross       the unit tests and the fuzzers' corpus of QEMU_TESTED
# make unit-cross-ARCH  of one, by qemu-user if the kernel cannot run it
# make size             each binary and its budget

CROSS	= x86_64 i386 aarch64 arm mips mipsel riscv64
# One big-endian machine, and two without x86's memory rules.
QEMU_TESTED = mips arm aarch64

# gcc's name of the machine; Debian's; the architecture and the checksum of
# Debian's musl-dev, if there is one. Else the cross compiler's glibc is used.
MACHINE_x86_64	= x86_64-linux-gnu amd64 amd64 \
	7c34f29a0c1aa12f6da1d25ed6de6fe6bbd9e048ee76b3dcb88c5e51fb65507f
MACHINE_i386	= i686-linux-gnu i386 i386 \
	e7e49904a302b4c986cc7729b1af9117f7a01a928b12c43e75bdd015697bff82
MACHINE_aarch64	= aarch64-linux-gnu arm64 arm64 \
	55c2ca4bc3041c8ed8ac7dc3ef6080d9551a21650568b2fd7610b59eaf98a4f4
MACHINE_arm	= arm-linux-gnueabihf armhf armhf \
	3a9dbb8ae66716f117dce87558fb47a161db0eebf0700cc6bf84ef6871ce7d38
MACHINE_mips	= mips-linux-gnu mips
MACHINE_mipsel	= mipsel-linux-gnu mipsel mipsel \
	732444f0d84eea5e106ae651a8b24e9e5c34af05a64cfa13b5df9d6a984e642d
MACHINE_riscv64	= riscv64-linux-gnu riscv64

# Machines whose programs this machine's kernel runs.
RUNS_x86_64	= x86_64 i386
RUNS_aarch64	= aarch64

# Call each of these as $(call name,ARCH).
triplet		= $(word 1,$(MACHINE_$(1)))
cross_dir	= $(abspath $(BUILD))/cross/$(1)
libc		= $(cross_dir)/libc
emulator	= $(if $(filter $(1),$(RUNS_$(shell uname -m))),,qemu-$(1)-static)
# The kernel's headers: in the cross package's own folder, or in the system's.
headers		= $(or $(wildcard /usr/$(call triplet,$(1))/include), \
		  /usr/include/$(call triplet,$(1)) /usr/include)
after		= $(addprefix -idirafter ,$(call headers,$(1)))
has		= $(shell command -v $(1))

# The packages that are missing: to build, to run.
has_musl	= $(word 3,$(MACHINE_$(1)))
a_header	= /$(if $(has_musl),asm/unistd.h,stdio.h)
headers_of	= $(if $(has_musl),linux-libc-dev,libc6-dev)
lacks		= $(if $(call has,$(call triplet,$(1))-gcc),,gcc-$(subst \
		  _,-,$(call triplet,$(1)))) $(if $(wildcard $(addsuffix \
		  $(a_header),$(call headers,$(1)))),,$(headers_of)-$(word \
		  2,$(MACHINE_$(1)))-cross)
lacks_emulator	= $(if $(call emulator,$(1)),$(if $(call has,$(call \
		  emulator,$(1))),,qemu-user-static))
refuse		= $(if $(strip $(1)),@echo "not installed: $(sort $(1))" \
		  "(apt-get install them)" >&2; exit 1)

# With musl the program is position-independent, as with `make static`. glibc's
# cross packages have no start file for that.
# MUSL_CLOCK: the name of clock_gettime() with 64-bit time (tests/wrap.h). glibc
# uses that name itself.
with_musl	= STATIC=1 MUSL_CLOCK=__clock_gettime64 MUSL_LIB=$(call libc,$(1))/lib CC='$(call \
		  triplet,$(1))-gcc -specs $(call libc,$(1))/gcc.specs \
		  -fno-asynchronous-unwind-tables $(call after,$(1))'
with_glibc	= LINK='-static -no-pie -Wl,-z,relro,-z,noexecstack \
		  -Wl,--gc-sections,--build-id=none' CC='$(call \
		  triplet,$(1))-gcc -isystem $(call libc,$(1))/include \
		  -L$(call libc,$(1))/lib -fno-asynchronous-unwind-tables'
cross_make	= $(MAKE) BUILD=$(call cross_dir,$(1)) CFLAGS='$(SMALL) $(GUARD_$(1))' \
		  QEMU=$(call emulator,$(1)) $(if \
		  $(has_musl),$(with_musl),$(with_glibc))

# The daemon is linked as by `make static`, with link-time optimization.
# Programs that replace libc's functions are not, because --wrap works only
# between files.

# The daemon and the tests of sockets, with replacements for calls that
# qemu-user does not support.
QEMU_SOCKETS = ifsock ifsock6 ssdp ssdp6 pmp
QEMU_WRAP = $(addprefix -Wl$(comma)--wrap=,setsockopt recvmsg __setsockopt64 \
	    __recvmsg64 sendmsg accept4)
comma	= ,
$(BUILD)/tests/upnpd: $(OBJ) $(OBJS)/tests/cross/qemu.o
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) $(QEMU_WRAP) -o $@ $^
ifneq ($(QEMU),)
$(QEMU_SOCKETS:%=$(BUILD)/tests/test_%): $(OBJS)/tests/cross/qemu.o
$(foreach t,$(QEMU_SOCKETS),$(eval L_$(t) += $(QEMU_WRAP)))
endif

define cross_rules
$(call libc,$(1))/ready: tools/cross-libc
	$$(call refuse,$$(call lacks,$(1)))
	@mkdir -p $$(call cross_dir,$(1))
	tools/cross-libc musl $$(call libc,$(1)) $$(abspath $(BUILD))/cross/fetched \
		$$(wordlist 3,4,$$(MACHINE_$(1)))

$(call libc,$(1))/lib/libcmocka.a: $(call libc,$(1))/ready
	tools/cross-libc cmocka $$(call libc,$(1)) \
		$$(abspath $(BUILD))/cross/fetched $$(call triplet,$(1)) \
		'$$(call after,$(1))'

cross-$(1): $(call libc,$(1))/ready
	+$$(call cross_make,$(1)) LDFLAGS='$$(SMALL)' \
		$$(call cross_dir,$(1))/upnpd
	$$(call triplet,$(1))-strip $$(call cross_dir,$(1))/upnpd

unit-cross-$(1): $(call libc,$(1))/lib/libcmocka.a
	$$(call refuse,$$(call lacks_emulator,$(1)))
	+$$(call cross_make,$(1)) LDFLAGS=-fno-lto units fuzzers $$(call cross_dir,$(1))/tests/upnpd
	tools/cross-run '$$(call emulator,$(1))' $$(call cross_dir,$(1))/tests
endef
$(foreach a,$(CROSS),$(eval $(call cross_rules,$(a))))

cross: cross-tools $(CROSS:%=cross-%)
unit-cross: $(QEMU_TESTED:%=unit-cross-%)

# Report all missing packages at once.
cross-tools:
	$(call refuse,$(foreach a,$(CROSS),$(call lacks,$(a))))

size:
	tools/size $(BUILD)

.PHONY: size cross cross-tools unit-cross $(CROSS:%=cross-%) $(CROSS:%=unit-cross-%)
