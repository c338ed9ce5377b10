# SPDX-License-Identifier: ISC
# upnpd - one binary, libc only.
#
# make            build/upnpd
# make test       install what the tests need, run all of them (root)
# make demo       watch a port being opened, used and closed (root)
# make static     build/static/upnpd, by musl-gcc
# make install    DESTDIR= PREFIX=/usr/local; also install-systemd,
#                 install-openrc, uninstall
# make deb        a Debian package
# make fuzz       all fuzz targets, FUZZ_SECONDS=60 each (clang)
# make cross      the same for other machines (tools/cross.mk); size: how large
# Also: unit, fuzz-replay, layers, man, cli, lab, lab-san, soak, bench, openwrt,
# clean.
# Variables: CC CFLAGS LDFLAGS BUILD WERROR=-Werror SAN=address,undefined
# FILTER=deny|log|end|none: system calls that the engine does not need fail, are
# logged as well (to debug), end it (to test), or there is no filter. Each wants
# a BUILD of its own.

CC	?= cc
CFLAGS	?= -Os -g
PREFIX	?= /usr/local
DESTDIR	?=
BUILD	?= build
WERROR	?=
VERSION	= 0.1.0

STD	= -std=c11 -D_GNU_SOURCE -include base/wide.h -I. \
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
# Static and still position-independent: musl-gcc's own specs know no
# -static-pie, so its start files are named here.
LINK	= -static -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text \
	  $(MUSL_LIB)/rcrt1.o $(MUSL_LIB)/crti.o $(MUSL_LIB)/crtn.o \
	  -Wl,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code \
	  -Wl,--gc-sections,--build-id=none
endif
UNLISTED_deny	= base/unlisted_deny.c
UNLISTED_log	= base/unlisted_trap.c
UNLISTED_end	= base/unlisted_trap.c
UNLISTED_none	= base/unlisted_none.c
SECCOMP	= base/seccomp.c $(or $(UNLISTED_$(FILTER)), \
	  $(error FILTER is deny, log, end or none))
ALLCFLAGS = $(STD) $(WARN) $(WERROR) $(HARDEN) $(CFLAGS) $(SANF) -MMD -MP
ALLLDFLAGS = $(LINK) $(LDFLAGS) $(SANF)

BASE	= base/str.c base/loop.c base/date.c base/log.c base/jail.c base/dir.c \
	  base/caps.c base/notify.c $(SECCOMP) \
	  base/httpmsg.c \
	  base/netlink.c base/netif.c base/ports.c base/route.c \
	  base/conntrack.c base/proc.c \
	  base/httpreq.c base/httpbody.c base/httpreply.c base/bufpool.c \
	  base/bucket.c base/sort.c base/relro.c
HTTPD	= httpd.c httplisten.c httpconn.c
GENA	= gena.c genasend.c genamsg.c
PORTMAP	= igd/portmap.c igd/pmtable.c igd/due.c igd/texts.c
IGD	= igd/model.c igd/desc.c igd/natrule.c igd/policy.c $(PORTMAP) \
	  igd/igd.c igd/anyport.c igd/range.c igd/wait.c igd/check.c \
	  igd/operator.c igd/refusal.c \
	  igd/err.c igd/wanip.c igd/wanip2.c igd/wancic.c igd/l3f.c
IPTABLES = natfw/iptables.c natfw/iptables_list.c natfw/iptables_rule.c \
	   natfw/iptables_leaf.c natfw/iptables_text.c
NFT	= natfw/nft.c natfw/nft_list.c natfw/nft_place.c natfw/nft_map.c \
	  natfw/nft_rule.c natfw/nft_change.c
NATFW	= natfw.c natfw/table.c natfw/backend.c $(IPTABLES) $(NFT) \
	  natfw/nfnl.c natfw/nlmsg.c natfw/watch.c natfw/memory.c \
	  natfw/netlink.c natfw/nl_list.c natfw/nl_rule.c
LIVE	= cmd/ctlclient.c cmd/live.c cmd/maptext.c cmd/mappings.c \
	  cmd/mapchange.c cmd/status.c cmd/metrics.c cmd/monitor.c \
	  cmd/resync.c
CONF	= conf.c confopt.c confline.c
EDIT	= confedit.c conffile.c cmd/whole.c cmd/change.c cmd/reload.c \
	  cmd/view.c cmd/options.c cmd/settings.c cmd/pick.c cmd/ifaces.c \
	  cmd/ifaceprint.c cmd/export.c cmd/script.c cmd/complete.c
CHECK	= cmd/check.c cmd/check_say.c cmd/check_conf.c cmd/check_daemon.c \
	  cmd/check_net.c cmd/check_ports.c cmd/check_firewall.c cmd/check_lan.c \
	  cmd/check_rules.c cmd/check_match.c
CMD	= cmd/cmd.c cmd/out.c cmd/words.c cmd/counts.c $(EDIT) $(LIVE) $(CHECK)
SRC	= upnpd.c upnpctl.c monitor.c warden.c nursery.c report.c gate.c engine.c follow.c \
	  flows.c identity.c priv.c router.c site.c ctl.c ctllisten.c ssdp.c ssdpmsg.c $(HTTPD) \
	  soap.c $(GENA) $(CONF) leases.c state.c status.c xmltiny.c \
	  $(CMD) $(NATFW) $(IGD) $(BASE)
OBJ	= $(SRC:%.c=$(BUILD)/%.o)

all: $(BUILD)/upnpd $(BUILD)/upnpctl

$(BUILD)/upnpd: $(OBJ)
	$(CC) $(ALLLDFLAGS) -o $@ $(OBJ)

$(BUILD)/upnpctl: $(BUILD)/upnpd
	ln -sf upnpd $@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -c -o $@ $<

# The names of the machine's system calls, for a line in the log.
$(BUILD)/base/unlisted_trap.o: $(BUILD)/base/sysname.h
$(BUILD)/base/unlisted_trap.o $(BUILD)/tests/unit/test_unlisted_trap.o: \
	STD += -I$(BUILD) -DUNLISTED_ENDS=$(if $(filter end,$(FILTER)),1,0)
$(BUILD)/base/sysname.h:
	@mkdir -p $(@D)
	echo '#include <asm/unistd.h>' | $(CC) $(CFLAGS) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/{ __NR_\1, "\1" },/p' \
		> $@

# ---- unit tests: a program a module, linked with that module and with what it
# may use; a test that needs more does not link, which is the point.
U_str		= base/str.c
U_loop		= base/loop.c
U_date		= base/date.c base/str.c
U_log		= base/log.c base/date.c base/str.c
U_caps		= base/caps.c
# without the filter, which would hide what is behind it
U_jail		= base/jail.c base/dir.c base/caps.c base/seccomp.c base/unlisted_none.c \
		  base/str.c
L_jail		= $(addprefix -Xlinker --wrap=,syscall)
U_unlisted_trap	= base/unlisted_trap.c base/seccomp.c base/log.c base/date.c \
		  base/str.c
U_seccomp	= base/jail.c base/dir.c base/caps.c base/seccomp.c base/unlisted_deny.c \
		  base/str.c
U_httpmsg	= base/httpmsg.c base/str.c
U_netlink	= base/netlink.c
U_netif		= base/netif.c base/netlink.c
U_ports		= base/ports.c base/netlink.c base/str.c
U_route		= base/route.c base/netlink.c
U_conntrack	= base/conntrack.c base/netlink.c
U_proc		= base/proc.c base/str.c
U_xmltiny	= xmltiny.c base/str.c
U_natrule	= igd/natrule.c
U_policy	= igd/policy.c igd/natrule.c
U_due		= igd/due.c
U_texts		= igd/texts.c base/str.c
U_mem		=
U_portmap	= $(PORTMAP) igd/natrule.c base/str.c
U_refusal	= igd/refusal.c igd/policy.c base/str.c
U_igd		= $(filter-out igd/desc.c,$(IGD)) base/bucket.c base/str.c
U_wanip2	= $(U_igd)
U_desc		= $(IGD) base/bucket.c base/str.c xmltiny.c
U_soap		= soap.c xmltiny.c $(U_igd)
U_httpreq	= base/httpreq.c base/httpmsg.c base/str.c
U_httpbody	= base/httpbody.c
U_httpreply	= base/httpreply.c base/date.c base/str.c
U_bufpool	= base/bufpool.c
U_bucket	= base/bucket.c
U_httplisten	= httplisten.c base/loop.c
U_httpconn	= httpconn.c base/bufpool.c base/str.c base/loop.c
U_httpd		= $(HTTPD) base/httpreq.c base/httpbody.c base/httpreply.c \
		  base/bufpool.c base/httpmsg.c base/date.c base/str.c \
		  base/loop.c
U_genamsg	= genamsg.c base/str.c
U_genasend	= genasend.c base/httpmsg.c base/str.c base/loop.c
U_gena		= $(GENA) $(U_igd) base/bufpool.c base/httpmsg.c base/loop.c
U_ssdp		= ssdp.c ssdpmsg.c base/bucket.c base/httpmsg.c base/date.c base/str.c \
		  base/loop.c
U_natfw		= natfw.c natfw/table.c natfw/memory.c igd/natrule.c \
		  base/str.c
U_table		= natfw/table.c igd/natrule.c
U_backend	= natfw/backend.c base/str.c
U_iptables	= $(IPTABLES) natfw/backend.c natfw.c natfw/table.c \
		  igd/natrule.c base/str.c
U_nft_list	= natfw/nft_list.c natfw/nft_place.c natfw/backend.c base/str.c
U_nfnl		= natfw/nfnl.c natfw/nlmsg.c base/netlink.c
U_watch		= natfw/watch.c base/netlink.c
U_nft		= $(NFT) natfw/backend.c natfw.c natfw/table.c \
		  igd/natrule.c base/str.c
U_conf		= $(CONF) igd/policy.c igd/natrule.c base/str.c
U_confline	= confline.c base/str.c
U_confopt	= confopt.c confline.c igd/policy.c igd/natrule.c base/str.c
U_confedit	= confedit.c $(U_conf)
U_conffile	= conffile.c base/dir.c base/str.c
# Calls that the test counts, to fail or to die at one. (tests/wrap.h has why
# some have two names.)
L_conffile	= $(addprefix -Xlinker --wrap=,flock openat openat64 unlinkat \
		  fchown fchmod fstat fstat64 __fstat_time64 fstatat fstatat64 \
		  __fstatat_time64 write fsync close renameat nanosleep \
		  __nanosleep_time64)
U_leases	= leases.c $(PORTMAP) igd/natrule.c base/str.c
U_router	= router.c igd/policy.c igd/natrule.c
U_state		= state.c base/str.c
U_status	= status.c base/str.c
U_ctl		= ctl.c ctllisten.c $(U_igd) base/loop.c
U_priv		= priv.c $(PORTMAP) igd/natrule.c base/loop.c base/str.c
U_gate		= gate.c flows.c natfw.c natfw/table.c igd/policy.c \
		  igd/natrule.c base/str.c
U_ctlclient	= cmd/ctlclient.c igd/natrule.c base/str.c
UNITS	= str mem loop date log jail httpmsg netlink netif ports route conntrack \
	  proc xmltiny natrule policy due texts portmap refusal igd wanip2 desc soap httpreq \
	  httpbody httpreply bufpool bucket httplisten httpconn httpd ssdp natfw \
	  table backend iptables nfnl watch nft_list nft conf confopt confline \
	  confedit conffile leases state status ctl router \
	  priv gate genamsg genasend gena
U_live		= $(LIVE) base/sort.c cmd/cmd.c cmd/out.c $(CONF) status.c \
		  base/date.c $(U_igd)
U_cmd		= cmd/cmd.c base/str.c
U_words		= cmd/words.c base/str.c
U_out		= cmd/out.c base/str.c
U_whole		= cmd/whole.c confedit.c $(U_confopt) conf.c
UNITS	+= ctlclient live cmd words out whole
UNITS	+= caps seccomp unlisted_trap
U_check	= cmd/check_conf.c cmd/check_net.c cmd/check_lan.c cmd/check_say.c \
		  cmd/out.c $(CONF) igd/policy.c igd/natrule.c \
		  base/httpmsg.c $(U_jail) base/netif.c base/route.c \
		  base/netlink.c base/str.c
U_check_rules	= cmd/check_rules.c cmd/check_match.c natfw/backend.c \
		  natfw/iptables_leaf.c natfw/iptables_rule.c \
		  $(U_proc)
UNITS	+= check check_rules
U_notify	= base/notify.c base/str.c
U_report	= report.c status.c base/notify.c base/log.c base/date.c \
		  base/str.c
UNITS	+= notify report
# the engine and the jail are the test's own
U_nursery	= nursery.c base/proc.c base/log.c base/date.c base/str.c
UNITS	+= nursery
U_nl		= natfw/netlink.c natfw/nl_list.c natfw/nl_rule.c \
		  natfw/nfnl.c natfw/nlmsg.c natfw/nft_place.c natfw/nft_map.c \
		  natfw/nft_change.c natfw/backend.c natfw/table.c \
		  igd/natrule.c base/netlink.c base/str.c
L_nl		= $(addprefix -Xlinker --wrap=,nfnl_open nfnl_commit nfnl_dump)
UNITS	+= nl
U_dir		= base/dir.c
U_sort		= base/sort.c
U_relro		= base/relro.c
UNITS	+= dir sort relro

define unit_rule
$(BUILD)/tests/test_$(1): $(BUILD)/tests/unit/test_$(1).o $(U_$(1):%.c=$(BUILD)/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(ALLLDFLAGS) $$(L_$(1)) -o $$@ $$^ -lcmocka
unit-$(1): $(BUILD)/tests/test_$(1)
	@echo "== $$<"; $$<
endef
$(foreach u,$(UNITS),$(eval $(call unit_rule,$(u))))
UNIT_BINS = $(UNITS:%=$(BUILD)/tests/test_%)

units: $(UNIT_BINS)

unit: $(UNITS:%=unit-%)

# ---- fuzzing: a program a target, linked as a unit test is. By gcc it replays
# the corpus, which is a test; by clang it is libFuzzer, which looks for more.
F_httpmsg	= base/httpreq.c base/httpmsg.c base/str.c
F_xmltiny	= xmltiny.c base/str.c
F_conf		= $(U_conf)
F_leases	= leases.c $(PORTMAP) igd/natrule.c base/str.c
F_status	= status.c base/str.c
F_httpd		= $(U_httpd)
W_httpd		= recv send sendmsg
F_soap		= $(U_soap)
F_ctl		= $(U_ctl)
F_ssdp		= $(U_ssdp)
W_ssdp		= socket bind setsockopt recvmsg sendto
F_gena		= $(U_gena) xmltiny.c
W_gena		= getrandom
F_genasend	= $(U_genasend)
W_genasend	= recv send
F_netlink	= natfw/nfnl.c natfw/nlmsg.c natfw/watch.c base/netlink.c \
		  base/netif.c base/ports.c \
		  base/route.c base/conntrack.c base/str.c
W_netlink	= socket open open64
F_gate		= gate.c flows.c $(filter-out natfw/watch.c,$(NATFW)) igd/policy.c \
		  igd/natrule.c base/netlink.c base/str.c
W_gate		= nfnl_open nfnl_commit nfnl_dump
F_listing	= $(filter-out natfw/watch.c,$(NATFW)) igd/natrule.c \
		  base/netlink.c base/str.c
W_listing	= nfnl_open nfnl_commit nfnl_dump
F_confedit	= $(U_confedit)
F_ctlclient	= $(U_live)
W_ctlclient	= socket connect poll recv write clock_gettime \
		  $(MUSL_CLOCK)
FUZZ	= httpmsg httpd xmltiny soap ssdp gena genasend gate listing ctl \
	  netlink conf leases status confedit ctlclient

define fuzz_rule
$(BUILD)/tests/fuzz_$(1): $(BUILD)/tests/fuzz/fuzz_$(1).o $(FUZZ_MAIN) $(F_$(1):%.c=$(BUILD)/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(ALLLDFLAGS) $$(W_$(1):%=-Wl,--wrap=%) -o $$@ $$^
endef
FUZZ_MAIN = $(if $(LIBFUZZER),,$(BUILD)/tests/fuzz/replay.o)
$(foreach f,$(FUZZ),$(eval $(call fuzz_rule,$(f))))

fuzzers: $(FUZZ:%=$(BUILD)/tests/fuzz_%)

fuzz-replay: fuzzers
	@for f in $(FUZZ); do \
		$(BUILD)/tests/fuzz_$$f tests/fuzz/corpus/$$f || exit 1; \
	done

# All of them, or fuzz-TARGET, for FUZZ_SECONDS each; one that fails does not
# stop the others. Needs clang.
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

# Installs what the tests need (Debian, as root), then runs all of them.
test:
	tools/install-test-deps
	$(MAKE) -j"$$(nproc)" all units fuzzers
	$(MAKE) -j4 -O unit
	$(MAKE) all fuzz-replay layers man cli lab openwrt

layers: all
	python3 tests/layers.py $(BUILD)

# The pages against the table of options.
man: $(BUILD)/tests/test_confopt
	python3 tests/test_man.py $(BUILD)

# The command on files, without a daemon.
cli: all
	tests/cli/run

# Real kernel, real tools, real clients, in network namespaces. As root. The
# daemon is the release's but for one object: its engine ends at a system call
# that is not on the list, where a release's is refused it. So a run that passes
# has made none, and would have been the same with the release.
LAB_UPNPD = $(if $(filter deny,$(FILTER)),upnpd-end,upnpd)
lab: all $(BUILD)/$(LAB_UPNPD) $(BUILD)/tests/rogue
	UPNPD="$${UPNPD:-$(abspath $(BUILD))/$(LAB_UPNPD)}" tests/netns/run

$(BUILD)/upnpd-end: $(filter-out %/unlisted_deny.o,$(OBJ)) \
		$(BUILD)/end/unlisted_trap.o
	$(CC) $(ALLLDFLAGS) -o $@ $^

$(BUILD)/end/unlisted_trap.o: STD += -I$(BUILD) -DUNLISTED_ENDS=1
$(BUILD)/end/unlisted_trap.o: base/unlisted_trap.c $(BUILD)/base/sysname.h
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -c -o $@ $<

# The same under ASan and UBSan.
lab-san:
	$(MAKE) BUILD=$(BUILD)/san SAN=address,undefined all \
		$(BUILD)/san/tests/rogue
	LAB_SAN=1 UPNPD=$(abspath $(BUILD))/san/upnpd tests/netns/run

include tools/valgrind.mk

# 100,000 requests, 10,000 mappings, 1,000 subscribers; about ten minutes.
soak: all
	SOAK=1 tests/netns/run test_growth.py

# An engine in wrong hands: all of the program but its own processes.
$(BUILD)/tests/rogue: $(BUILD)/tests/netns/rogue.o \
		$(filter-out $(addprefix $(BUILD)/,upnpd.o monitor.o warden.o nursery.o engine.o), \
		$(OBJ))
	$(CC) $(ALLLDFLAGS) -o $@ $^

# The whole way once, to watch. As root; under a minute.
demo:
	tools/install-test-deps demo
	$(MAKE) all
	tools/demo.sh

# One file without any library, by musl. The kernel's headers come from the
# system's own folder.
static:
	+$(STATIC_MAKE) $(BUILD)/static/upnpd
	@! nm $(BUILD)/static/upnpd 2>&1 | grep -w malloc # base/mem.h has why
	strip $(BUILD)/static/upnpd
	ls -l $(BUILD)/static/upnpd
STATIC_MAKE = $(MAKE) BUILD=$(BUILD)/static CC=musl-gcc \
	      CFLAGS='$(SMALL) $(MUSL_INC) $(GUARD_$(shell uname -m))' \
	      LDFLAGS='$(SMALL)' STATIC=1
# Where the stack protector's value stands: musl has it in both places, and this
# one is shorter to read. As a static program's thread is, it is in .bss.
GUARD_x86_64 = -mstack-protector-guard=global
# As small as it gets; -Oz is known from gcc 12 on. What is turned off is on by
# -Os and makes this program larger, as measured: values kept over calls, calls
# in the place of a return (an epilogue each, with its stack protector), branches
# made twice, arguments taken apart; a table of jumps pays late. Fat: tools/size
# reads them, and unit-cross links them as they are.
SMALL	= $(if $(filter 0,$(shell musl-gcc -Oz -E -x c /dev/null >/dev/null 2>&1; \
	  echo $$?)),-Oz,-Os) -fno-caller-saves -fno-optimize-sibling-calls \
	  -fno-tree-dominator-opts -fno-ipa-sra -fno-ipa-modref \
	  --param case-values-threshold=20 -flto=auto -ffat-lto-objects
MUSL_LIB = /usr/lib/$(shell uname -m)-linux-musl
MUSL_INC = -fno-asynchronous-unwind-tables -idirafter /usr/include -idirafter /usr/include/$(shell uname -m)-linux-gnu

include tools/install.mk

# ---- other machines, size
include tools/cross.mk

# ---- busybox: the static binary is started there by dist/busybox/S60upnpd
lab: static-lab
static-lab:
	+$(STATIC_MAKE) $(BUILD)/static/$(LAB_UPNPD)

lab-san: static-san
static-san:
	$(MAKE) BUILD=$(BUILD)/san static

# ---- a whole router in a virtual machine: the lab has a test that boots it, if
# Debian's kernel can be had. By itself: make qemu.
lab: debian-kernel
debian-kernel:
	-tools/debian-kernel $(BUILD)/kernel

qemu:
	tools/install-test-deps
	$(MAKE) all static-lab debian-kernel $(BUILD)/$(LAB_UPNPD)
	UPNPD=$(abspath $(BUILD))/$(LAB_UPNPD) tests/netns/run test_qemu.py

.PHONY: qemu debian-kernel static-lab static-san

# ---- bench: beside both builds of Debian's miniupnpd, in one run. As root.
# ROUNDS=1 BENCH='regular expression' for those rows alone.
ROUNDS	?= 5
BENCH	?=
BENCH_TOOLS = $(BUILD)/load $(BUILD)/flows

$(BENCH_TOOLS): $(BUILD)/%: bench/%.c bench/number.h
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) $(WERROR) -O2 -o $@ $<

# Built as the daemon is, which it stands beside; static/floor, too.
$(BUILD)/floor: bench/floor.c
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $<

bench: all $(BENCH_TOOLS) $(BUILD)/floor
	tools/install-test-deps bench
	$(MAKE) static
	+$(STATIC_MAKE) $(BUILD)/static/floor
	bench/run.py --rounds $(ROUNDS) $(if $(BENCH),--only '$(BENCH)')

# ---- OpenWrt: its package, scripts and firewalls, with stand-ins. As root.
openwrt: all
	tests/openwrt/run
.PHONY: openwrt

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
# man is a folder, too.
.PHONY: all units unit fuzzers fuzz-replay fuzz test layers man cli lab \
	lab-san soak demo bench static clean
.SECONDARY:
