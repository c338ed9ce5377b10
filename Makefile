# SPDX-License-Identifier: ISC
# upnpd - one binary, libc only.
#
# make            build/upnpd
# make test       unit tests and the core of the lab, in three minutes (root)
# make test-all   all tests of CI; test-clients: tests that need large packages
# make demo       watch a port being opened, used and closed (root)
# make static     build/static/upnpd, with musl-gcc
# make install    DESTDIR= PREFIX=/usr/local; also install-systemd,
#                 install-openrc, uninstall
# make dist       a release: tarball, checksums, SBOM, recipes of packages
# make deb        a Debian package; make deb-source: its source package
# make fuzz       all fuzz targets, FUZZ_SECONDS=60 each (clang)
# make cross      static binaries for other machines (tools/cross.mk)
# make size       check their sizes
# make small      the smallest build; tools/parts.mk has its options
# Also: unit, fuzz-replay, layers, man, cli, lab, lab-san, test-rest, test-san,
# test-cross, soak, bench, bench-instructions, openwrt, luci, clean.
# Variables: CC CFLAGS LDFLAGS BUILD WERROR=-Werror SAN=address,undefined
# FILTER: what a system call does that is not on the engine's list. deny: it
# fails; log: it fails and is logged (to debug); end: it ends the engine (to
# test); none: there is no filter. Use a separate BUILD for each.

CC	?= cc
CFLAGS	?= -Os -g
PREFIX	?= /usr/local
DESTDIR	?=
BUILD	?= build
WERROR	?=
include dist/project.mk

STD	= -std=c11 -D_GNU_SOURCE -include base/wide.h -I. -I$(BUILD)/gen \
	  -DUPNPD_VERSION='"$(VERSION)"'
WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 \
	  -Wformat-security -Wvla -Wundef -Wno-missing-field-initializers \
	  -Wno-unused-parameter
HARDEN	= -fstack-protector-strong -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
	  -ffunction-sections -fdata-sections -fno-common
LINK	= -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections
ifneq ($(SAN),)
SANF	= -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDEN	= -fno-common
LINK	=
FILTER	= none
endif
FILTER	?= deny
ifneq ($(STATIC),)
# Static, but position-independent. musl-gcc's own specs have no -static-pie, so
# its start files are named here.
LINK	= -static -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text \
	  $(MUSL_LIB)/rcrt1.o $(MUSL_LIB)/crti.o $(MUSL_LIB)/crtn.o \
	  -Wl,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code \
	  -Wl,--gc-sections,--build-id=none,-T,$(LINK_SCRIPT)
LINK_SCRIPT = tools/upnpctl-last.ld
# Without this, its functions would be mixed with all others (upnpctl-last.ld).
$(BUILD)/obj/upnpctl/%.o: LTO = -fno-lto
$(addprefix $(BUILD)/obj/natfw/,iptables.o ipt_steps.o ipt_text.o ipt_list.o \
	ipt_rule.o iptopt.o iptval.o ruleset_ipt.o): LTO = -fno-lto
endif
UNLISTED_deny	= sys/unlisted_deny.c
UNLISTED_log	= sys/unlisted_trap.c
UNLISTED_end	= sys/unlisted_trap.c
UNLISTED_none	= sys/unlisted_none.c
UNLISTED = $(or $(UNLISTED_$(FILTER)), \
	   $(error FILTER is deny, log, end or none))
# Objects and archives; programs are in $(BUILD) itself.
OBJS	= $(BUILD)/obj
# No file has the name of the folder in which it was built.
ANYWHERE = -ffile-prefix-map=$(CURDIR)=. \
	   -ffile-prefix-map=$(abspath $(BUILD))=build
ALLCFLAGS = $(STD) $(WARN) $(WERROR) $(HARDEN) $(CFLAGS) $(LTO) $(SANF) \
	    $(ANYWHERE) -MMD -MP
ALLLDFLAGS = $(LINK) $(LDFLAGS) $(SANF)

# One line for each file; V=1 prints whole commands.
V	?=
quiet	= $(if $(V),,@printf '  %-4s %s\n' $(1) $(2);)

.DEFAULT_GOAL = all

# Defines LEFT_OUT: files of parts that this build does not have.
include tools/parts.mk

# ---- libraries: one per folder, in the order of the layers (tests/layers.py).
# A library uses only those after it in this list. A file in the root folder
# belongs to the library of its subject.
LIBS	= upnpctl monitor engine soap gena ssdp httpd pmp upstream igd http \
	  natfw conf ipc map sys base
ROOT_soap	= soap.c
ROOT_ssdp	= ssdp.c
ROOT_httpd	= httpd.c
ROOT_http	= xmltiny.c
ROOT_natfw	= natfw.c
# FILTER chooses one of these.
OTHER_sys	= $(filter-out $(UNLISTED),$(wildcard sys/unlisted_*.c))

lib_src	= $(filter-out $(OTHER_$(1)) $(LEFT_OUT),$(wildcard \
	  $(1)/*.c)) $(ROOT_$(1))
lib_obj	= $(patsubst %.c,$(OBJS)/%.o,$(call lib_src,$(1)))
# The archives of library $(1) and of those after it.
from	= $(if $(2),$(if $(filter $(1),$(firstword $(2))),$(2),$(call \
	  from,$(1),$(wordlist 2,99,$(2)))),$(error no library $(1)))
archives = $(patsubst %,$(OBJS)/%.a,$(call from,$(1),$(LIBS)))

OBJ	= $(OBJS)/upnpd.o $(foreach l,$(LIBS),$(call lib_obj,$(l)))

all: $(BUILD)/upnpd $(if $(filter UPNPCTL,$(WITHOUT)),,$(BUILD)/upnpctl)

$(BUILD)/upnpd: $(OBJ) $(LINK_SCRIPT)
	$(call quiet,LD,$@)$(CC) $(ALLLDFLAGS) -o $@ $(OBJ)

$(BUILD)/upnpctl: $(BUILD)/upnpd
	@ln -sf upnpd $@

$(OBJS)/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(ALLCFLAGS) -c -o $@ $<

define lib_rule
$(OBJS)/$(1).a: $(call lib_obj,$(1))
	@rm -f $$@
	$$(call quiet,AR,$$@)$(AR) rc $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call lib_rule,$(l))))

# The names of the machine's system calls, for a log line.
$(OBJS)/sys/unlisted_trap.o $(OBJS)/tests/unit/sys/test_unlisted_trap.o: \
	$(BUILD)/gen/sysname.h
$(OBJS)/sys/unlisted_trap.o $(OBJS)/tests/unit/sys/test_unlisted_trap.o: \
	STD += -DUNLISTED_ENDS=$(if $(filter end,$(FILTER)),1,0)
$(BUILD)/gen/sysname.h:
	@mkdir -p $(@D)
	$(call quiet,GEN,$@)echo '#include <asm/unistd.h>' | \
		$(CC) $(CFLAGS) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/{ __NR_\1, "\1" },/p' \
		> $@

# For each system call that the filter names NR_x: its number, or NR_NONE if
# this machine or the kernel's headers have no such call.
$(OBJS)/sys/seccomp.o: $(BUILD)/gen/seccomp_nr.h
$(BUILD)/gen/seccomp_nr.h: sys/seccomp.c
	@mkdir -p $(@D)
	$(call quiet,GEN,$@)tr -cs '[:alnum:]_' '\n' < $< | sort -u | \
		awk '/^NR_[a-z]/ { printf "#ifdef __%s\n#define %s __%s\n" \
		"#else\n#define %s NR_NONE\n#endif\n", $$1, $$1, $$1, $$1 }' > $@

# ---- unit tests: tests/unit/FOLDER/test_NAME.c is linked with the library of
# its folder and those below. make unit-NAME runs one.
UNIT_SRC = $(filter-out $(LEFT_OUT),$(sort $(wildcard \
	   tests/unit/*/test_*.c)))
UNITS	= $(patsubst test_%.c,%,$(notdir $(UNIT_SRC)))

# Functions that a test replaces, to count the calls or to make them fail.
# (tests/wrap.h explains why some have two names.)
wrap	= $(addprefix -Xlinker --wrap=,$(1))
L_jail		= $(call wrap,readdir readdir64)
L_conffile	= $(call wrap,flock openat openat64 unlinkat fchown fchmod \
		  fstat fstat64 __fstat_time64 fstatat fstatat64 \
		  __fstatat_time64 write fsync close renameat nanosleep \
		  __nanosleep_time64)
L_nl		= $(call wrap,nfnl_open nfnl_commit nfnl_dump nfnl_ask \
		  nfnl_next nfnl_get watch_open_all)
L_nl_sync	= $(L_nl)
L_nl_pinhole	= $(L_nl)
L_ruleset_read	= $(call wrap,nfnl_open nfnl_dump nfnl_ask nfnl_next \
		  watch_open_all ipt_tool_of \
		  ipt_tool_has_table ruleset_ipt_read)
L_flows		= $(call wrap,clock_gettime $(MUSL_CLOCK))
L_monitor	= $(call wrap,loop_new loop_run loop_stop)
L_check_firewall = $(call wrap,check_report check_report_ok)
L_identity	= $(call wrap,uname)
L_broker	= $(call wrap,natfw_check natfw_sweep)
L_ipt_tool	= $(call wrap,fileio_read)
L_ssdp		= $(call wrap,ifsock_send ifsock_has_unsent)
L_pmp		= $(call wrap,ifsock_send ifsock_sender)
L_pick		= $(call wrap,cmd_fail netif_is_there)
L_where		= $(call wrap,cmd_fail)
# Each test of an action for unlisted system calls is linked with that action.
$(BUILD)/tests/test_jail: $(OBJS)/sys/unlisted_none.o
$(BUILD)/tests/test_seccomp: $(OBJS)/sys/unlisted_deny.o
$(BUILD)/tests/test_unlisted_trap: $(OBJS)/sys/unlisted_trap.o

define unit_rule
$(BUILD)/tests/test_$(2): $(OBJS)/$(1:.c=.o) $(PARTS_FULL) \
		$(call archives,$(3))
	@mkdir -p $$(@D)
	$$(call quiet,LD,$$@)$$(CC) $$(ALLLDFLAGS) $$(L_$(2)) -o $$@ \
		$$(filter %.o,$$^) $$(filter %.a,$$^) -lcmocka
unit-$(2): $(BUILD)/tests/test_$(2)
	@echo "== $$<"; $$<
endef
$(foreach u,$(UNIT_SRC),$(eval $(call unit_rule,$(u),$(patsubst \
	test_%.c,%,$(notdir $(u))),$(word 3,$(subst /, ,$(u))))))
UNIT_BINS = $(UNITS:%=$(BUILD)/tests/test_%)

units: $(UNIT_BINS)

unit: $(UNITS:%=unit-%)

# ---- fuzzing: a program for each target. Built by gcc, it replays the corpus
# as a test. Built by clang with libFuzzer, it searches for new inputs.
FUZZ	= $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
W_httpd		= recv send sendmsg
W_ssdp		= socket bind close setsockopt recvmsg sendto ifsock_sender \
		  ifsock_send ifsock_has_unsent
W_pmp		= ifsock_serve ifsock_close ifsock_recv ifsock_send
W_gena		= getrandom
W_genasend	= recv send
W_netlink	= socket open open64
W_broker	= nfnl_open nfnl_commit nfnl_dump nfnl_ask nfnl_next nfnl_get \
		  watch_open_all ipt_tool_has_table
W_listing	= nfnl_open nfnl_commit nfnl_dump nfnl_ask nfnl_next nfnl_get \
		  watch_open_all ipt_tool_has_table \
		  nanosleep __nanosleep_time64
W_engine	= calloc free mmap mmap64 munmap time __time64 getrandom socket bind \
		  listen connect close accept4 getsockname getsockopt \
		  setsockopt recvmsg sendto sendmsg ifstate_read netif_open \
		  netif_drain netif_counters netif_speed_bps route_is_local \
		  route_gateway \
		  neigh_find neigh_probe neigh_open neigh_drain
W_ctlclient	= socket connect poll recv write clock_gettime ifstate_read \
		  $(MUSL_CLOCK)

define fuzz_rule
$(BUILD)/tests/fuzz_$(1): $(OBJS)/tests/fuzz/fuzz_$(1).o $(FUZZ_MAIN) \
		$(LIBS:%=$(OBJS)/%.a)
	@mkdir -p $$(@D)
	$$(call quiet,LD,$$@)$$(CC) $$(ALLLDFLAGS) $$(call wrap,$$(W_$(1))) \
		-o $$@ $$^
endef
FUZZ_MAIN = $(if $(LIBFUZZER),,$(OBJS)/tests/fuzz/replay.o)
$(foreach f,$(FUZZ),$(eval $(call fuzz_rule,$(f))))

fuzzers: $(FUZZ:%=$(BUILD)/tests/fuzz_%)

fuzz-replay: fuzzers
	@for f in $(FUZZ); do \
		$(BUILD)/tests/fuzz_$$f tests/fuzz/corpus/$$f || exit 1; \
	done

# All targets, or fuzz-TARGET, for FUZZ_SECONDS each; a failure does not stop
# the others. Needs clang.
FUZZ_SECONDS ?= 60
LIBFUZZER_MAKE = $(MAKE) BUILD=$(BUILD)/fuzz CC=clang CFLAGS='-O1 -g' \
	LIBFUZZER=1 SAN=fuzzer,address,undefined
fuzz:
	$(LIBFUZZER_MAKE) fuzzers
	$(MAKE) -k $(FUZZ:%=fuzz-%)

$(FUZZ:%=fuzz-%): fuzz-%:
	$(LIBFUZZER_MAKE) $(BUILD)/fuzz/tests/fuzz_$*
	tests/fuzz/run $(BUILD)/fuzz $(FUZZ_SECONDS) $*

# ---- everything else ---------------------------------------------------------

# Each target installs what its tests need (Debian, as root).
#
# test		unit tests, and the core of the lab with each backend; three
#		minutes on two processors
# test-rest	the other tests that need no large package
# test-san	unit tests and the fuzzers' corpus under ASan and UBSan
# test-cross	the same for other machines, and the whole daemon on one
# test-all	all of these, as in CI
# test-clients	tests whose clients need large packages; not in CI
test:
	tools/install-test-deps
	$(MAKE) -j"$$(nproc)" all units $(LAB_BINS)
	$(MAKE) -j4 -O unit
	$(MAKE) layers man cli
	$(LAB_RUN) -m core

test-rest:
	tools/install-test-deps all
	$(MAKE) -j"$$(nproc)" all small fuzzers static-lab $(LAB_BINS)
	python3 tests/layers.py $(BUILD)/small
	$(MAKE) unit-small
	$(MAKE) fuzz-replay openwrt luci packages
	$(LAB_RUN) -m 'not core and not clients'

SAN_MAKE = $(MAKE) BUILD=$(BUILD)/san CC=gcc SAN=address,undefined
test-san:
	tools/install-test-deps
	$(SAN_MAKE) -j"$$(nproc)" units fuzzers
	$(SAN_MAKE) -j4 -O unit
	$(SAN_MAKE) fuzz-replay

test-cross:
	tools/install-test-deps cross
	$(MAKE) -j"$$(nproc)" cross-mips
	$(MAKE) -j3 unit-cross
	tests/cross/run $(BUILD)/cross/mips/tests/upnpd qemu-mips-static

# The parts run one after the other.
test-all:
	$(MAKE) test
	$(MAKE) test-rest
	$(MAKE) test-san
	$(MAKE) test-cross

test-clients:
	tools/install-test-deps clients
	$(MAKE) -j"$$(nproc)" all static-lab debian-kernel $(LAB_BINS)
	$(LAB_RUN) -m clients
	tests/openwrt/run -m clients

.PHONY: test-rest test-san test-cross test-all test-clients

layers: all
	python3 tests/layers.py $(BUILD)

# Compare the documents with the program.
man: $(BUILD)/tests/test_confopt
	python3 tests/test_man.py $(BUILD)

# upnpctl on files, without a daemon.
cli: all
	tests/cli/run

# The lab: tests with the real kernel, tools and clients, in network namespaces.
# As root. The daemon differs from the release in one object: a system call that
# is not on the list ends its engine, while the release's engine gets an error.
# A run that passes made no such call, so the release would pass as well.
LAB_UPNPD = $(if $(filter deny,$(FILTER)),upnpd-end,upnpd)
LAB_BINS = $(BUILD)/$(LAB_UPNPD) $(BUILD)/tests/rogue
LAB_RUN	= UPNPD="$${UPNPD:-$(abspath $(BUILD))/$(LAB_UPNPD)}" tests/netns/run
lab: all small static-lab $(LAB_BINS)
	$(LAB_RUN) -m 'not clients'

$(BUILD)/upnpd-end: $(filter-out %/unlisted_deny.o,$(OBJ)) \
		$(OBJS)/end/unlisted_trap.o
	$(call quiet,LD,$@)$(CC) $(ALLLDFLAGS) -o $@ $^

$(OBJS)/end/unlisted_trap.o: STD += -DUNLISTED_ENDS=1
$(OBJS)/end/unlisted_trap.o: sys/unlisted_trap.c $(BUILD)/gen/sysname.h
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(ALLCFLAGS) -c -o $@ $<

# The same under ASan and UBSan.
lab-san:
	$(MAKE) small
	$(MAKE) BUILD=$(BUILD)/san SAN=address,undefined all \
		$(BUILD)/san/tests/rogue
	LAB_SAN=1 UPNPD=$(abspath $(BUILD))/san/upnpd tests/netns/run \
		-m 'not clients'

include tools/valgrind.mk

# SOAK seconds of requests, flushes, reloads and crashes, with each backend at
# once. $(BUILD)/soak.BACKEND has a line of figures for each minute.
SOAK ?= 3600
soak: all
	@rm -f $(BUILD)/soak.*
	SOAK=$(SOAK) SOAK_REPORT=$(abspath $(BUILD))/soak \
		tests/netns/run test_soak.py

# A hostile engine before the broker, linked with all libraries; and one below
# the whole daemon.
$(BUILD)/tests/rogue: $(OBJS)/tests/netns/rogue.o \
		$(LIBS:%=$(OBJS)/%.a) | $(BUILD)/tests/upnpd-rogue
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(CC) $(ALLLDFLAGS) -o $@ $^

$(BUILD)/tests/upnpd-rogue: $(OBJ) $(OBJS)/tests/netns/rogue_engine.o
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(CC) $(ALLLDFLAGS) $(call wrap,engine_run) -o $@ $^

# A demonstration. As root; takes less than a minute, most of it to build.
demo:
	@tools/demo.sh

# One static file, with musl. The kernel's headers come from the system's
# folder.
static:
	$(call refuse,$(if $(call has,musl-gcc),,musl-tools) $(if $(wildcard \
		/usr/include/linux/netlink.h),,linux-libc-dev))
	+$(STATIC_MAKE) $(BUILD)/static/upnpd
	strip $(BUILD)/static/upnpd
	ls -l $(BUILD)/static/upnpd
STATIC_MAKE = $(MAKE) BUILD=$(BUILD)/static CC=musl-gcc \
	      CFLAGS='$(SMALL) $(MUSL_INC) $(GUARD_$(shell uname -m))' \
	      LDFLAGS='$(SMALL)' STATIC=1
# Where the stack protector's value is: musl has it in two places, and the code
# to read this one is shorter. In a static program both are in .bss.
GUARD_x86_64 = -mstack-protector-guard=global
# Optimize for size; gcc has -Oz since version 12. The disabled passes are part
# of -Os, and were measured to make this program larger: they keep values across
# calls, replace final calls by jumps (with an epilogue and stack protector for
# each), duplicate branches and split arguments. A jump table pays off only for
# many cases. Fat objects, because tools/size reads them and unit-cross links
# them without LTO.
SMALL	= $(if $(filter 0,$(shell musl-gcc -Oz -E -x c /dev/null >/dev/null 2>&1; \
	  echo $$?)),-Oz,-Os) -fno-caller-saves -fno-optimize-sibling-calls \
	  -fno-tree-dominator-opts -fno-ipa-sra -fno-ipa-modref \
	  --param case-values-threshold=20 -flto=auto -ffat-lto-objects
MUSL_LIB = /usr/lib/$(shell uname -m)-linux-musl
MUSL_INC = -fno-asynchronous-unwind-tables -idirafter /usr/include -idirafter /usr/include/$(shell uname -m)-linux-gnu

include tools/install.mk
include tools/release.mk

# ---- other machines, size
include tools/cross.mk

# ---- busybox: the lab starts the static binary by dist/busybox/S60upnpd
static-lab:
	+$(STATIC_MAKE) $(BUILD)/static/$(LAB_UPNPD)

lab-san: static-san
static-san:
	$(MAKE) BUILD=$(BUILD)/san static

# ---- a router in a virtual machine: a test of test-clients boots it, if
# Debian's kernel can be downloaded. make qemu runs only that test.
debian-kernel:
	-tools/debian-kernel $(BUILD)/kernel

qemu:
	tools/install-test-deps clients
	$(MAKE) all static-lab debian-kernel $(LAB_BINS)
	$(LAB_RUN) test_qemu.py

.PHONY: qemu debian-kernel static-lab static-san

# ---- bench: measure upnpd beside Debian's miniupnpd and beside floors. As
# root; it names packages that are missing. BENCH='regular expression' measures
# only the rows that match, ROUNDS=1 once.
ROUNDS	?= 3
BENCH	?=
$(BUILD)/traffic $(BUILD)/floor: $(BUILD)/%: bench/%.c
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $<

bench:
	bench/run.py --check
	$(MAKE) all static $(BUILD)/traffic $(BUILD)/floor
	bench/run.py --rounds $(ROUNDS) $(if $(BENCH),--only '$(BENCH)')

# Count the instructions of some requests, and compare them with those in
# bench/instructions.txt; RECORD=1 writes that file. As root, with valgrind. The
# objects are those of the static build, linked without LTO, because the
# functions of instructions.c replace some.
RECORD	?=
$(BUILD)/instructions: $(OBJS)/bench/instructions.o $(LIBS:%=$(OBJS)/%.a)
	$(call quiet,LD,$@)$(CC) -static -no-pie -fno-lto -Wl,--gc-sections $(call wrap,loop_run \
		loop_new jail_shut caps_cut supervisor_open supervisor_start \
		getrandom time) -o $@ $^

bench-instructions:
	+$(STATIC_MAKE) $(BUILD)/static/instructions
	bench/instructions.py $(if $(RECORD),--record)
.PHONY: bench-instructions

# ---- OpenWrt: tests of the package, its scripts and firewalls, with stand-ins
# for OpenWrt's tools. As root.
openwrt: all
	tests/openwrt/run -m 'not clients'

# The logic of luci-app-upnpd, in Node.
luci: all $(BUILD)/tests/test_confopt
	BUILD=$(abspath $(BUILD)) tests/luci/run
.PHONY: openwrt luci

# ---- releases and packages: tests of make dist, make deb and the recipes
packages: all
	BUILD=$(abspath $(BUILD)) tests/dist/run
.PHONY: packages

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
# man is also a folder.
.PHONY: all units unit fuzzers fuzz-replay fuzz test layers man cli lab \
	lab-san soak demo bench static clean
.SECONDARY:
